// `heap-profile convert`: formats, pipes, source maps, and what is wrong with files.
import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { test } from 'node:test';
import { gunzipSync } from 'node:zlib';
import { cli, readProfile, root, temporaryDirectory } from './helpers.mjs';

const { start, write, Snapshot } = createRequire(import.meta.url)(root);
const directory = temporaryDirectory();
const file = join(directory, 'a.heapprofile');

start({ sampleIntervalBytes: 1024 });
globalThis.held = Array.from({ length: 10_000 }, (_, index) => ({ index }));
await write(file);

test('the name of the output tells the format, --format overrules it', async () => {
  const [pprof, folded] = [join(directory, 'a.pb.gz'), join(directory, 'a.txt')];
  for (const [args, stdout] of [
    [['-o', pprof], `wrote ${pprof}\n`],
    [
      ['-o', folded, '--format', 'folded', '--json'],
      `${JSON.stringify({ files: [folded] }, null, 2)}\n`,
    ],
  ]) {
    const expected = { code: 0, signal: null, stdout, stderr: '' };
    assert.deepEqual(await cli(['convert', file, ...args]), expected);
  }
  const [before, after] = await Promise.all([Snapshot.read(file), Snapshot.read(pprof)]);
  assert.equal(after.sampleCount, before.sampleCount);
  assert.match(readFileSync(folded, 'utf8'), /^\(root\);.* \d+$/m);
  assert.ok(gunzipSync(readFileSync(pprof)).length > 0);
});

test('- reads stdin and writes stdout', async () => {
  const input = readFileSync(file, 'utf8');
  const { code, stdout, stderr } = await cli(['convert', '-', '-o', '-'], { input });
  assert.deepEqual([code, stderr], [0, '']);
  assert.deepEqual(JSON.parse(stdout).head, JSON.parse(input).head);
});

test('--source-maps names the original code, and warns where it cannot', async () => {
  const url = join(directory, 'built.js');
  const map = { version: 3, sources: ['original.ts'], names: [], mappings: 'AASA' };
  const encoded = Buffer.from(JSON.stringify(map)).toString('base64');
  const mapComment = '//# sourceMappingURL';
  writeFileSync(url, `function f(){}\n${mapComment}=data:application/json;base64,${encoded}\n`);
  const lost = join(directory, 'lost.js');
  writeFileSync(lost, `function g(){}\n${mapComment}=missing.map\n`);

  const { head, samples } = readProfile(file);
  const [frame, other] = [url, lost].map((path) => ({
    ...head.callFrame,
    url: path,
    lineNumber: 0,
    columnNumber: 0,
  }));
  const children = [frame, other].map((callFrame, index) => ({
    callFrame,
    selfSize: 0,
    id: 2 ** 31 + index,
    children: [],
  }));
  const input = JSON.stringify({
    head: { ...head, children: [...head.children, ...children] },
    samples,
  });
  const out = join(directory, 'mapped.heapprofile');
  const { code, stderr } = await cli(['convert', '-', '-o', out, '--source-maps'], { input });
  assert.equal(code, 0);
  assert.match(stderr, /^warning: .*lost\.js: .*missing\.map.* \(frames: 1\)$/m);
  const mapped = readProfile(out)
    .head.children.slice(-2)
    .map((node) => node.callFrame);
  assert.deepEqual([mapped[0].url, mapped[0].lineNumber], [join(directory, 'original.ts'), 9]);
  assert.equal(mapped[1].url, lost);
});

for (const [what, args, message] of [
  ['a file that is not there', ['nothing.heapprofile', '-o', 'x'], /^error: ENOENT.*nothing/],
  [
    'a file that is no profile',
    [join(root, 'package.json'), '-o', 'x'],
    /^error: .*package\.json: /,
  ],
  ['a directory that is not there', [file, '-o', 'no/x'], /^error: ENOENT.*open .*no\/x/],
  ['stdin without a profile', ['-', '-o', 'x'], /^error: stdin: .*empty/],
]) {
  test(`${what} is one line and exit code 1`, async () => {
    const { code, stdout, stderr } = await cli(['convert', ...args], { cwd: directory });
    assert.deepEqual([code, stdout], [1, '']);
    assert.match(stderr, message);
    assert.equal(stderr.split('\n').length, 2);
  });
}

test('.html is a flame graph, with --source-maps too', async () => {
  const page = join(directory, 'a.html');
  for (const args of [[], ['--source-maps']]) {
    const { code, stdout } = await cli(['convert', file, '-o', page, ...args]);
    assert.deepEqual([code, stdout], [0, `wrote ${page}\n`]);
    const expected = await (await Snapshot.read(file)).encodeFlamegraph();
    assert.equal(readFileSync(page, 'utf8'), expected.toString());
  }
});

test('a name that means another format is refused before anything is read', async () => {
  for (const name of ['a.svg', 'a.PNG', 'a.pprof', 'a.heapprofile.gz', 'a.cpuprofile', 'a.PB.GZ']) {
    const { code, stdout, stderr } = await cli(['convert', 'nothing', '-o', name], {
      cwd: directory,
    });
    assert.deepEqual([code, stdout], [2, '']);
    const known = '.heapprofile, .pb.gz, .folded, .html';
    assert.ok(
      stderr.startsWith(
        `error: ${name} means a format that is not written here; known are ${known}\n`,
      ),
      stderr,
    );
  }
  // Who says the format may call the file anything.
  const named = ['-o', 'named.svg', '--format', 'folded'];
  const { code } = await cli(['convert', file, ...named], { cwd: directory });
  assert.equal(code, 0);
  assert.match(readFileSync(join(directory, 'named.svg'), 'utf8'), /^\(root\)/);
});
