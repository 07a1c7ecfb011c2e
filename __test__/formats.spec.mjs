// Files: what is written in each format, what is read again, and what is no profile.
import assert from 'node:assert/strict';
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { gunzipSync, gzipSync } from 'node:zlib';
import { Profile } from 'pprof-format';
import heapProfile, { Snapshot } from '../index.js';
import { fixture, runChild, temporaryDirectory } from './helpers.mjs';

const directory = temporaryDirectory();
const retained = [];
let snapshot;

function keepRecords(count) {
  for (let i = 0; i < count; i++) retained.push({ index: i, values: [i, i, i, i] });
}

before(() => {
  heapProfile.start({ sampleIntervalBytes: 8192 });
  keepRecords(50_000);
  snapshot = heapProfile.snapshot();
});

after(() => heapProfile.stop());

/** The values of a pprof profile, summed up by type, and the labels of its first sample. */
function decodePprof(bytes) {
  const profile = Profile.decode(gunzipSync(bytes));
  const text = (index) => profile.stringTable.strings[Number(index)];
  const sums = profile.sampleType.map(({ type }, column) => [
    text(type),
    profile.sample.reduce((sum, { value }) => sum + Number(value[column]), 0),
  ]);
  const labels = profile.sample[0].label.map(({ key, str }) => [text(key), text(str)]);
  return {
    sums: Object.fromEntries(sums),
    labels: Object.fromEntries(labels),
    sampleCount: profile.sample.length,
  };
}

function assertClose(actual, expected, tolerance) {
  assert.ok(Math.abs(actual - expected) <= tolerance, `${actual} is not ${expected}`);
}

/** A .heapprofile of other tools: one function with `selfSize` bytes and a sample of them. */
function foreign(selfSize = 1024) {
  const callFrame = (functionName) => ({
    functionName,
    scriptId: '1',
    url: 'file:///app.js',
    lineNumber: 0,
    columnNumber: 0,
  });
  const leaf = { callFrame: callFrame('leak'), selfSize, id: 2, children: [] };
  const head = { callFrame: callFrame('(root)'), selfSize: 0, id: 1, children: [leaf] };
  return { head, samples: [{ size: selfSize, nodeId: 2, ordinal: 1 }] };
}

function idsOf({ id, children }) {
  return [id, ...children.flatMap(idsOf)];
}

const parseJson = (value) => Snapshot.parse(Buffer.from(JSON.stringify(value)));

test('what is written is read and written as the same bytes', async () => {
  for (const format of ['heapprofile', 'pprof']) {
    const bytes = await snapshot.encode(format, { labels: { service: 'shop' } });
    const again = await Snapshot.parse(bytes);
    assert.ok((await again.encode(format)).equals(bytes), format);
    assert.equal(again.sampleCount, snapshot.sampleCount);
    assert.equal(again.sampleIntervalBytes, 8192);
    assert.equal(again.takenAt.getTime(), snapshot.takenAt.getTime());
    assert.equal(again.timings, null);
    const [{ bytes: estimated }, { bytes: expected }] = [again.estimate(), snapshot.estimate()];
    assertClose(estimated.estimate, expected.estimate, 1e-9 * expected.estimate);
    assertClose(estimated.standardError, expected.standardError, 1e-9 * expected.standardError);
  }
});

test('a .heapprofile has the same tree and samples once more', async () => {
  const again = await Snapshot.parse(await snapshot.encode());
  assert.deepEqual(again.toJSON(), snapshot.toJSON());
  assert.equal(again.nodeCount, snapshot.nodeCount);
});

test('pprof has the estimates and the labels', async () => {
  const bytes = await snapshot.encode('pprof', { labels: { service: 'shop' } });
  const { sums, labels, sampleCount } = decodePprof(bytes);
  const estimate = snapshot.estimate();
  assert.deepEqual(Object.keys(sums), ['inuse_objects', 'inuse_space']);
  assertClose(sums.inuse_space, estimate.bytes.estimate, sampleCount / 2);
  assertClose(sums.inuse_objects, estimate.objects.estimate, sampleCount / 2);
  assert.equal(labels['thread id'], '0');
  assert.equal(labels.service, 'shop');
});

test('folded stacks add up to the estimate', async () => {
  const lines = (await snapshot.encode('folded')).toString().trimEnd().split('\n');
  const parsed = lines.map((line) => /^(.*) (\d+)$/.exec(line));
  const sum = parsed.reduce((total, [, , bytes]) => total + Number(bytes), 0);
  assertClose(sum, snapshot.estimate().bytes.estimate, lines.length);
  const stack = parsed.map(([, frames]) => frames).find((frames) => /keepRecords/.test(frames));
  assert.match(stack, /^\(root\);.*;keepRecords \(.*formats\.spec\.mjs:\d+\)/);
});

