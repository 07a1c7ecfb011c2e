// A real server leaks, our file of it is opened in the real DevTools, and DevTools names the leak.
// UPDATE_SCREENSHOT=1 puts the picture into doc/, for the README.
import assert from 'node:assert/strict';
import { fork } from 'node:child_process';
import { once } from 'node:events';
import { copyFileSync, mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { after, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import autocannon from 'autocannon';
import { findChromium } from './browser.mjs';
import { openInDevTools } from './devtools.mjs';

const here = dirname(fileURLToPath(import.meta.url));
const root = join(here, '..', '..');
const directory = mkdtempSync(join(tmpdir(), 'shop-'));

const ROUTES = ['/cart', '/page', '/health', '/time', '/pid', '/uptime'];

after(() => rmSync(directory, { recursive: true, force: true }));

/** The profile of a server that ran from `directory` and got 3,000 requests for each route. */
async function profileServer() {
  const program = join(directory, 'server.js');
  copyFileSync(join(here, 'fixtures', 'server.js'), program);
  const server = fork(program, [root]);
  try {
    const [port] = await once(server, 'message');
    const { non2xx, errors } = await autocannon({
      url: `http://127.0.0.1:${port}`,
      amount: 3000 * ROUTES.length,
      requests: ROUTES.map((path) => ({ path })),
    });
    assert.equal(non2xx + errors, 0);
    server.send(join(directory, 'server.heapprofile'));
    const [file] = await once(server, 'message');
    return file;
  } finally {
    server.disconnect();
    await once(server, 'exit');
  }
}

/** Sum of the selfSize of all nodes of a function, as DevTools' bottom-up view has it. */
function selfBytes(file, functionName) {
  let sum = 0;
  const pending = [JSON.parse(readFileSync(file, 'utf8')).head];
  while (pending.length > 0) {
    const { callFrame, selfSize, children } = pending.pop();
    if (callFrame.functionName === functionName) sum += selfSize;
    pending.push(...children);
  }
  return sum;
}

test('DevTools shows the leaking function first, with the estimate of our file', async () => {
  findChromium(); // If it is missing, say so before all else.
  const file = await profileServer();
  const screenshot = join(directory, 'devtools.png');
  const rows = await openInDevTools(file, { screenshot });

  const [leak] = rows;
  const source = readFileSync(join(here, 'fixtures', 'server.js'), 'utf8').split('\n');
  assert.equal(leak.functionName, 'rememberSession');
  assert.ok(leak.url.endsWith('/server.js'), leak.url);
  assert.equal(
    leak.line,
    source.findIndex((line) => line.includes('function rememberSession')) + 1,
  );
  const estimate = selfBytes(file, 'rememberSession');
  // 3,000 sessions of 300 objects with two fields and a number each: about 60 MB.
  assert.ok(estimate > 30e6 && estimate < 120e6, String(estimate));
  assert.ok(Math.abs(leak.selfBytes / estimate - 1) < 1e-9, `${leak.selfBytes}, ${estimate}`);

  assert.ok(statSync(screenshot).size > 10_000);
  if (process.env.UPDATE_SCREENSHOT === '1') {
    copyFileSync(screenshot, join(root, 'doc', 'devtools-allocation-profile.png'));
  }
});

test('DevTools reads a file with lines as ever: functions, where they start', async () => {
  findChromium();
  const file = join(root, '__test__', 'fixtures', 'lines', 'cache.heapprofile');
  const [remember] = await openInDevTools(file);
  const { functionName, line, selfBytes: shown } = remember;
  assert.deepEqual([functionName, line], ['remember', 6]);
  assert.ok(Math.abs(shown / selfBytes(file, 'remember') - 1) < 1e-9);
});
