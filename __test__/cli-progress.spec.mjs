// The progress bar of the command line: for terminals, while something takes longer than a second.
import assert from 'node:assert/strict';
import { readFileSync, statSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { before, test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { inTerminal, noTerminal, root, runChild, temporaryDirectory } from './helpers.mjs';

const require = createRequire(import.meta.url);
const { start, stop, write, Snapshot } = require(root);
const { load } = require('../lib/native.js');
const directory = temporaryDirectory();
const plain = join(directory, 'a.heapprofile');
const later = join(directory, 'b.heapprofile');
const compressed = join(directory, 'a.pb.gz');

before(async () => {
  start({ sampleIntervalBytes: 1024 });
  globalThis.held = Array.from({ length: 10_000 }, (_, index) => ({ index }));
  await write(plain);
  // Not of one millisecond.
  await delay(10);
  await write(later);
  stop();
  await (await Snapshot.read(plain)).write(compressed);
});

/** Reads a file with a progress bar; the work ends when it is `isOver`. */
function program(isOver) {
  return `
    const { withProgress } = require(${JSON.stringify(join(root, 'lib', 'cli', 'progress.js'))});
    const { Snapshot } = require(${JSON.stringify(root)});
    const file = ${JSON.stringify(plain)};
    const { stderr } = process;
    const startedAt = Date.now();
    withProgress([file, Buffer.alloc(1)], async () => {
      await Snapshot.read(file);
      while (!(${isOver})) await new Promise((resolve) => setTimeout(resolve, 10));
    }).then(() => process.stdout.write('the answer'));`;
}

const IS_SHOWN = 'stderr.bytesWritten > 0';
const IS_LATE = 'Date.now() - startedAt > 1500';

/** The bar, and a line that is cleared. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: terminals are told with those
const BAR = /^\x1b7(\x1b\[1G[█░]+ 99 % of [\d.]+ KiB read\x1b\[0K)+\x1b8\x1b\[1G\x1b\[2K/;

test('a terminal sees how far it is, and nothing of it when the answer comes', {
  skip: noTerminal,
}, async () => {
  const { code, stdout } = await inTerminal(['-e', program(IS_SHOWN)]);
  assert.equal(code, 0);
  assert.match(stdout, BAR);
  assert.equal(stdout.replace(BAR, ''), 'the answer');
});

test('a terminal sees nothing of what is done at once', async () => {
  const asTerminal = 'process.stderr.isTTY = true;';
  const { code, stdout, stderr } = await runChild('-e', [asTerminal + program('true')]);
  assert.deepEqual([code, stdout, stderr], [0, 'the answer', '']);
});

test('a pipe sees nothing', async () => {
  const { code, stdout, stderr } = await runChild('-e', [program(IS_LATE)]);
  assert.deepEqual([code, stdout, stderr], [0, 'the answer', '']);
});

test('what goes wrong meanwhile goes on going wrong', async () => {
  const failing = `process.stderr.isTTY = true;${program(`${IS_SHOWN} && nothing`)}`;
  const { code, stderr } = await runChild('-e', [failing]);
  assert.equal(code, 1);
  assert.match(stderr, BAR);
  assert.match(stderr, /ReferenceError: nothing is not defined/);
});

test('what is read is counted, compressed files as they are', async () => {
  const { bytesRead } = load();
  const all = [plain, later, compressed];
  for (const [read, length] of [
    [() => Snapshot.read(plain), statSync(plain).size],
    [() => Snapshot.read(compressed), statSync(compressed).size],
    [() => Snapshot.parse(readFileSync(plain)), statSync(plain).size],
    [() => Snapshot.leaks(all), all.reduce((total, file) => total + statSync(file).size, 0)],
  ]) {
    const already = bytesRead();
    await read();
    assert.equal(bytesRead() - already, length);
  }
});

test('what tables are made of is loaded by those who see one only', async () => {
  const { stdout } = await runChild('-e', [
    `require(${JSON.stringify(root)});
    require(${JSON.stringify(join(root, 'lib', 'cli', 'main.js'))});
    const { print } = require(${JSON.stringify(join(root, 'lib', 'cli', 'report.js'))});
    const isOfTables = (path) => /node_modules.(picocolors|simple-wcswidth)/.test(path);
    const count = () => console.log(Object.keys(require.cache).filter(isOfTables).length > 0);
    count();
    print({}, () => ({ lines: [], columns: [{ title: 'a' }], rows: [['b']] }), {});
    count();`,
  ]);
  assert.equal(stdout, 'false\n\na\nb\ntrue\n');
});
