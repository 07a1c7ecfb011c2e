// Files that are made to hurt whoever reads them: an error with a code, in little memory.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { existsSync, lstatSync, mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { gzipSync } from 'node:zlib';
import heapProfile, { Snapshot } from '../index.js';
import { cli, fixture, root, runChild, temporaryDirectory } from './helpers.mjs';

const directory = temporaryDirectory();
const MB = 1 << 20;
const captures = await takeCaptures();
const profile = join(directory, 'real.heapprofile');
writeFileSync(profile, await captures[0].encode());
const later = await captures[1].write(join(directory, 'later.heapprofile'));

/** gzip of `start` and then `piece` until it is as large as that: one after the other, which gzip allows. */
function bomb(start, piece, size) {
  const many = gzipSync(Buffer.alloc(piece.length * Math.ceil((16 * MB) / piece.length), piece), {
    level: 9,
  });
  return Buffer.concat([gzipSync(start), ...Array(Math.ceil(size / many.length)).fill(many)]);
}

const bombs = {
  'a megabyte of white space': () => bomb('', ' ', MB),
  'a value that nobody knows': () => bomb('{"x":"', 'a', 3 * MB),
  'an array that nobody knows': () => bomb('{"x":[0', ',0', MB),
  'brackets without end': () => bomb('{"x":', '[', MB),
  'nodes in nodes': () => bomb('{"head":', '{"children":[', MB),
  'nodes in nodes of something else': () => bomb('', '{"children":[', 4 * MB),
  'nodes in a row': () =>
    bomb('{"head":{"functionName":"","children":[{"functionName":""}', ',{"functionName":""}', MB),
  'a long name': () => bomb('{"head":{"functionName":"', 'a', MB),
  'a long key': () => bomb('{"', 'a', MB),
  'ordinals of nothing': () => bomb('{"heapProfile":{"collectedOrdinals":[0', ',0', MB),
  'metadata that nobody knows': () => bomb('{"heapProfile":{"x":[0', ',0', MB),
  'samples of nothing': () =>
    bomb('{"samples":[{"size":0,"nodeId":0,"ordinal":0}', ',{"size":0,"nodeId":0,"ordinal":0}', MB),
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

test('a flame graph of nodes in nodes takes seconds', { timeout: 30_000 }, async () => {
  const nodes = Array.from({ length: 200_000 }, (_, index) => {
    return `{"functionName":"f${index % 7}","selfSize":1,"children":[`;
  });
  const text = `{"head":${nodes.join('')}${']}'.repeat(nodes.length)}}`;
  const page = await (await Snapshot.parse(Buffer.from(text))).encodeFlamegraph();
  assert.ok(page.length > 0);
});

const refused = { code: 'ERR_INVALID_PROFILE', message: /is not a regular file/ };

/** Two of one session, not of one millisecond. */
async function takeCaptures() {
  heapProfile.start();
  const first = heapProfile.snapshot();
  await delay(10);
  const captures = [first, heapProfile.snapshot()];
  heapProfile.stop();
  return captures;
}

function pipe(name) {
  const path = join(directory, name);
  execFileSync('mkfifo', [path]);
  return path;
}

test('pipes and devices are not read', { timeout: 20_000 }, async () => {
  for (const path of [pipe('nobody-writes.heapprofile'), '/dev/zero', '/dev/null']) {
    await assert.rejects(Snapshot.read(path), refused);
    const { skipped } = await Snapshot.leaks([path, profile, later]);
    assert.match(skipped[0].message, refused.message);
  }
});

test('of a directory, leaks takes regular files', { timeout: 20_000 }, async () => {
  const files = join(directory, 'files');
  mkdirSync(join(files, 'directory.heapprofile'), { recursive: true });
  execFileSync('mkfifo', [join(files, 'pipe.heapprofile')]);
  symlinkSync('/dev/zero', join(files, 'device.pb.gz'));
  await captures[1].write(join(files, 'real.heapprofile'));
  symlinkSync(profile, join(files, 'link.heapprofile'));
  const { stdout, stderr } = await cli(['leaks', files, '--json']);
  assert.ok(stdout, stderr);
  const { snapshots, skipped } = JSON.parse(stdout);
  assert.deepEqual([snapshots.length, skipped], [2, []], stderr);
});

test('-o goes where the system says', { timeout: 60_000 }, async () => {
  const at = (name) => join(directory, name);
  mkdirSync(at('far/away'), { recursive: true });
  symlinkSync('far/away', at('link'));
  symlinkSync('later', at('dangling'));
  symlinkSync('loop', at('loop'));
  const convert = (to) => cli(['convert', profile, '-o', to], { cwd: directory });
  assert.equal((await convert('link/../up.heapprofile')).code, 0);
  assert.ok(existsSync(at('far/up.heapprofile')) && !existsSync(at('up.heapprofile')));
  assert.equal((await convert('dangling')).code, 0);
  assert.ok(lstatSync(at('dangling')).isSymbolicLink() && lstatSync(at('later')).isFile());
  for (const [path, expected] of [
    ['new/', /EISDIR/],
    ['new/.', /ENOENT/],
    ['loop', /ELOOP/],
    [pipe('nobody-reads'), /ENXIO/],
  ]) {
    const { code, stderr } = await convert(path);
    assert.equal(code, 1);
    assert.match(stderr, expected);
  }
  assert.ok(!existsSync(at('new')));
});

test('-o into a pipe is written as a stream, and into what stands for it', {
  timeout: 60_000,
}, async () => {
  const program = 'exec "$0" bin/heap-profile.js convert "$1" -o "$2" | cat';
  const expected = await (await Snapshot.read(profile)).encode();
  for (const place of ['/dev/stdout', '/proc/self/fd/1', pipedLink()]) {
    const { stdout, stderr } = await runChild('-c', [program, process.execPath, profile, place], {
      command: 'sh',
      cwd: root,
    });
    assert.ok(stdout.includes(expected.toString()), stderr);
  }
  assert.ok(lstatSync('/dev/stdout').isSymbolicLink());
});

/** A link of our own, in case the other ones are damaged. */
function pipedLink() {
  const path = join(directory, 'stdout');
  symlinkSync('/proc/self/fd/1', path);
  return path;
}

/** Runs a program in an address space that a reader without bounds would fill. Node itself reserves gigabytes. */
function limited(program, args) {
  const command = 'ulimit -v 16000000 && exec "$0" "$@"';
  return runChild('-c', [command, process.execPath, program, ...args], { command: 'sh' });
}
