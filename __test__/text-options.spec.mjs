// Sizes and durations as people write them, on the command line and in the environment.
import assert from 'node:assert/strict';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { test } from 'node:test';
import { root } from './helpers.mjs';

const require = createRequire(import.meta.url);
const { readAge, readBytes, readDuration, readPairs, readSampleInterval } = require(
  join(root, 'lib', 'text-options.js'),
);

test('sizes', () => {
  for (const [text, bytes] of [
    ['1', 1],
    ['65536', 65536],
    ['64KiB', 65536],
    ['64kib', 65536],
    ['512k', 524288],
    ['1MiB', 1048576],
    ['1.5M', 1572864],
    ['10B', 10],
    ['1GiB', 2 ** 30],
  ]) {
    assert.equal(readSampleInterval('size', text), bytes, text);
  }
});

test('durations', () => {
  for (const [text, milliseconds] of [
    ['500ms', 500],
    ['60s', 60_000],
    ['1.5s', 1500],
    ['5m', 300_000],
    ['1h', 3_600_000],
    ['7d', 604_800_000],
  ]) {
    assert.equal(readDuration('time', text), milliseconds, text);
  }
});

test('of files and of their age there may be more', () => {
  assert.equal(readBytes('size', '20GiB'), 20 * 2 ** 30);
  assert.equal(readAge('age', '90d'), 7_776_000_000);
});

test('pairs', () => {
  assert.deepEqual(
    { ...readPairs('x', 'service=api,query=a=b') },
    { service: 'api', query: 'a=b' },
  );
  const invalid = { code: 'ERR_INVALID_ARG_VALUE', message: /^x needs labels such as .*, got "/ };
  for (const text of ['', 'a', '=b', 'a=b,']) assert.throws(() => readPairs('x', text), invalid);
});

test('what is neither, or out of range, is an error that names it', () => {
  for (const text of ['', 'k', '-1', '1e3', '64KB', '1TiB', ' 1', '0x10', '1 k', 'constructor']) {
    const invalid = {
      name: 'TypeError',
      code: 'ERR_INVALID_ARG_VALUE',
      message: /^--x needs a size such as .*, got "/,
    };
    assert.throws(() => readSampleInterval('--x', text), invalid, text);
  }
  for (const text of ['', '60', 's', '1w', '-1s', '1 s']) {
    const invalid = {
      code: 'ERR_INVALID_ARG_VALUE',
      message: /^--x needs a duration such as .*, got "/,
    };
    assert.throws(() => readDuration('--x', text), invalid, text);
  }
  for (const [read, text] of [
    [readSampleInterval, '0'],
    [readSampleInterval, '0.5'],
    [readSampleInterval, '2048MiB'],
    [readDuration, '0s'],
    [readDuration, '600h'],
  ]) {
    assert.throws(() => read('--x', text), { name: 'RangeError', code: 'ERR_OUT_OF_RANGE' }, text);
  }
});
