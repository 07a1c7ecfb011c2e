// Worker threads: each sampled on its own, ended at any moment.
import assert from 'node:assert/strict';
import { cpSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import {
  fixture,
  readDirectory,
  readProfile,
  root,
  runChild,
  temporaryDirectory,
} from './helpers.mjs';

const directory = temporaryDirectory();

test('100 workers are terminated at random moments: no crash, no hang, files whole', async () => {
  const files = temporaryDirectory();
  const { code, stdout, stderr } = await runChild(fixture('host', 'workers.js'), [files]);
  assert.deepEqual([code, stdout], [0, 'done 1024\n'], stderr);
  const { profiles, others } = readDirectory(files);
  assert.deepEqual(others, []);
  assert.ok(profiles.length >= 50, `${profiles.length} files`);
});

test('a write in flight completes when its worker ends', async () => {
  for (const how of ['exit', 'end', 'terminate']) {
    const path = join(directory, `${how}.heapprofile`);
    const { code, stdout, stderr } = await runChild(fixture('host', 'write-in-worker.js'), [
      path,
      how,
    ]);
    assert.deepEqual([code, stdout], [0, 'worker ended\n'], stderr);
    assert.equal(readProfile(path).heapProfile.threadId, 1);
  }
});

for (const [pending, bytes] of [
  ['encode', 20e6],
  ['encodeFlamegraph', 4e6],
]) {
  test(`what ${pending}() has made when its worker ends is freed`, async () => {
    const { code, stdout, stderr } = await runChild(fixture('host', 'encode-in-worker.js'), [
      pending,
    ]);
    assert.equal(code, 0, stderr);
    const rss = JSON.parse(stdout);
    // The first workers make the heap that the others use again. All that the rest made stayed.
    const growth = rss.at(-1) - rss[7];
    assert.ok(growth < ((rss.length - 8) * bytes) / 3, `${growth} bytes more, of ${rss.at(-1)}`);
  });
}

test('the main thread and a worker are sampled independently', async () => {
  const program = `
    const { Worker, isMainThread, parentPort, threadId } = require('node:worker_threads');
    const assert = require('node:assert/strict');
    const heapProfile = require(${JSON.stringify(root)});
    const ours = () => {
      const { active, sampleIntervalBytes, threadId } = heapProfile.status();
      return { active, sampleIntervalBytes, threadId };
    };
    if (isMainThread) {
      heapProfile.start({ sampleIntervalBytes: 4096 });
      const worker = new Worker(__filename);
      worker.on('message', (message) => {
        assert.deepEqual(ours(), { active: true, sampleIntervalBytes: 4096, threadId: 0 });
        if (message === 'stopped') return;
        heapProfile.stop();
        assert.equal(ours().active, false);
        worker.postMessage('main stopped');
      });
      worker.on('exit', (code) => console.log('worker', code));
    } else {
      assert.equal(heapProfile.status().active, false);
      heapProfile.start({ sampleIntervalBytes: 1000 });
      heapProfile.stop();
      parentPort.postMessage('stopped');
      heapProfile.start({ sampleIntervalBytes: 2000 });
      parentPort.postMessage('started');
      parentPort.once('message', () => {
        assert.deepEqual(ours(), { active: true, sampleIntervalBytes: 2000, threadId: 1 });
        assert.ok(heapProfile.get().children.length > 0);
      });
    }`;
  const path = join(directory, 'independent.js');
  writeFileSync(path, program);
  const { code, stdout, stderr } = await runChild(path);
  assert.deepEqual([code, stdout], [0, 'worker 0\n'], stderr);
});

test('two copies of the package do not get in each other’s way', async () => {
  const copy = join(directory, 'copy');
  const parts = readdirSync(root).filter((name) => name.endsWith('.node'));
  for (const part of ['index.js', 'package.json', 'lib', ...parts]) {
    cpSync(join(root, part), join(copy, part), { recursive: true });
  }
  const program = `
    const assert = require('node:assert/strict');
    const first = require(${JSON.stringify(root)});
    const second = require(${JSON.stringify(copy)});
    first.start();
    assert.throws(() => second.start(), { code: 'ERR_SAMPLER_IN_USE' });
    assert.throws(() => second.get(), { code: 'ERR_NOT_SAMPLING' });
    second.stop();
    assert.equal(first.status().active, true);
    assert.equal(second.status().active, false);
    first.get();
    first.stop();
    second.start();
    second.get();
    assert.throws(() => first.start(), { code: 'ERR_SAMPLER_IN_USE' });
    console.log('fine');`;
  const path = join(directory, 'copies.js');
  writeFileSync(path, program);
  const { code, stdout, stderr } = await runChild(path);
  assert.deepEqual([code, stdout], [0, 'fine\n'], stderr);
});

test('stop() takes little memory: a worker that is near its limit goes on', async () => {
  const program = `
    const { Worker, isMainThread } = require('node:worker_threads');
    const { getHeapStatistics } = require('node:v8');
    const heapProfile = require(${JSON.stringify(root)});
    if (isMainThread) {
      const resourceLimits = { maxOldGenerationSizeMb: 16, maxYoungGenerationSizeMb: 4 };
      const worker = new Worker(__filename, { resourceLimits });
      worker.on('error', (error) => console.log(error.code));
      worker.on('exit', (code) => console.log('worker', code));
    } else {
      // What it holds is old, and was there before the session: no sample is of it.
      const rows = (globalThis.rows = []);
      while (getHeapStatistics().used_heap_size < 10 * 2 ** 20) {
        rows.push(Array.from({ length: 500 }, (_, index) => ({ index })));
        if (rows.length % 50 === 0) gc();
      }
      heapProfile.start({ sampleIntervalBytes: 2 ** 20 });
      heapProfile.stop();
    }`;
  const path = join(directory, 'near-limit.js');
  writeFileSync(path, program);
  const { code, stdout, stderr } = await runChild(path, [], { execArgv: ['--expose-gc'] });
  assert.deepEqual([code, stdout], [0, 'worker 0\n'], stderr);
});
