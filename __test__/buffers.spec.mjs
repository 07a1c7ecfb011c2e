// Buffers by function: their numbers against the truth, leaks of them by name, and what commands and formats say of them.
import assert from 'node:assert/strict';
import { mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { before, describe, test } from 'node:test';
import heapProfile from '../index.js';
import { cli, fixture, runChild, temporaryDirectory } from './helpers.mjs';

const elsewhere = process.platform !== 'linux' && 'Buffers are sampled on Linux only';
const directory = temporaryDirectory();

const RUNS = 30;
/**
 * Of 30 runs 95 of 100 are within: that 7 are not happens to one program of 2,000. Measured are 29 or 30, on all
 * Node.js (doc/buffers.md).
 */
const MOST_MISSES = 6;

test('what the program holds is within the interval, by site too', {
  skip: elsewhere,
}, async () => {
  const options = { execArgv: ['--expose-gc'], timeout: 240_000 };
  const { code, stdout, stderr } = await runChild(fixture('buffers', 'held.js'), [RUNS], options);
  assert.deepEqual([code, stderr], [0, '']);
  const runs = stdout
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line));
  assert.equal(runs.length, RUNS);
  const isWithin = ({ low, high }, truth) => low <= truth && truth <= high;
  const sum = (held) => Object.values(held).reduce((one, other) => one + other);
  // Beside what the program holds there is what Node.js does.
  const whole = ({ bytes, held }) => isWithin({ ...bytes, low: bytes.low - 100_000 }, sum(held));
  const right = runs.filter(whole).length;
  assert.ok(right >= RUNS - MOST_MISSES, `${right} of ${RUNS}`);
  for (const name of Object.keys(runs[0].held)) {
    const right = runs.filter(({ held, found }) => isWithin(found[name], held[name])).length;
    assert.ok(right >= RUNS - MOST_MISSES, `${name}: ${right} of ${RUNS}`);
  }
});

const LEAKS = {
  upload: { functionName: 'keepUpload', file: 'leak.js' },
  socket: { functionName: '(socket read)', file: '' },
  slice: { functionName: 'keepSlice', file: 'leak.js' },
};

for (const [leak, { functionName, file }] of Object.entries(LEAKS)) {
  test(`a leak by ${leak} is named`, { skip: elsewhere }, async () => {
    const profiles = join(directory, leak);
    mkdirSync(profiles);
    const { code, stderr } = await runChild(fixture('buffers', 'leak.js'), [leak, profiles]);
    assert.deepEqual([code, stderr], [0, '']);
    const { stdout } = await cli(['leaks', profiles, '--json']);
    const { verdict, sites } = JSON.parse(stdout);
    assert.match(verdict, /leaking|growing/);
    const [site] = sites;
    assert.equal(site.functionName, functionName);
    assert.ok(site.url.endsWith(file), site.url);
    assert.equal(site.heapLimitMs, null);
    const ofHeap = JSON.parse(
      (await cli(['leaks', profiles, '--memory', 'heap', '--json'])).stdout,
    );
    assert.notEqual(ofHeap.sites[0]?.functionName, '(socket read)');
    assert.ok(!(ofHeap.sites[0]?.liveBytes.estimate > site.liveBytes.estimate / 3));
  });
}

