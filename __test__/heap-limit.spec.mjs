// Profiles that native code writes when a thread runs out of heap: before V8 ends the process, or Node.js the
// worker. Few deaths here; bench/heap-limit.mjs has many, on all Node.js majors.
import assert from 'node:assert/strict';
import { readdirSync, statSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { test } from 'node:test';
import { fixture, root, runChild, temporaryDirectory } from './helpers.mjs';

const { Snapshot } = createRequire(import.meta.url)(root);

/** Ends as V8 has it end; how, and the paths of what was written. */
async function runOut(way, { profiles = '2', where = '', heap = 64, execArgv = [] } = {}) {
  const directory = temporaryDirectory();
  const child = await runChild(fixture('run-out.js'), [way, directory, profiles, where], {
    // The flag would be stronger than what a worker is given.
    execArgv: where === 'worker' ? execArgv : [`--max-old-space-size=${heap}`, ...execArgv],
    cwd: directory,
  });
  const names = readdirSync(directory).sort();
  const files = names.filter((name) => name.endsWith('.heapprofile'));
  return { ...child, directory, names, files: files.map((name) => join(directory, name)) };
}

/** The function that holds most, or who called it where V8 has a name for that one only. */
async function culprits(path) {
  const snapshot = await Snapshot.read(path);
  const [site] = (await snapshot.top({ limit: 1, by: 'stack' })).sites;
  return JSON.stringify(site);
}

const WAYS = {
  arrays: 'growArray',
  objects: 'keepObjects',
  strings: 'keepStrings',
  map: 'growMap',
  json: 'parseRows',
  promises: 'keepObjects|promises',
};

for (const [way, culprit] of Object.entries(WAYS)) {
  test(`dies of ${way}: a whole profile names ${culprit}, and the end stays V8's`, async () => {
    const { code, signal, stderr, files, names } = await runOut(way);
    // Node.js calls abort(), which is 134 where a shell is between.
    assert.ok(signal === 'SIGABRT' || code === 134, `${code} ${signal} ${stderr}`);
    assert.match(stderr, /FATAL ERROR: .*JavaScript heap out of memory/);
    assert.ok(files.length === 1 || files.length === 2, String(names));
    assert.deepEqual(names.length, files.length);
    assert.match(await culprits(files[0]), new RegExp(culprit));
    assert.equal(statSync(files[0]).mode & 0o777, 0o600);
    const snapshot = await Snapshot.read(files[0]);
    assert.deepEqual(snapshot.labels, { way });
    assert.equal(snapshot.memoryUsage, null);
    assert.equal(snapshot.threadId, 0);
  });
}

test("a worker's limit is left to Node.js, which ends the worker alone", async () => {
  const { code, stdout, stderr, files } = await runOut('strings', { where: 'worker' });
  assert.equal(code, 0, stderr);
  assert.match(stdout, /worker ERR_WORKER_OUT_OF_MEMORY\nalive 1\n/);
  assert.deepEqual(files, []);
});

test('who survives is told, and has the old limit back', async () => {
  const { code, stdout, stderr, files } = await runOut('survive', { execArgv: ['--expose-gc'] });
  assert.equal(code, 0, stderr);
  assert.equal(files.length, 1);
  assert.match(stdout, new RegExp(`written heapLimit ${files[0]}\n`));
  assert.match(stdout, /limit restored\n/);
});

for (const where of ['none', 'own']) {
  test(`without our session, and ${where} of another agent, it dies as ever`, async () => {
    const { code, signal, stderr, names } = await runOut('foreign', { where });
    assert.ok(signal === 'SIGABRT' || code === 134, `${code} ${signal} ${stderr}`);
    assert.match(stderr, /JavaScript heap out of memory/);
    assert.deepEqual(names, []);
  });
}

test("Node.js's own snapshot near the heap limit is taken, too", async () => {
  const execArgv = ['--heapsnapshot-near-heap-limit=1'];
  const { names, files, stderr } = await runOut('strings', { execArgv, profiles: '1' });
  assert.match(stderr, /JavaScript heap out of memory/);
  assert.ok(files.length >= 1, String(names));
  assert.equal(names.filter((name) => name.endsWith('.heapsnapshot')).length, 1, stderr);
});
