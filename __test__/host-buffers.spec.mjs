// Buffers by function never hurt the host: the hooked allocator on all ways to make Buffers, freed on any thread, with
// workers that end in any order, without memory, and at the end of the program. All of it in child processes.
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { fixture, root, runChild, temporaryDirectory } from './helpers.mjs';

const directory = temporaryDirectory();
const data = join(directory, 'data');
writeFileSync(data, createHash('shake256', { outputLength: 700_000 }).update('data').digest());

const elsewhere = process.platform !== 'linux' && 'Buffers are sampled on Linux only';

async function runFixture(name, args, options) {
  const { code, signal, stdout, stderr } = await runChild(fixture('buffers', name), args, options);
  assert.deepEqual([code, signal, stderr], [0, null, '']);
  return JSON.parse(stdout);
}

/** What a session knows that was there before it started: Node.js's own pools. */
const BEFORE = 250_000;

const FLAGS = [[], ['--gc-interval=20'], ['--stress-compaction']];

for (const execArgv of FLAGS) {
  const title = `Buffers of all kinds are attributed ${execArgv}`;
  test(title, { skip: elsewhere }, async () => {
    const { arrayBuffers, bytes, names } = await runFixture('ways.js', [data, '64'], { execArgv });
    assert.ok(bytes.high > arrayBuffers - BEFORE, `${bytes.high} of ${arrayBuffers}`);
    assert.ok(bytes.low < arrayBuffers + 100_000, `${bytes.low} of ${arrayBuffers}`);
    for (const name of ['(socket read)', '(message)', '(datagram read)', '(buffer pool)']) {
      assert.ok(names.includes(name), name);
    }
  });
}

test('workers exchange Buffers and end', { skip: elsewhere }, async () => {
  const { workers, bytes } = await runFixture('exchange.js', ['30'], { timeout: 240_000 });
  assert.equal(workers, 30);
  assert.ok(bytes >= 0);
});

test('what is garbage leaves nothing behind', { skip: elsewhere }, async () => {
  const options = { execArgv: ['--expose-gc'], timeout: 240_000 };
  const { grown } = await runFixture('churn.js', ['300000', '16384'], options);
  assert.ok(grown < 150_000_000, `${grown} bytes more`);
});

test('sessions begin and end', { skip: elsewhere }, async () => {
  const { bytes, held } = await runFixture('restart.js', ['500']);
  assert.equal(bytes, held);
});

test('stacks may be odd', { skip: elsewhere }, async () => {
  const options = { execArgv: ['--expose-gc'], timeout: 240_000 };
  const { bytes, codes } = await runFixture('odd.js', ['2000'], options);
  assert.ok(bytes > 2_900_000 && bytes < 3_200_000, `${bytes}`);
  // One that is terminated ends with 1, unless it was faster.
  assert.ok(
    codes.every((code) => code === 0 || code === 1),
    `${codes}`,
  );
});

const START = `const heapProfile = require(${JSON.stringify(root)});
  heapProfile.start({ externalMemory: true, sampleIntervalBytes: 1024 });
  const kept = Array.from({ length: 50 }, () => Buffer.alloc(20_000));`;

const ENDINGS = {
  'by itself': '',
  'by process.exit()': 'process.exit();',
  'by an error': `process.on('uncaughtException', () => process.exit(0)); setImmediate(() => { throw 1; });`,
  'by process.reallyExit()': 'process.reallyExit(0);',
  'with a worker that runs': `new (require('node:worker_threads').Worker)(
    ${JSON.stringify(START)} + 'setInterval(() => kept.push(Buffer.alloc(20_000)), 1)', { eval: true });
    setTimeout(() => process.exit(), 300);`,
  'after a stop': 'heapProfile.stop(); kept.length = 0;',
};

for (const [title, code] of Object.entries(ENDINGS)) {
  test(`a program ends ${title}`, { skip: elsewhere }, async () => {
    const ended = await runChild('-e', [`${START} ${code}`]);
    assert.deepEqual([ended.code, ended.signal, ended.stderr], [0, null, '']);
  });
}

const SHOW = 'console.log(JSON.stringify(heapProfile.status().externalMemory));';

test('an allocator that is not Node.js’s own is left alone, with a warning', {
  skip: elsewhere,
}, async () => {
  const code = `${START} heapProfile.start({ externalMemory: true }); ${SHOW}
    heapProfile.snapshot().encode().then((bytes) => {
      console.log(JSON.stringify(JSON.parse(bytes).heapProfile.externalMemory));
    });`.replace(', sampleIntervalBytes: 1024', '');
  const execArgv = ['--debug-arraybuffer-allocations'];
  const { code: status, stdout, stderr } = await runChild('-e', [code], { execArgv });
  assert.equal(status, 0);
  const [told, inFile] = stdout
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line));
  assert.equal(told.enabled, false);
  assert.match(told.reason, /not Node\.js's own/);
  assert.deepEqual(inFile, told);
  assert.equal(stderr.match(/HeapProfileWarning: Buffers are not sampled/g).length, 1);
});

test('who does not ask for Buffers gets none', async () => {
  const code = `const heapProfile = require(${JSON.stringify(root)});
    heapProfile.start({ sampleIntervalBytes: 1024 });
    const kept = Buffer.alloc(1_000_000);
    ${SHOW}
    heapProfile.snapshot().top({ memory: 'buffers' }).then(({ bytes }) => console.log(bytes.estimate));`;
  const { stdout } = await runChild('-e', [code]);
  assert.equal(stdout, 'null\n0\n');
});
