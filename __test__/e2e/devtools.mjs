// Opens a .heapprofile in the real Chrome DevTools and reads the rows of its Memory panel.
import { accessSync, constants, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { chromium } from 'playwright-core';

const NAMES = ['chromium', 'chromium-browser', 'google-chrome', 'google-chrome-stable'];
const STEP_MS = 60_000;

// Without these Chromium looks for its updates and other hosts of its maker's.
const QUIET = [
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-gpu',
  '--disable-sync',
  '--no-first-run',
];

/** The browser: CHROMIUM_PATH, else the first of the usual names on PATH. */
export function findChromium() {
  const directories = (process.env.PATH ?? '').split(delimiter);
  const onPath = NAMES.flatMap((name) => directories.map((directory) => join(directory, name)));
  const { CHROMIUM_PATH } = process.env;
  const found = CHROMIUM_PATH === undefined ? onPath.find(isExecutable) : CHROMIUM_PATH;
  if (found !== undefined && isExecutable(found)) return found;
  throw new Error(
    `Chromium is missing: looked for ${found ?? `${NAMES.join(', ')} on PATH`}. Install it ` +
      '(Debian: apt-get install chromium) or set CHROMIUM_PATH to its executable.',
  );
}

function isExecutable(path) {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}

/**
 * Loads a profile as a person would: Memory panel, "Load profile", the profile's name.
 *
 * @param {string} file a .heapprofile
 * @param {{ screenshot?: string }} options where to save a picture of the panel, 1280 by 800
 * @returns {Promise<{ functionName: string, url: string, line: number | null,
 *   selfBytes: number, totalBytes: number }[]>} the rows of the view "Heavy (bottom up)", largest
 *   self size first; bytes as DevTools has them, not rounded; `line` is 1-based, as shown
 */
export async function openInDevTools(file, { screenshot } = {}) {
  const executablePath = findChromium();
  const profile = mkdtempSync(join(tmpdir(), 'heap-profile-chromium-'));
  // Chromium's sandbox does not work for root.
  const sandbox = process.getuid?.() === 0 ? ['--no-sandbox'] : [];
  let browser;
  try {
    browser = await chromium.launchPersistentContext(profile, {
      executablePath,
      viewport: { width: 1280, height: 800 },
      args: [...QUIET, ...sandbox],
    });
    const page = browser.pages()[0] ?? (await browser.newPage());
    page.setDefaultTimeout(STEP_MS);
    await load(page, file);
    if (screenshot !== undefined) await page.screenshot({ path: screenshot });
    return await page.locator('tr.data-grid-data-grid-node').evaluateAll(readRows);
  } finally {
    await browser?.close();
    rmSync(profile, { recursive: true, force: true });
  }
}

async function load(page, file) {
  await page.goto('devtools://devtools/bundled/devtools_app.html');
  await page.getByRole('tab', { name: 'Memory' }).click();
  const chooser = page.waitForEvent('filechooser');
  await page
    .getByRole('button', { name: /load profile/i })
    .first()
    .click();
  await (await chooser).setFiles(file);
  await page.getByRole('treeitem', { name: /Loaded/ }).click();
  await page.locator('tr.data-grid-data-grid-node').first().waitFor();
}

/** Runs in the page. A cell's label has what it shows rounded: "524316.0004 bytes, 0.41 %". */
function readRows(rows) {
  const bytes = (row, column) => {
    const cell = row.querySelector(`td.${column}`);
    const label = cell.getAttribute('aria-label') ?? cell.getAttribute('title') ?? '';
    return Number(/^([\d.e+]+) bytes/.exec(label)?.[1]);
  };
  return rows.map((row) => {
    const cell = row.querySelector('td.function-column');
    const link = cell.querySelector('.profile-node-file');
    const place = link?.textContent ?? '';
    return {
      functionName: cell.textContent.slice(0, cell.textContent.length - place.length).trim(),
      url: link?.getAttribute('title') ?? '',
      line: /:(\d+)$/.test(place) ? Number(/:(\d+)$/.exec(place)[1]) : null,
      selfBytes: bytes(row, 'self-column'),
      totalBytes: bytes(row, 'total-column'),
    };
  });
}