describe('of a capture', { skip: elsewhere }, () => {
  let file;
  let snapshot;
  const kept = [];

  before(async () => {
    heapProfile.start({ externalMemory: true, sampleIntervalBytes: 4096 });
    function keepBuffers() {
      for (let left = 100; left > 0; left--) kept.push(Buffer.alloc(20_000), { left });
    }
    keepBuffers();
    snapshot = heapProfile.snapshot();
    heapProfile.stop();
    file = join(directory, 'capture.heapprofile');
    await snapshot.write(file);
  });

  test('get() and tree() are of the heap', () => {
    const text = JSON.stringify(snapshot.tree());
    assert.ok(text.includes('(root)') && !text.includes('(array buffer)'));
    assert.ok(JSON.stringify(snapshot).includes('(array buffer)'));
  });

  test('heap and buffers are both', async () => {
    const bytes = async (memory) => (await snapshot.top({ memory })).bytes.estimate;
    const [heap, buffers, both] = await Promise.all(['heap', 'buffers', 'both'].map(bytes));
    assert.ok(Math.abs(heap + buffers - both) < 1e-3);
    assert.ok(buffers > 1_900_000 && buffers < 2_300_000, `${buffers}`);
    assert.equal(both, await bytes(undefined));
    assert.ok(Math.abs(both - snapshot.liveBytes) < 1e-3);
  });

  test('the function has them, the line the leaf', async () => {
    const { sites } = await snapshot.top({ memory: 'buffers', hideNodeInternals: true });
    assert.equal(sites[0].functionName, 'keepBuffers');
    const { head } = snapshot.toJSON();
    const leaves = [];
    const pending = [head];
    for (let node = pending.pop(); node !== undefined; node = pending.pop()) {
      if (node.callFrame.functionName === '(array buffer)') leaves.push(node);
      pending.push(...node.children);
    }
    assert.ok(leaves.length > 0);
    assert.ok(
      leaves.every(({ callLineNumber, children }) => callLineNumber > 0 && children.length === 0),
    );
  });

  for (const ending of ['heapprofile', 'pb.gz']) {
    test(`${ending} tells them apart`, async () => {
      const name = join(directory, `again.${ending}`);
      await snapshot.write(name);
      const again = await heapProfile.Snapshot.read(name);
      const bytes = async (of) => (await of.top({ memory: 'buffers' })).bytes.estimate;
      assert.ok(Math.abs((await bytes(again)) - (await bytes(snapshot))) < 10);
    });
  }

  test('commands take --memory', async () => {
    for (const command of ['top', 'diff', 'flamegraph']) {
      const args = command === 'diff' ? [file, file] : [file];
      const output = command === 'flamegraph' ? ['-o', '-'] : ['--limit', '1000'];
      const run = (memory) => cli([command, ...args, '--memory', memory, ...output]);
      const [heap, buffers] = await Promise.all([run('heap'), run('buffers')]);
      assert.deepEqual([heap.code, buffers.code], [0, 0], heap.stderr + buffers.stderr);
      assert.notEqual(heap.stdout, buffers.stdout);
      const { code, stderr } = await run('all');
      assert.equal(code, 2);
      assert.match(stderr, /--memory needs heap, buffers or both, got "all"/);
    }
  });

  test('wrong memory is an error', async () => {
    await assert.rejects(snapshot.top({ memory: 'ram' }), { code: 'ERR_INVALID_ARG_VALUE' });
    await assert.rejects(snapshot.top({ memory: 1 }), { code: 'ERR_INVALID_ARG_TYPE' });
    await assert.rejects(snapshot.encodeFlamegraph({ memory: '' }), {
      code: 'ERR_INVALID_ARG_VALUE',
    });
  });
});

test('run --external-memory has programs sample them', { skip: elsewhere }, async () => {
  const program = join(directory, 'program.js');
  writeFileSync(
    program,
    'globalThis.kept = Array.from({ length: 100 }, () => Buffer.alloc(100_000));',
  );
  const dir = join(directory, 'run');
  const options = ['--external-memory', '--sample-interval', '4KiB', '--dir', dir];
  const { code, stderr } = await cli(['run', ...options, '--', program]);
  assert.equal(code, 0, stderr);
  const [name] = readdirSync(dir);
  const { stdout } = await cli(['top', join(dir, name), '--memory', 'buffers', '--json']);
  const { bytes } = JSON.parse(stdout);
  // At such an interval each of them is a sample.
  assert.ok(bytes.estimate >= 10_000_000 && bytes.estimate < 10_500_000, stdout);
});
