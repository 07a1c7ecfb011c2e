// How many full garbage collections a session has seen: in status(), snapshots, files. Each program runs
// in a process of its own, whose heap nobody else collects.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { root, runChild, temporaryDirectory } from './helpers.mjs';

const directory = temporaryDirectory();

/** What a program reports with `tell`. */
async function run(program, execArgv = ['--expose-gc']) {
  const head = `
    const heapProfile = require(${JSON.stringify(root)});
    const { Snapshot, start, stop, status, snapshot } = heapProfile;
    const { Worker } = require('node:worker_threads');
    const tell = (value) => console.log(JSON.stringify(value));`;
  const args = [`${head}\n(async () => {${program}})();`];
  const child = await runChild('-e', args, { execArgv, cwd: directory });
  assert.equal(child.code, 0, child.stderr);
  return child.stdout
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line));
}

test('each full collection of the session counts, a scavenge does not', async () => {
  const [none, minor, three, again] = await run(`
    gc();
    start();
    tell(status().fullCollections);
    gc({ type: 'minor' });
    tell(status().fullCollections);
    for (let i = 0; i < 3; i++) gc();
    tell(status().fullCollections);
    stop();
    gc();
    start();
    tell(status().fullCollections);`);
  assert.deepEqual([none, minor, three, again], [0, 0, 3, 0]);
});

test('a capture tells how many there were, and so does its file', async () => {
  const captured = await run(`
    start({ sampleIntervalBytes: 1024 });
    gc();
    gc();
    const taken = snapshot();
    tell(taken.fullCollections);
    for (const name of ['a.heapprofile', 'a.pb.gz']) {
      tell((await Snapshot.read(await taken.write(name))).fullCollections);
    }`);
  assert.deepEqual(captured, [2, 2, 2]);
});

test('with forceGC the capture itself makes one', async () => {
  const captured = await run(`
    start({ forceGC: true });
    tell(snapshot().fullCollections);
    tell(snapshot().fullCollections);`);
  assert.deepEqual(captured, [1, 2]);
});

test('a file that does not tell has none', async () => {
  const [count] = await run(`
    const file = { head: { callFrame: { functionName: '(root)', scriptId: '0', url: '',
      lineNumber: -1, columnNumber: -1 }, selfSize: 0, id: 1, children: [] }, samples: [] };
    tell((await Snapshot.parse(Buffer.from(JSON.stringify(file)))).fullCollections);`);
  assert.equal(count, null);
});

test('worker threads count their own, and their end takes nothing along', async () => {
  const counts = await run(`
    start();
    const work = \`
      const { start, status } = require(${JSON.stringify(root)});
      start();
      gc();
      gc();
      require('node:worker_threads').parentPort.postMessage(status().fullCollections);\`;
    for (let i = 0; i < 10; i++) {
      const worker = new Worker(work, { eval: true });
      worker.once('message', tell);
      await new Promise((resolve) => worker.on('exit', resolve));
    }
    const own = status().fullCollections;
    gc();
    tell(status().fullCollections - own);`);
  assert.deepEqual(counts, [...Array(10).fill(2), 1]);
});
