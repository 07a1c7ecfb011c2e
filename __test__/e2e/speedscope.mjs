// Opens a profile in the real speedscope, from npm, and reads the rows of its Sandwich view.
import { once } from 'node:events';
import { createReadStream } from 'node:fs';
import { createServer } from 'node:http';
import { createRequire } from 'node:module';
import { basename, dirname, extname, join } from 'node:path';
import { withPage } from './browser.mjs';

const manifest = createRequire(import.meta.url).resolve('speedscope/package.json');
const release = join(dirname(manifest), 'dist', 'release');

const TYPES = { '.html': 'text/html', '.js': 'text/javascript', '.css': 'text/css' };

/**
 * Loads a profile as a person would: "Browse", then the Sandwich view, which sums up by function.
 *
 * @param {string} file a profile of any format that speedscope reads
 * @returns {Promise<{ name: string, total: string, self: string }[]>} the rows, largest self value
 *   first, as shown: '17.28 MB (96%)'
 */
export async function openInSpeedscope(file) {
  const server = createServer(serve).listen(0, '127.0.0.1');
  await once(server, 'listening');
  try {
    return await withPage(async (page) => {
      await page.goto(`http://127.0.0.1:${server.address().port}/index.html`);
      await page.locator('input[type=file]').setInputFiles(file);
      await page.getByText('Sandwich').click();
      await page.locator('table tr').nth(1).waitFor();
      return page.locator('table tr').evaluateAll(readRows);
    });
  } finally {
    server.closeAllConnections();
    server.close();
  }
}

/** The release is one directory of files. */
function serve({ url }, response) {
  const name = basename(new URL(url, 'http://127.0.0.1').pathname);
  response.setHeader('Content-Type', TYPES[extname(name)] ?? 'application/octet-stream');
  createReadStream(join(release, name))
    .on('error', () => response.writeHead(404).end())
    .pipe(response);
}

/** Runs in the page. */
function readRows(rows) {
  const texts = rows.map((row) => [...row.querySelectorAll('td')].map((cell) => cell.textContent));
  return texts
    .filter((cells) => cells.length === 3)
    .map(([total, self, name]) => ({ total, self, name }));
}
