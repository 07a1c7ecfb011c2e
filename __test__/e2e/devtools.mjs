// Opens a .heapprofile in the real Chrome DevTools and reads the rows of its Memory panel.
import { withPage } from './browser.mjs';

/**
 * Loads a profile as a person would: Memory panel, "Load profile", the profile's name.
 *
 * @param {string} file a .heapprofile
 * @param {{ screenshot?: string }} options where to save a picture of the panel, 1280 by 800
 * @returns {Promise<{ functionName: string, url: string, line: number | null,
 *   selfBytes: number, totalBytes: number }[]>} the rows of the view "Heavy (bottom up)", largest
 *   self size first; bytes as DevTools has them, not rounded; `line` is 1-based, as shown
 */
export function openInDevTools(file, { screenshot } = {}) {
  return withPage(async (page) => {
    await load(page, file);
    if (screenshot !== undefined) await page.screenshot({ path: screenshot });
    return page.locator('tr.data-grid-data-grid-node').evaluateAll(readRows);
  });
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
