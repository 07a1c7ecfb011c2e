// Files that are made to hurt whoever reads them: an error with a code, in little memory.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { gzipSync } from 'node:zlib';
import { cli, fixture, runChild, temporaryDirectory } from './helpers.mjs';

const directory = temporaryDirectory();
const MB = 1 << 20;

/** gzip of `start` and then `piece` until it is as large as that: one after the other, which gzip allows. */
function bomb(start, piece, size) {
  const many = gzipSync(Buffer.alloc(piece.length * Math.ceil((16 * MB) / piece.length), piece), { level: 9 });
  return Buffer.concat([gzipSync(start), ...Array(Math.ceil(size / many.length)).fill(many)]);
}

const bombs = {
  'a megabyte of white space': () => bomb('', ' ', MB),
  'a value that nobody knows': () => bomb('{"x":"', 'a', 3 * MB),
  'an array that nobody knows': () => bomb('{"x":[0', ',0', MB),
  'brackets without end': () => bomb('{"x":', '[', MB),
  'nodes in nodes': () => bomb('{"head":', '{"children":[', MB),
  'nodes in nodes of something else': () => bomb('', '{"children":[', 4 * MB),
  'nodes in a row': () => bomb('{"head":{"functionName":"","children":[{"functionName":""}', ',{"functionName":""}', MB),
  'a long name': () => bomb('{"head":{"functionName":"', 'a', MB),
  'a long key': () => bomb('{"', 'a', MB),
  'ordinals of nothing': () => bomb('{"heapProfile":{"collectedOrdinals":[0', ',0', MB),
  'metadata that nobody knows': () => bomb('{"heapProfile":{"x":[0', ',0', MB),
  'samples of nothing': () => bomb('{"samples":[{"size":0,"nodeId":0,"ordinal":0}', ',{"size":0,"nodeId":0,"ordinal":0}', MB),
  'empty samples': () => bomb('', Buffer.from([0x12, 0]), 250_000),
  'empty sample types': () => bomb('', Buffer.from([0x0a, 0]), MB),
  'empty locations': () => bomb('', Buffer.from([0x22, 0]), MB),
  'empty functions': () => bomb('', Buffer.from([0x2a, 0]), MB),
  'empty strings': () => bomb('', Buffer.from([0x32, 0]), MB),
};

for (const [name, make] of Object.entries(bombs)) {
  test(`${name}: an error in less than 300 MB`, async () => {
    const path = join(directory, 'bomb.gz');
    writeFileSync(path, make());
    const { code, stdout, stderr } = await limited(fixture('read-hostile.mjs'), [path]);
    assert.equal(code, 0, stderr);
    const { read, parse, peak } = JSON.parse(stdout);
    assert.deepEqual([read, parse], ['ERR_INVALID_PROFILE', 'ERR_INVALID_PROFILE']);
    assert.ok(peak < 300 * MB, `${Math.round(peak / MB)} MB`);
  });
}

/** Runs a program in an address space that a reader without bounds would fill. Node itself reserves gigabytes. */
function limited(program, args) {
  const command = 'ulimit -v 16000000 && exec "$0" "$@"';
  return runChild('-c', [command, process.execPath, program, ...args], { command: 'sh' });
}
