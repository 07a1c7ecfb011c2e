// Opens a flame graph page from disk, in the real Chromium, and counts what it does not ask for.
import { pathToFileURL } from 'node:url';
import { withPage } from './browser.mjs';

/** The frames that are drawn: what is written on each, where it is and how wide. */
const FRAMES = '#graph g.frame';

/**
 * What `use(page)` makes of the page. Fails if the page throws, writes an error to the console,
 * shows a dialog, or asks for anything but itself.
 */
export async function withFlamegraph(file, use) {
  return withPage(async (page) => {
    const wrong = [];
    page.on('pageerror', (error) => wrong.push(error.stack));
    page.on('console', (message) => {
      if (message.type() === 'error') wrong.push(message.text());
    });
    page.on('dialog', (dialog) => {
      wrong.push(`a dialog: ${dialog.message()}`);
      dialog.dismiss();
    });
    const url = pathToFileURL(file).href;
    page.on('request', (request) => {
      if (request.url() !== url) wrong.push(`a request: ${request.url()}`);
    });
    await page.goto(url);
    await page.locator(FRAMES).first().waitFor();
    const result = await use(page);
    if (wrong.length > 0) throw new Error(`${file}:\n${wrong.join('\n')}`);
    return result;
  });
}

/** The frame of that name; the topmost if there are several. */
export function frame(page, name) {
  return page.locator(`${FRAMES}[name=${JSON.stringify(name)}]`).first();
}

/** Names of the frames that are drawn, by row from the top. */
export function frameRows(page) {
  return page.locator(FRAMES).evaluateAll((frames) => {
    const rows = [];
    for (const one of frames) {
      const [, , y] = /translate\(([^,]+),([^)]+)\)/.exec(one.getAttribute('transform'));
      const row = Math.round(Number(y) / Number(one.getAttribute('height')));
      rows[row] = [...(rows[row] ?? []), one.getAttribute('name')];
    }
    return rows;
  });
}
