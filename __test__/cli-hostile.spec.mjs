// Names in profiles are anything. What they can do to a terminal, a ticket or a reader's eye is nothing.
import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { before, test } from 'node:test';
import { describe } from '../flamegraph/text.mjs';
import heapProfile, { Snapshot } from '../index.js';
import { cli, temporaryDirectory } from './helpers.mjs';

const directory = temporaryDirectory();
const file = join(directory, 'a.heapprofile');
const later = join(directory, 'b.heapprofile');

/** Controls of C0 and C1, of direction; what has no width; tags; ends of lines; half a character. */
const HOSTILE = [
  ...['\u0007', '\u001b[2J', '\u007f', '\u0085', '\u009b31m'],
  ...['\u061c', '\u200e', '\u200f', '\u202a', '\u202e', '\u2066', '\u2069'],
  ...['\u00ad', '\u200b', '\u200c', '\u200d', '\u2060', '\ufeff', '\u{e0041}'],
  ...['\u2028', '\u2029', '\ud800'],
];
const NAME = `a${HOSTILE.join('b')}c`;
const UNPRINTABLE = /[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}]/u;
const isPlain = (text) => !UNPRINTABLE.test(text.replaceAll('\n', ''));

before(async () => {
  heapProfile.start({ sampleIntervalBytes: 512 });
  globalThis.held = Array.from({ length: 2000 }, (_, index) => ({ index }));
  for (const path of [file, later]) {
    await heapProfile.write(path);
    renameAll(path);
  }
  heapProfile.stop();
});

function renameAll(path) {
  const profile = JSON.parse(readFileSync(path, 'utf8'));
  const nodes = [profile.head];
  for (const node of nodes) nodes.push(...node.children);
  for (const { callFrame } of nodes) {
    callFrame.functionName = NAME;
    callFrame.url = `/app/@team/${NAME}.js`;
  }
  writeFileSync(path, JSON.stringify(profile));
}

test('neither text nor Markdown nor JSON has what is not printed', async () => {
  for (const command of [
    ['top', file],
    ['diff', file, later],
    ['leaks', file, later, '--verbose'],
  ]) {
    for (const form of [[], ['--markdown'], ['--json']]) {
      const { code, stdout, stderr } = await cli([...command, ...form]);
      assert.equal(code, 0, stderr);
      assert.ok(stdout.includes('@'), stdout);
      assert.ok(isPlain(stdout), JSON.stringify(stdout));
    }
  }
});

test('JSON is the same data, written in another way', async () => {
  const { stdout } = await cli(['top', file, '--json', '--limit', '5']);
  const snapshot = await Snapshot.read(file);
  assert.deepEqual(JSON.parse(stdout), await snapshot.top({ limit: 5 }));
  assert.match(stdout, /b\\u202eb.*b\\udb40\\udc41b/);
});

test('Markdown mentions nobody', async () => {
  const { stdout } = await cli(['top', file, '--markdown']);
  assert.doesNotMatch(stdout, /@\w/);
  assert.match(stdout, /\/app\/@&#8203;team\//);
});

test('errors are one line of printable text', async () => {
  const missing = join(directory, `\u202e\u009b31m\u200bmissing\nfile`);
  for (const args of [['top', missing], ['top', file, `--\u202e\u009b`], [`\u202e\u009b\u200b`]]) {
    const { code, stderr } = await cli(args);
    assert.ok(code > 0);
    assert.match(stderr, /^error: .*\n(See .*\n)?$/);
    assert.ok(isPlain(stderr), JSON.stringify(stderr));
  }
});

test('a flame graph shows names as the command line does', () => {
  const frame = { functionName: NAME, url: `/${NAME}.js`, lineNumber: 1, package: `@team/${NAME}` };
  const { name, place, shortPlace, package: owner, text: whole, searched } = describe(frame);
  for (const text of [name, place, shortPlace, owner, whole, searched]) {
    assert.ok(isPlain(text), JSON.stringify(text));
    assert.match(text, /ab?\ufffdb\ufffd/);
  }
});