test('the name of a file says its format, the option says it better', async () => {
  const starts = { heapprofile: '{"head":', folded: '(root)', pprof: '\x1f\x8b' };
  const cases = [
    ['a.heapprofile', undefined, 'heapprofile'],
    ['a.json', undefined, 'heapprofile'],
    ['a.pb.gz', undefined, 'pprof'],
    ['a.folded', undefined, 'folded'],
    ['b.folded', 'pprof', 'pprof'],
    ['b.pb.gz', 'heapprofile', 'heapprofile'],
  ];
  for (const [name, format, expected] of cases) {
    const path = join(directory, name);
    assert.equal(await snapshot.write(path, { format }), path);
    const start = readFileSync(path, 'latin1').slice(0, starts[expected].length);
    assert.equal(start, starts[expected], name);
  }
});

test('files without a name get the extension of their format', async () => {
  const program = fixture('write-formats.js');
  const cwd = join(directory, 'unnamed');
  mkdirSync(cwd);
  const { code, stderr, stdout } = await runChild(program, [], { cwd });
  assert.equal(code, 0, stderr);
  const names = readdirSync(cwd);
  assert.deepEqual(JSON.parse(stdout).sort(), names.sort());
  assert.deepEqual(names.map((name) => name.replace(/^heap-profile-\d+/, '')).sort(), [
    '.folded',
    '.heapprofile',
    '.pb.gz',
  ]);
});

test('labels end up in a .heapprofile, and are added to those that were read', async () => {
  const labels = async (of, options) => JSON.parse(await of.encode('heapprofile', options));
  const first = await labels(snapshot, { labels: { service: 'shop', region: 'eu' } });
  assert.deepEqual(first.heapProfile.labels, { service: 'shop', region: 'eu' });
  const read = await parseJson(first);
  const second = await labels(read, { labels: { region: 'us', pod: '7' } });
  assert.deepEqual(second.heapProfile.labels, { service: 'shop', region: 'us', pod: '7' });
  // The snapshot itself has none.
  assert.equal((await labels(snapshot)).heapProfile.labels, undefined);
});

test("node --heap-prof's files keep their numbers", async () => {
  const cwd = join(directory, 'heap-prof');
  mkdirSync(cwd);
  const execArgv = ['--heap-prof', '--heap-prof-interval=8192'];
  const { code, stderr } = await runChild(fixture('keep.js'), [], { cwd, execArgv });
  assert.equal(code, 0, stderr);
  const [name] = readdirSync(cwd);
  const written = JSON.parse(readFileSync(join(cwd, name), 'utf8'));
  const read = await Snapshot.read(join(cwd, name));
  // V8 may leave the node of a sample out of the tree; and ours come oldest first.
  const ids = new Set(idsOf(written.head));
  const samples = written.samples
    .filter(({ nodeId }) => ids.has(nodeId))
    .sort((one, other) => one.ordinal - other.ordinal);
  assert.deepEqual(read.toJSON(), { head: written.head, samples });
  assert.equal(read.sampleCount, samples.length);
  assert.ok(read.liveBytes > 1e6, String(read.liveBytes));
  assert.ok(read.nodeCount > 1);
  for (const format of ['heapprofile', 'pprof']) {
    const bytes = await read.encode(format);
    assert.ok((await (await Snapshot.parse(bytes)).encode(format)).equals(bytes), format);
  }
});

test('of files of other tools nothing is estimated', async () => {
  const read = await parseJson(foreign());
  assert.equal(read.estimate(), null);
  assert.equal(read.estimate('allocated'), null);
  assert.equal(read.takenAt, null);
  assert.equal(read.sampleIntervalBytes, null);
  assert.equal(read.timings, null);
  assert.equal(read.liveBytes, 1024);
  assert.equal(read.tree().children[0].name, 'leak');
  assert.deepEqual(read.tree().children[0].allocations, [{ size: 1024, count: 1 }]);
  assert.deepEqual(decodePprof(await read.encode('pprof')).sums, { inuse_space: 1024 });
});

test('gzipped or not, all files can be read', async () => {
  for (const format of ['heapprofile', 'pprof']) {
    const bytes = await snapshot.encode(format);
    const other = format === 'pprof' ? gunzipSync(bytes) : gzipSync(bytes);
    assert.ok((await (await Snapshot.parse(other)).encode(format)).equals(bytes), format);
  }
});

