// The real browser that the tests open profiles in.
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

/** What `use` makes of a page, 1280 by 800, of a browser that is closed afterwards. */
export async function withPage(use) {
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
    return await use(page);
  } finally {
    await browser?.close();
    rmSync(profile, { recursive: true, force: true });
  }
}
