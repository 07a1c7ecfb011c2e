// Opens a flame graph page from disk, in the real Chromium, and counts what it does not ask for.
import { setTimeout as sleep } from 'node:timers/promises';
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

/** The frame of that name; any of them if there are several. */
export function frame(page, name) {
  return page.locator(`${FRAMES}[name=${JSON.stringify(name)}]`).first();
}

/** Names of the frames that are drawn, by row from the top and from left to right. */
export async function frameRows(page) {
  const frames = await page.locator(FRAMES).evaluateAll((elements) =>
    elements.map((element) => {
      const [, x, y] = /translate\(([^,]+),([^)]+)\)/.exec(element.getAttribute('transform'));
      const row = Math.round(Number(y) / Number(element.getAttribute('height')));
      return { name: element.getAttribute('name'), x: Number(x), row };
    }),
  );
  const rows = [];
  for (const { name, row } of frames.sort((one, other) => one.x - other.x)) {
    rows[row] = [...(rows[row] ?? []), name];
  }
  return rows;
}

/** Checks until it holds: frames move to their places a moment after a click. */
export async function eventually(check, timeout = 30_000) {
  const end = Date.now() + timeout;
  for (;;) {
    try {
      return await check();
    } catch (error) {
      if (Date.now() > end) throw error;
      await sleep(50);
    }
  }
}