test('the bytes may change while they are parsed', async () => {
  const bytes = await snapshot.encode();
  const parsing = Snapshot.parse(bytes);
  bytes.fill(0);
  assert.equal((await parsing).sampleCount, snapshot.sampleCount);
});

test('a tree of 10,000 levels is read on the pool, whose stack is small', async () => {
  const depth = 10_000;
  const open = (id) =>
    `{"callFrame":{"functionName":"f${id}","scriptId":"1","url":"","lineNumber":0,"columnNumber":0},` +
    `"selfSize":1,"id":${id},"children":[`;
  const ids = Array.from({ length: depth }, (_, index) => index + 1);
  const path = join(directory, 'deep.heapprofile');
  writeFileSync(path, `{"head":${ids.map(open).join('')}${']}'.repeat(depth)},"samples":[]}`);
  const read = await Snapshot.read(path);
  assert.equal(read.nodeCount, depth);
  assert.equal(read.liveBytes, depth);
  for (const format of ['heapprofile', 'pprof', 'folded']) {
    assert.ok((await read.encode(format)).length > 0, format);
  }
  const again = await Snapshot.parse(await read.encode('pprof'));
  // All stacks of pprof start from a root of their own, which is the first function here.
  assert.equal(again.nodeCount, depth);
});

test('what is no profile is an error that says where', async () => {
  const json = JSON.stringify(foreign());
  const cases = [
    ['', /at byte 0: nothing/],
    ['{"head":1}', /at byte 8: expected '\{', found '1'/],
    ['{"samples":[]}', /no "head"/],
    [json.slice(0, -10), /at byte \d+/],
    [`${json}}`, new RegExp(`at byte ${json.length}: expected the end`)],
    ['\x00\x01\x02', /neither JSON nor pprof/],
    [gzipSync(json).subarray(0, 60), /gzip/],
    [JSON.stringify(foreign(-1)), /a negative size/],
  ];
  for (const [contents, message] of cases) {
    const expected = { code: 'ERR_INVALID_PROFILE', message };
    await assert.rejects(Snapshot.parse(Buffer.from(contents)), expected);
    const path = join(directory, 'invalid');
    writeFileSync(path, contents);
    await assert.rejects(Snapshot.read(path), (error) => {
      assert.ok(error.message.startsWith(`${path}: `), error.message);
      assert.match(error.message, message);
      return error.code === 'ERR_INVALID_PROFILE';
    });
  }
});

test('file errors are those of Node', async () => {
  const missing = join(directory, 'missing.heapprofile');
  const expected = { code: 'ENOENT', syscall: 'open', path: missing };
  await assert.rejects(Snapshot.read(missing), expected);
  await assert.rejects(Snapshot.read(directory), { code: 'EISDIR', path: directory });
});

test('wrong arguments are refused, with the codes of Node', async () => {
  const type = { name: 'TypeError', code: 'ERR_INVALID_ARG_TYPE' };
  const value = { name: 'TypeError', code: 'ERR_INVALID_ARG_VALUE' };
  const cases = [
    [() => Snapshot.read(), type],
    [() => Snapshot.read(Buffer.from('a')), type],
    [() => Snapshot.read(''), value],
    [() => Snapshot.read('a\0b'), value],
    [() => Snapshot.parse(), type],
    [() => Snapshot.parse('{}'), type],
    [() => Snapshot.parse(new ArrayBuffer(2)), type],
    [() => snapshot.encode(1), type],
    [() => snapshot.encode('json'), value],
    [() => snapshot.encode('pprof', 1), type],
    [() => snapshot.encode('pprof', { format: 'pprof' }), value],
    [() => snapshot.encode('pprof', { labels: [] }), type],
    [() => snapshot.encode('pprof', { labels: { pid: 1 } }), type],
    [() => snapshot.encode('pprof', { sourceMaps: 'yes' }), type],
    [() => snapshot.write('a', { format: 'json' }), value],
    [() => snapshot.write('a', null), type],
    [() => heapProfile.write('a', { format: 'json' }), value],
    [() => heapProfile.write('a', { unknown: 1 }), value],
    [async () => snapshot.estimate('all'), value],
    [async () => snapshot.estimate(1), type],
  ];
  for (const [call, expected] of cases) await assert.rejects(call, expected, String(call));
  await assert.rejects(Snapshot.read(7), {
    message: /^The "path" argument must be of type string/,
  });
});
