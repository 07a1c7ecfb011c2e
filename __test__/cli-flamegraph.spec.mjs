// `heap-profile flamegraph` and the functions on Snapshot behind it. What the page does,
// e2e/flamegraph.spec.mjs tests in a browser.
import assert from 'node:assert/strict';
import { chmodSync, existsSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { before, test } from 'node:test';
import { cli, fixture, root, runChild, temporaryDirectory } from './helpers.mjs';

const require = createRequire(import.meta.url);
const { Snapshot } = require(root);
const { openerOf } = require('../lib/cli/open-file.js');
const directory = temporaryDirectory();
const first = join(directory, '0.heapprofile');
const last = join(directory, '5.heapprofile');
const inDirectory = { cwd: directory };

before(async () => {
  const { code, stderr } = await runChild(fixture('cli', 'leaky.js'), [directory]);
  assert.equal(code, 0, stderr);
});

/** The data in a page; throws unless the page is whole. */
function dataOf(html) {
  assert.match(html, /^<!doctype html>/i);
  assert.match(html, /<\/html>\s*$/);
  assert.doesNotMatch(html, /\{\{\w+\}\}|<!-- (style|scripts) -->/);
  return JSON.parse(/<script id="data" type="application\/json">(.*?)<\/script>/.exec(html)[1]);
}

/** But for the last digits: floating-point sums depend on the order. */
function assertSame(one, other) {
  for (const key of ['estimate', 'low', 'high']) {
    assert.ok(Math.abs(one[key] / other[key] - 1) < 1e-9, `${key}: ${one[key]}, ${other[key]}`);
  }
}

test('writes one file, private and whole, next to nothing else', async () => {
  const existing = readdirSync(directory);
  const { code, stdout, stderr } = await cli(['flamegraph', last], inDirectory);
  assert.deepEqual([code, stdout, stderr], [0, 'wrote 5.heapprofile.html\n', '']);
  const file = join(directory, '5.heapprofile.html');
  assert.equal(statSync(file).mode & 0o777, 0o600);
  assert.equal(readdirSync(directory).length, existing.length + 1);
  const html = readFileSync(file, 'utf8');
  assert.doesNotMatch(html, /<(script|link|img|iframe)[^>]*\s(src|href)=/);
  const data = dataOf(html);
  const snapshot = await Snapshot.read(last);
  assert.equal(data.growth, null);
  assertSame(data.bytes, snapshot.estimate().bytes);
  for (const tree of [data.calls, data.callers]) {
    assert.deepEqual([tree[0].parent, tree[0].bytes], [0, data.bytes]);
    const children = tree.slice(1).filter(({ parent }) => parent === 0);
    const sum = children.reduce((total, { bytes }) => total + bytes.estimate, 0);
    assert.ok(sum > 0 && sum <= 1.000001 * data.bytes.estimate);
    assert.ok(tree.every(({ parent }, index) => index === 0 || parent < index));
  }
});

test('-o - writes to stdout, - reads stdin, --base tells growth', async () => {
  const input = readFileSync(last);
  const { code, stdout, stderr } = await cli(['flamegraph', '-', '--base', first, '-o', '-'], {
    input,
  });
  assert.deepEqual([code, stderr], [0, '']);
  const data = dataOf(stdout);
  const diff = await (await Snapshot.read(last)).diff(await Snapshot.read(first));
  assertSame(data.growth, diff.growth);
  assert.ok(data.functions.every(({ growth }) => growth !== null));
});

test('the page tells files, without their directories, samples and interval', async () => {
  const titleOf = async (...args) => {
    const input = args[0] === '-' ? readFileSync(last) : undefined;
    return dataOf((await cli(['flamegraph', ...args, '-o', '-'], { input })).stdout).title;
  };
  assert.equal(await titleOf(last), '5.heapprofile');
  assert.equal(await titleOf(last, '--base', first), '5.heapprofile since 0.heapprofile');
  assert.equal(await titleOf('-'), 'heap-profile');
  const snapshot = await Snapshot.read(last);
  const html = await snapshot.encodeFlamegraph();
  const { sampleCount, sampleIntervalBytes } = dataOf(html.toString());
  assert.equal(sampleCount, snapshot.estimate().sampleCount);
  assert.equal(sampleIntervalBytes, snapshot.sampleIntervalBytes);
});

test('start-up is what a module calls while it is loaded, and not what it does later', async () => {
  const html = await (await Snapshot.read(last)).encodeFlamegraph();
  const { frames, functions, withoutStartUp } = dataOf(html.toString());
  const leaked = (rows) =>
    rows.find(({ frame }) => frames[frame].functionName === 'leakRecord').own.estimate;
  // One sixth is leaked before the first await.
  const later = leaked(withoutStartUp.functions) / leaked(functions);
  assert.ok(later > 0.7 && later < 0.95, `${later}`);
});

test('--open opens the file, and says so if it cannot', {
  skip: process.platform !== 'linux' && "xdg-open is Linux's",
}, async () => {
  const bin = temporaryDirectory();
  const opened = join(bin, 'opened');
  const out = join(directory, 'a b&c.html');
  const open = () => cli(['flamegraph', last, '-o', out, '--open'], { env: { PATH: bin } });

  const without = await open();
  assert.equal(without.code, 1);
  assert.match(without.stderr, /error: no browser for .*a b&c\.html: there is no xdg-open\n$/);
  assert.ok(existsSync(out));

  writeFileSync(join(bin, 'xdg-open'), `#!/bin/sh\nprintf %s "$1" > ${opened}\n`);
  chmodSync(join(bin, 'xdg-open'), 0o755);
  assert.equal((await open()).code, 0);
  assert.equal(readFileSync(opened, 'utf8'), out);

  writeFileSync(join(bin, 'xdg-open'), '#!/bin/sh\nexit 3\n');
  assert.match((await open()).stderr, /xdg-open failed with exit code 3\n$/);

  // As it is if it starts the browser.
  writeFileSync(
    join(bin, 'xdg-open'),
    `#!/bin/sh\nprintf %s $$ > ${opened}\nexec /bin/sleep 1000\n`,
  );
  const { code, stdout } = await open();
  assert.deepEqual([code, stdout], [0, `wrote ${out}\n`]);
  process.kill(Number(readFileSync(opened, 'utf8')));
});

test('each system has its own opener', () => {
  const windows = openerOf('win32', "C:\\it's\u2019s %PATH% & more.html");
  assert.equal(
    windows.at(-1),
    "Start-Process -FilePath 'C:\\it''s\u2019\u2019s %PATH% & more.html'",
  );
  assert.deepEqual(openerOf('darwin', '/a b.html'), ['open', '/a b.html']);
  assert.deepEqual(openerOf('linux', '/a b.html'), ['xdg-open', '/a b.html']);
});

test('--json and --markdown tell the file', async () => {
  const { stdout } = await cli(['flamegraph', last, '--json'], inDirectory);
  assert.deepEqual(JSON.parse(stdout), { files: ['5.heapprofile.html'] });
  const markdown = await cli(['flamegraph', last, '-o', 'a_b.html', '--markdown'], inDirectory);
  assert.equal(markdown.stdout, 'wrote a\\_b.html\n');
});

test('wrong arguments', async () => {
  for (const [args, message] of [
    [[last, '-o', '-', '--open'], /--open needs a file/],
    [['-', '--base', '-'], /stdin is one profile/],
    [[last, '-o', 'a.svg'], /a\.svg means another format; a flame graph is \.html/],
    [[last, '-o', 'a.pb.gz'], /a\.pb\.gz means another format/],
    [[], /'flamegraph' needs FILE/],
  ]) {
    const { code, stderr } = await cli(['flamegraph', ...args]);
    assert.equal(code, 2);
    assert.match(stderr, message);
  }
  const snapshot = await Snapshot.read(last);
  const TYPE = { name: 'TypeError', code: 'ERR_INVALID_ARG_TYPE' };
  const VALUE = { name: 'TypeError', code: 'ERR_INVALID_ARG_VALUE' };
  await assert.rejects(snapshot.writeFlamegraph(), TYPE);
  await assert.rejects(snapshot.writeFlamegraph(''), VALUE);
  await assert.rejects(snapshot.writeFlamegraph('a.html', { base: last }), TYPE);
  await assert.rejects(snapshot.encodeFlamegraph({ bases: snapshot }), VALUE);
  const missing = join(directory, 'missing', 'a.html');
  await assert.rejects(snapshot.writeFlamegraph(missing), {
    code: 'ENOENT',
    syscall: 'open',
    path: missing,
  });
});
