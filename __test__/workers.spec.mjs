// monitor({ workers: true }): each worker thread has a monitor, whatever it runs, and snapshotAll() has them all.
import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { test } from 'node:test';
import { gunzipSync } from 'node:zlib';
import { Profile } from 'pprof-format';
import { fixture, root, runChild, temporaryDirectory } from './helpers.mjs';

const { Snapshot } = createRequire(import.meta.url)(root);

/** A pprof file, as another library reads it. */
function decode(path) {
  return Profile.decode(gunzipSync(readFileSync(path)));
}

const unsupported = !('getBuiltinModule' in process) && 'needs process.getBuiltinModule()';

async function run(...args) {
  const directory = temporaryDirectory();
  const { code, stdout, stderr } = await runChild(fixture('workers', 'main.js'), [
    directory,
    ...args,
  ]);
  assert.equal(code, 0, stderr);
  return { directory, stderr, told: JSON.parse(stdout) };
}

/** Ids of the threads that have files. */
function threads(directory) {
  const ids = readdirSync(directory).map((name) => Number(/-(\d+)-\d{8}T\d{9}Z-/.exec(name)[1]));
  return [...new Set(ids)].sort((one, other) => one - other);
}

test('workers of all kinds are monitored: there before, later, ESM, with execArgv and env, nested', {
  skip: unsupported,
}, async () => {
  const { directory, told } = await run('kinds');
  assert.deepEqual(told.errors, []);
  assert.deepEqual(
    threads(directory),
    [0, ...told.threads].sort((one, other) => one - other),
  );
});

test('snapshotAll() merges all threads, each the root of its calls and a label', {
  skip: unsupported,
}, async () => {
  const { directory, told } = await run('all');
  assert.deepEqual(told.leftOut, []);
  const snapshot = await Snapshot.read(join(directory, 'all.heapprofile'));
  const { children } = snapshot.tree();
  const names = children.map(({ name }) => name).sort();
  assert.deepEqual(names, ['(main thread)', ...told.threads.map((id) => `(worker ${id})`)].sort());
  const { sites } = await snapshot.top({ by: 'stack', limit: 50 });
  for (const name of ['keepInMain', 'keepInWorker']) {
    assert.ok(JSON.stringify(sites).includes(name), name);
  }
  const { sample, stringTable } = decode(join(directory, 'all.pb.gz'));
  const labelled = sample.map(({ label }) => {
    const texts = label.map(({ key, str }) => [stringTable.strings[key], stringTable.strings[str]]);
    return Object.fromEntries(texts)['thread id'];
  });
  const ids = [0, ...told.threads].map(String);
  assert.deepEqual([...new Set(labelled)].sort(), ids.sort());
  assert.equal(snapshot.threadId, null);
});

test('a worker that blocks is left out, said so, and nobody waits longer than the deadline', {
  skip: unsupported,
}, async () => {
  const { told } = await run('blocked');
  assert.equal(told.leftOut.length, 1);
  assert.match(told.leftOut[0].reason, /did not answer in time|has not turned yet/);
  assert.ok(told.milliseconds < 30_000, String(told.milliseconds));
});

test('workers that end at once, throw or are terminated are none the worse', {
  skip: unsupported,
}, async () => {
  const { told } = await run('short');
  assert.deepEqual(told.errors, []);
  const { terminate, ...codes } = told.codes;
  assert.deepEqual(codes, { end: 0, exit: 7, throw: 1 });
  // 0 of one that had not begun.
  assert.ok(terminate === 0 || terminate === 1, String(terminate));
});

test('no port is opened, and the process ends by itself', { skip: unsupported }, async () => {
  const { told } = await run('port');
  assert.equal(told.url, null);
});

test('where it cannot be that is an error event, and the thread itself is monitored', {
  skip: !unsupported && 'is supported here',
}, async () => {
  const { told } = await run('port');
  assert.equal(told.errors.length, 1);
  assert.match(told.errors[0], /needs Node.js 20.16/);
});
