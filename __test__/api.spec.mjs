// The public API: arguments, errors, the trees, the file. What may crash is in host-*.spec.mjs.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import {
  existsSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { Session } from 'node:inspector';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, afterEach, beforeEach, test } from 'node:test';
import { inspect } from 'node:util';
import { threadId } from 'node:worker_threads';

import heapProfile, * as named from '../index.js';
import { root } from './helpers.mjs';

const directory = mkdtempSync(join(tmpdir(), 'heap-profile-'));
const major = Number(process.versions.node.split('.')[0]);
const retained = [];

/** Allocates objects that stay alive, in a function with a name to find. */
function allocateInNamedFunction(count = 20_000) {
  for (let i = 0; i < count; i++) retained.push({ index: i, values: [i, i, i, i] });
}

function* walk(node) {
  const pending = [node];
  while (pending.length > 0) {
    const next = pending.pop();
    yield next;
    pending.push(...next.children);
  }
}

function find(tree, name) {
  return [...walk(tree)].find(
    (node) => (node.name ?? node.functionName ?? node.callFrame.functionName) === name,
  );
}

function thrown(action) {
  try {
    action();
  } catch (error) {
    return error;
  }
  return assert.fail('did not throw');
}

beforeEach(() => heapProfile.stop());
afterEach(() => heapProfile.stop());
after(() => rmSync(directory, { recursive: true, force: true }));

test('CommonJS, default and named imports are the same functions', () => {
  const required = createRequire(import.meta.url)('../index.js');
  const names = ['Snapshot', 'get', 'snapshot', 'start', 'status', 'stop', 'write'];
  for (const name of names) {
    assert.equal(typeof named[name], 'function', name);
    assert.equal(named[name], required[name]);
    assert.equal(named[name], heapProfile[name]);
  }
  assert.equal(named.isSupported, true);
  assert.equal(named.unsupportedReason, undefined);
});

test('status tells the session of this thread', () => {
  const idle = {
    active: false,
    sampleIntervalBytes: null,
    stackDepth: null,
    forceGC: null,
    include: null,
    exactStacks: null,
    startedAt: null,
    fullCollections: null,
    threadId,
  };
  assert.deepEqual(heapProfile.status(), idle);
  const before = Date.now();
  heapProfile.start();
  const { startedAt, fullCollections, ...rest } = heapProfile.status();
  assert.ok(Number.isInteger(fullCollections));
  assert.deepEqual(rest, {
    active: true,
    sampleIntervalBytes: 524288,
    stackDepth: 64,
    forceGC: false,
    include: 'live',
    exactStacks: null,
    threadId,
  });
  assert.ok(startedAt instanceof Date && startedAt >= before && startedAt <= Date.now());
  heapProfile.stop();
  assert.deepEqual(heapProfile.status(), idle);
});

test('start again with nothing or the same does nothing, with others it throws', () => {
  heapProfile.start({ sampleIntervalBytes: 4096, stackDepth: 16 });
  const { startedAt } = heapProfile.status();
  heapProfile.start();
  heapProfile.start({});
  heapProfile.start({ sampleIntervalBytes: 4096, stackDepth: 16 });
  heapProfile.start({ stackDepth: 16, include: undefined });
  for (const options of [
    { sampleIntervalBytes: 8192 },
    { sampleIntervalBytes: 4096, stackDepth: 17 },
    { forceGC: true },
  ]) {
    const error = thrown(() => heapProfile.start(options));
    assert.equal(error.code, 'ERR_ALREADY_SAMPLING');
    assert.match(error.message, /sampleIntervalBytes 4096, stackDepth 16/);
  }
  assert.deepEqual(heapProfile.status().startedAt, startedAt);
});

test('stop is harmless when not started, and start works again after it', () => {
  heapProfile.stop();
  heapProfile.stop();
  heapProfile.start({ sampleIntervalBytes: 1024 });
  heapProfile.stop();
  heapProfile.start({ sampleIntervalBytes: 2048 });
  assert.equal(heapProfile.status().sampleIntervalBytes, 2048);
});

test('wrong types are TypeErrors that say what was expected and what came', async () => {
  const wrong = [
    [[null], /"options" argument must be an object. Received null/],
    [[42], /"options" argument must be an object. Received type number \(42\)/],
    [[[]], /"options" argument must be an object/],
    [[{ sampleIntervalBytes: '512' }], /"options.sampleIntervalBytes".*type number.*'512'/],
    [[{ stackDepth: null }], /"options.stackDepth".*type number.*null/],
    [[{ forceGC: 1 }], /"options.forceGC".*type boolean/],
    [[{ include: 3 }], /"options.include".*type string/],
  ];
  for (const [args, message] of wrong) {
    const error = thrown(() => heapProfile.start(...args));
    assert.ok(error instanceof TypeError);
    assert.equal(error.code, 'ERR_INVALID_ARG_TYPE');
    assert.match(error.message, message);
  }
  assert.equal(thrown(() => heapProfile.get('yes')).code, 'ERR_INVALID_ARG_TYPE');
  await assert.rejects(heapProfile.write('x', 'y'), { code: 'ERR_INVALID_ARG_TYPE' });
  assert.equal(thrown(() => heapProfile.write('x', {}, 'y')).code, 'ERR_INVALID_ARG_TYPE');
  assert.equal(thrown(() => heapProfile.write(1, () => {})).code, 'ERR_INVALID_ARG_TYPE');
  assert.equal(thrown(() => new heapProfile.Snapshot({})).code, 'ERR_INVALID_ARG_TYPE');
  assert.equal(heapProfile.status().active, false);
});

test('numbers out of range are RangeErrors', () => {
  const wrong = [
    ...[0, -1, 1.5, 2 ** 31, Number.NaN, Infinity].map((value) => ({ sampleIntervalBytes: value })),
    ...[0, -1, 1.5, 1025, Number.NaN].map((value) => ({ stackDepth: value })),
  ];
  for (const options of wrong) {
    const error = thrown(() => heapProfile.start(options));
    assert.ok(error instanceof RangeError, String(error));
    assert.equal(error.code, 'ERR_OUT_OF_RANGE');
    assert.match(error.message, /an integer >= 1 and <= (2147483647|1024)/);
  }
});

test('the ends of the ranges work', () => {
  for (const options of [
    { sampleIntervalBytes: 1, stackDepth: 1 },
    { sampleIntervalBytes: 2 ** 31 - 1, stackDepth: 1024 },
  ]) {
    heapProfile.start(options);
    assert.ok(heapProfile.snapshot().nodeCount >= 1);
    heapProfile.stop();
  }
});

test('an unknown option is an error that names the known ones', () => {
  const error = thrown(() => heapProfile.start({ interval: 1 }));
  assert.equal(error.code, 'ERR_INVALID_ARG_VALUE');
  assert.match(error.message, /sampleIntervalBytes, stackDepth, forceGC, include, exactStacks/);
  assert.match(error.message, /'interval'/);
  assert.equal(thrown(() => heapProfile.start({ include: 'all' })).code, 'ERR_INVALID_ARG_VALUE');
  assert.equal(
    thrown(() => heapProfile.start(JSON.parse('{"__proto__": 1}'))).code,
    'ERR_INVALID_ARG_VALUE',
  );
});

test('everything that captures throws ERR_NOT_SAMPLING before start', async () => {
  assert.equal(thrown(() => heapProfile.get()).code, 'ERR_NOT_SAMPLING');
  assert.equal(thrown(() => heapProfile.get(true)).code, 'ERR_NOT_SAMPLING');
  assert.equal(thrown(() => heapProfile.snapshot()).code, 'ERR_NOT_SAMPLING');
  await assert.rejects(heapProfile.write(), { code: 'ERR_NOT_SAMPLING' });
  const error = await new Promise((resolve) => heapProfile.write(resolve));
  assert.equal(error.code, 'ERR_NOT_SAMPLING');
  assert.deepEqual(
    readdirSync('.').filter((name) => name.endsWith('.heapprofile')),
    [],
  );
});

test('get returns V8s tree, with 1-based positions and V8s counts', () => {
  heapProfile.start({ sampleIntervalBytes: 512 });
  allocateInNamedFunction();
  const tree = heapProfile.get();
  assert.equal(tree.name, '(root)');
  const node = find(tree, 'allocateInNamedFunction');
  const keys =
    'name scriptName scriptId startPosition lineNumber columnNumber nodeId allocations children';
  assert.deepEqual(Object.keys(node), keys.split(' '));
  const source = readFileSync(new URL(import.meta.url), 'utf8');
  const before = source.slice(0, source.indexOf('function allocateInNamedFunction'));
  assert.equal(node.scriptName, import.meta.url);
  assert.equal(node.lineNumber, before.split('\n').length);
  assert.equal(node.columnNumber, 'function allocateInNamedFunction'.length + 1);
  assert.equal(node.startPosition, before.length + 'function allocateInNamedFunction'.length);
  assert.ok(node.scriptId > 0 && node.nodeId > 1);
  const bytes = node.allocations.reduce((sum, { size, count }) => sum + size * count, 0);
  // 20,000 objects of about 100 bytes: V8's rounding is small at this interval.
  assert.ok(bytes > 1.5e6 && bytes < 4e6, String(bytes));
});

test('get(true) returns the nodes of heap-profile 0.4.0', () => {
  heapProfile.start({ sampleIntervalBytes: 512 });
  allocateInNamedFunction();
  const node = find(heapProfile.get(true), 'allocateInNamedFunction');
  const keys = 'functionName scriptId lineNumber columnNumber url selfSize children';
  assert.deepEqual(Object.keys(node), keys.split(' '));
  assert.equal(node.url, import.meta.url);
  assert.equal(typeof node.scriptId, 'number');
  assert.ok(node.selfSize > 1.5e6 && node.selfSize < 4e6, String(node.selfSize));
});

test('a snapshot holds one moment, whatever happens after it', () => {
  heapProfile.start({ sampleIntervalBytes: 512 });
  allocateInNamedFunction();
  const snapshot = heapProfile.snapshot();
  const before = snapshot.toJSON();
  allocateInNamedFunction();
  heapProfile.stop();
  assert.deepEqual(snapshot.toJSON(), before);
  assert.equal([...walk(snapshot.tree())].length, snapshot.nodeCount);
  assert.equal(snapshot.sampleCount, before.samples.length);
  assert.equal(snapshot.sampleIntervalBytes, 512);
  assert.ok(snapshot.takenAt instanceof Date);
  assert.ok(snapshot.timings.v8Ms > 0 && snapshot.timings.copyMs > 0);
});

test('estimates add up: liveBytes, the nodes and the samples say the same', () => {
  heapProfile.start({ sampleIntervalBytes: 512 });
  allocateInNamedFunction();
  const snapshot = heapProfile.snapshot();
  const { head, samples } = snapshot.toJSON();
  const bySample = samples.reduce((sum, { size }) => sum + size, 0);
  const byNode = [...walk(head)].reduce((sum, { selfSize }) => sum + selfSize, 0);
  assert.ok(Math.abs(snapshot.liveBytes / bySample - 1) < 1e-9);
  assert.ok(Math.abs(snapshot.liveBytes / byNode - 1) < 1e-9);
  assert.deepEqual(
    samples.map(({ ordinal }) => ordinal),
    samples.map(({ ordinal }) => ordinal).sort((a, b) => a - b),
  );
});

test('estimates are true where V8s rounding is off by a third', () => {
  const sampleIntervalBytes = 65536;
  let bytes = 0;
  function allocateLargeArrays() {
    for (let i = 0; i < 2000; i++) {
      const length = 9100 + i;
      retained.push(new Array(length).fill(i));
      // The elements, a FixedArray: a header of two words and eight bytes each.
      bytes += 16 + 8 * length;
    }
  }
  heapProfile.start({ sampleIntervalBytes });
  allocateLargeArrays();
  const snapshot = heapProfile.snapshot();
  retained.length = 0;
  const { selfSize } = find(snapshot.toJSON().head, 'allocateLargeArrays');
  // With p of about 0.7 one standard error is sqrt((1 - p) / p / 2000) = 1.5 %: six of them.
  assert.ok(Math.abs(selfSize / bytes - 1) < 0.09, `${selfSize} of ${bytes}`);
  const { allocations } = find(snapshot.tree(), 'allocateLargeArrays');
  const v8 = allocations.reduce((sum, { size, count }) => sum + size * count, 0);
  assert.ok(v8 / bytes < 0.85, `${v8} of ${bytes}`);
});

test('write makes exactly what DevTools reads, and one more key', async () => {
  heapProfile.start({ sampleIntervalBytes: 512, stackDepth: 32 });
  allocateInNamedFunction();
  const snapshot = heapProfile.snapshot();
  const path = join(directory, 'a.heapprofile');
  assert.equal(await snapshot.write(path), path);
  assert.equal(statSync(path).mode & 0o777, 0o600);
  const { heapProfile: metadata, ...profile } = JSON.parse(readFileSync(path, 'utf8'));
  assert.deepEqual(profile, snapshot.toJSON());
  const node = find(profile.head, 'allocateInNamedFunction');
  assert.deepEqual(Object.keys(node), ['callFrame', 'selfSize', 'id', 'children']);
  const frame = 'functionName scriptId url lineNumber columnNumber'.split(' ');
  assert.deepEqual(Object.keys(node.callFrame), frame);
  assert.equal(typeof node.callFrame.scriptId, 'string');
  assert.deepEqual(Object.keys(profile.samples[0]), ['size', 'nodeId', 'ordinal']);
  const tree = find(snapshot.tree(), 'allocateInNamedFunction');
  assert.equal(node.callFrame.lineNumber, tree.lineNumber - 1);
  assert.equal(node.callFrame.columnNumber, tree.columnNumber - 1);
  checkMetadata(metadata);
});

function checkMetadata(metadata) {
  const { startedAt, takenAt, sessionId, memoryUsage, heapSizeLimit, fullCollections, ...rest } =
    metadata;
  const { version } = createRequire(import.meta.url)('../package.json');
  assert.deepEqual(rest, {
    version,
    sampleIntervalBytes: 512,
    stackDepth: 32,
    forceGC: false,
    include: 'live',
    pid: process.pid,
    threadId,
    nodeVersion: process.version,
    v8Version: process.versions.v8,
    ownDirectory: root,
    droppedSamples: 0,
  });
  assert.ok(Number.isInteger(fullCollections));
  assert.match(sessionId, /^[0-9a-f]{32}$/);
  assert.ok(new Date(startedAt) <= new Date(takenAt));
  assert.deepEqual(Object.keys(memoryUsage), Object.keys(process.memoryUsage()));
  assert.ok(memoryUsage.heapUsed > 0 && heapSizeLimit > memoryUsage.heapUsed);
}

test('a session keeps its id; the next has another', async () => {
  const ids = [];
  for (const restart of [false, false, true]) {
    if (restart) heapProfile.stop();
    heapProfile.start();
    const path = await heapProfile.write(join(directory, 'id.heapprofile'));
    ids.push(JSON.parse(readFileSync(path, 'utf8')).heapProfile.sessionId);
  }
  assert.equal(ids[0], ids[1]);
  assert.notEqual(ids[1], ids[2]);
});

test('the default name is in the current directory and never taken twice', async () => {
  heapProfile.start();
  const cwd = process.cwd();
  process.chdir(directory);
  try {
    const before = Date.now();
    const names = await Promise.all(Array.from({ length: 10 }, () => heapProfile.write()));
    assert.equal(new Set(names).size, 10);
    for (const name of names) {
      const [, millis] = /^heap-profile-(\d+)\.heapprofile$/.exec(name);
      assert.ok(Number(millis) >= before && Number(millis) <= Date.now() + 10);
      JSON.parse(readFileSync(join(directory, name), 'utf8'));
    }
  } finally {
    process.chdir(cwd);
  }
});

test('a relative name is resolved when write is called', async () => {
  heapProfile.start();
  const cwd = process.cwd();
  process.chdir(directory);
  const writing = heapProfile.write('relative.heapprofile');
  process.chdir(cwd);
  assert.equal(await writing, 'relative.heapprofile');
  JSON.parse(readFileSync(join(directory, 'relative.heapprofile'), 'utf8'));
});

test('a callback comes later, once, with the name', async () => {
  heapProfile.start();
  const path = join(directory, 'callback.heapprofile');
  const calls = [];
  await new Promise((resolve) => {
    const returned = heapProfile.write(path, (...args) => {
      calls.push(args);
      setTimeout(resolve, 50);
    });
    assert.equal(returned, undefined);
    assert.equal(calls.length, 0);
  });
  assert.deepEqual(calls, [[null, path]]);
});

test('what a callback throws is an uncaught exception of the program, once', () => {
  const path = createRequire(import.meta.url).resolve('../index.js');
  const program = `
    const heapProfile = require(${JSON.stringify(path)});
    let calls = 0;
    process.on('unhandledRejection', () => console.log('rejection'));
    process.on('uncaughtException', (error) => console.log(error.message, calls));
    heapProfile.write(() => { calls += 1; throw new Error('not started'); });
    setTimeout(() => {
      heapProfile.start();
      heapProfile.write('thrown.heapprofile', () => { calls += 1; throw new Error('written'); });
    }, 50);`;
  const options = { cwd: directory, encoding: 'utf8' };
  const { stdout, stderr } = spawnSync(process.execPath, ['-e', program], options);
  assert.equal(stdout, 'not started 1\nwritten 2\n', stderr);
});

test('file errors carry code, syscall and path, by promise and by callback', async () => {
  heapProfile.start();
  const path = join(directory, 'missing', 'a.heapprofile');
  const expected = { code: 'ENOENT', syscall: 'open', path, errno: -2 };
  await assert.rejects(heapProfile.write(path), (error) => {
    assert.ok(error instanceof Error);
    assert.equal(error.message, `ENOENT: no such file or directory, open '${path}'`);
    return Object.entries(expected).every(([key, value]) => error[key] === value);
  });
  const error = await new Promise((resolve) => heapProfile.write(path, resolve));
  assert.equal(error.code, 'ENOENT');
  await assert.rejects(heapProfile.write(directory), { code: 'EISDIR', path: directory });
  await assert.rejects(heapProfile.write('/dev/null'), { code: 'EINVAL', path: '/dev/null' });
});

test('wrong file names reject', async () => {
  heapProfile.start();
  await assert.rejects(heapProfile.write(42), { code: 'ERR_INVALID_ARG_TYPE' });
  await assert.rejects(heapProfile.write(''), { code: 'ERR_INVALID_ARG_VALUE' });
  await assert.rejects(heapProfile.write('a\0b'), { code: 'ERR_INVALID_ARG_VALUE' });
  await assert.rejects(heapProfile.snapshot().write({}), { code: 'ERR_INVALID_ARG_TYPE' });
});

test('an existing file is replaced as a whole', async () => {
  heapProfile.start();
  const path = join(directory, 'replaced.heapprofile');
  writeFileSync(path, 'x'.repeat(1e6));
  await heapProfile.write(path);
  JSON.parse(readFileSync(path, 'utf8'));
});

test('every node and sample is what the inspector says of the same session', () => {
  heapProfile.start({ sampleIntervalBytes: 128 });
  const odd = ['lone \ud800 surrogate', 'nul \0 inside', 'y'.repeat(1e6), '\u2028', '💩'];
  for (const name of odd) retained.push(namedFunction(name)());
  const session = new Session();
  session.connect();
  const ours = heapProfile.snapshot().toJSON();
  session.post('HeapProfiler.getSamplingProfile', (error, { profile }) => {
    assert.equal(error, null);
    const theirs = new Map([...walk(profile.head)].map((node) => [node.id, node]));
    const inBoth = [...walk(ours.head)].filter(({ id }) => theirs.has(id));
    for (const { id, callFrame } of inBoth) assert.deepEqual(callFrame, theirs.get(id).callFrame);
    assert.ok(inBoth.length > 10, String(inBoth.length));
    const nodeIds = new Map(profile.samples.map(({ ordinal, nodeId }) => [ordinal, nodeId]));
    const samples = ours.samples.filter(({ ordinal }) => nodeIds.has(ordinal));
    for (const { ordinal, nodeId } of samples) assert.equal(nodeId, nodeIds.get(ordinal));
    assert.ok(samples.length > 1000, String(samples.length));
  });
  session.disconnect();
});

test('names that JSON must escape come out as V8 gave them', async () => {
  heapProfile.start({ sampleIntervalBytes: 64 });
  const names = ['"quoted"\\', '💩 é', 'line\nbreak\ttab', 'x'.repeat(1000), '</script>'];
  const functions = names.map((name) => namedFunction(name));
  for (const allocate of functions) retained.push(allocate());
  const path = await heapProfile.write(join(directory, 'names.heapprofile'));
  const { head } = JSON.parse(readFileSync(path, 'utf8'));
  for (const name of names) assert.ok(find(head, name), name);
});

function namedFunction(name) {
  // A literal key: V8 keeps the name of a computed one with the closure, not with the code.
  const key = JSON.stringify(name);
  const body = '{ const all = []; for (let i = 0; i < 2000; i++) all.push({ i }); return all; }';
  return new Function(`return { ${key}() ${body} }[${key}];`)();
}

test("include: 'allocated' keeps collected objects", async () => {
  if (major < 20) {
    const error = thrown(() => heapProfile.start({ include: 'allocated' }));
    assert.equal(error.code, 'ERR_UNSUPPORTED_OPTION');
    assert.match(error.message, /Node\.js 20/);
    return;
  }
  heapProfile.start({ include: 'allocated', sampleIntervalBytes: 4096, forceGC: true });
  // Kept for a moment, or the optimizing compiler would leave the allocation out.
  for (let i = 0; i < 200_000; i++) retained[0] = [i, i, i, i, i, i, i, i];
  const snapshot = heapProfile.snapshot();
  const allocated = snapshot.toJSON().samples.reduce((total, { size }) => total + size, 0);
  // 200,000 arrays of about 100 bytes: far more than a young generation holds.
  assert.ok(allocated > 10e6, String(allocated));
  const path = await snapshot.write(join(directory, 'allocated.heapprofile'));
  const { collectedOrdinals } = JSON.parse(readFileSync(path, 'utf8')).heapProfile;
  if (major < 26) {
    assert.equal(snapshot.liveBytes, null);
    assert.equal(collectedOrdinals, undefined);
  } else {
    assert.ok(snapshot.liveBytes < allocated / 2, `${snapshot.liveBytes} of ${allocated}`);
    assert.ok(collectedOrdinals.length > 0);
  }
});

test('forceGC leaves garbage out', () => {
  const live = (options) => {
    heapProfile.start({ sampleIntervalBytes: 1024, ...options });
    garbage();
    const { liveBytes } = heapProfile.snapshot();
    heapProfile.stop();
    return liveBytes;
  };
  function garbage() {
    for (let i = 0; i < 5_000; i++) new Array(16).fill(i);
  }
  const kept = live({});
  const collected = live({ forceGC: true });
  assert.ok(collected < kept, `${collected} with a collection, ${kept} without`);
});

test('nothing of ours runs before it is asked for', () => {
  const path = createRequire(import.meta.url).resolve('../index.js');
  const code = `require(${JSON.stringify(path)});
    const loaded = process.report.getReport().sharedObjects.filter((f) => f.includes('heap-profile.'));
    console.log(JSON.stringify({ loaded }));`;
  const { stdout } = spawnSync(process.execPath, ['-e', code], { encoding: 'utf8', stdio: 'pipe' });
  const { loaded } = JSON.parse(stdout);
  assert.deepEqual(loaded, []);
});

test('a Snapshot has what index.d.ts says, and nothing that is ours only', () => {
  assert.deepEqual(Object.getOwnPropertyNames(heapProfile.Snapshot).sort(), [
    'leaks',
    'length',
    'name',
    'parse',
    'prototype',
    'read',
  ]);
  assert.deepEqual(Object.getOwnPropertyNames(heapProfile.Snapshot.prototype).sort(), [
    'constructor',
    'diff',
    'encode',
    'encodeFlamegraph',
    'estimate',
    'fullCollections',
    'labels',
    'liveBytes',
    'memoryUsage',
    'nodeCount',
    'pid',
    'sampleCount',
    'sampleIntervalBytes',
    'sessionId',
    'takenAt',
    'threadId',
    'timings',
    'toJSON',
    'top',
    'tree',
    'warnings',
    'write',
    'writeFlamegraph',
  ]);
});

test('options are read once: what is checked is what is used', async () => {
  heapProfile.start();
  let reads = 0;
  const options = {
    get format() {
      reads++;
      return 'folded';
    },
  };
  await heapProfile.write(join(directory, 'promised'), options);
  assert.equal(reads, 1);
  await new Promise((done) => heapProfile.write(join(directory, 'called'), options, done));
  assert.equal(reads, 2);
});

test('a name that means another format is refused, before anything is written', async () => {
  heapProfile.start();
  const snapshot = heapProfile.snapshot();
  const foreign = {
    name: 'TypeError',
    code: 'ERR_INVALID_ARG_VALUE',
    message: /"filename" .*known are \.heapprofile, \.pb\.gz, \.folded, \.html\. .*x\.\w+/,
  };
  for (const ending of [
    'svg',
    'PNG',
    'htm',
    'cpuprofile',
    'pprof',
    'pb',
    'heapprofile.gz',
    'Pb.gz',
  ]) {
    const path = join(directory, `x.${ending}`);
    await assert.rejects(heapProfile.write(path), foreign, ending);
    await assert.rejects(snapshot.write(path), foreign, ending);
    assert.ok(!existsSync(path));
  }
  // Those of no known meaning are as good as none, and who says the format may call it anything.
  for (const name of ['x', 'x.json', 'x.tmp', '.x', 'svg']) {
    const path = await snapshot.write(join(directory, name));
    assert.ok('heapProfile' in JSON.parse(readFileSync(path, 'utf8')), name);
  }
  const path = await snapshot.write(join(directory, 'x.svg'), { format: 'heapprofile' });
  JSON.parse(readFileSync(path, 'utf8'));
});

test('.html is a flame graph, unless a format is given', async () => {
  heapProfile.start();
  const path = join(directory, 'x.html');
  assert.equal(await heapProfile.write(path, { sourceMaps: true, labels: { a: 'b' } }), path);
  assert.match(readFileSync(path, 'utf8'), /^<!doctype html>/i);
  await heapProfile.write(path, { format: 'heapprofile' });
  JSON.parse(readFileSync(path, 'utf8'));
});

test('what a snapshot was taken of can be read back, from files too', async () => {
  heapProfile.start({ forceGC: true });
  assert.equal(heapProfile.status().forceGC, true);
  const taken = heapProfile.snapshot();
  assert.deepEqual([taken.pid, taken.threadId, taken.labels], [process.pid, threadId, {}]);
  assert.match(taken.sessionId, /^[0-9a-f]{32}$/);
  assert.deepEqual(Object.keys(taken.memoryUsage), Object.keys(process.memoryUsage()));
  const labels = JSON.parse('{"service":"api","__proto__":"a","constructor":"b"}');
  const read = await heapProfile.Snapshot.parse(await taken.encode('heapprofile', { labels }));
  for (const name of ['pid', 'threadId', 'sessionId', 'memoryUsage']) {
    assert.deepEqual(read[name], taken[name], name);
  }
  assert.deepEqual(Object.entries(read.labels).sort(), Object.entries(labels).sort());
  const again = await read.encode('heapprofile', { labels: read.labels });
  assert.deepEqual((await heapProfile.Snapshot.parse(again)).labels, read.labels);
  const text = '{"head":{"functionName":"f","selfSize":1},"samples":[]}';
  const foreign = await heapProfile.Snapshot.parse(Buffer.from(text));
  const { pid, threadId: thread, sessionId, memoryUsage } = foreign;
  assert.deepEqual([pid, thread, sessionId, memoryUsage], [null, null, null, null]);
  assert.deepEqual(foreign.labels, {});
});

test('inspecting a snapshot shows what it holds', () => {
  heapProfile.start({ sampleIntervalBytes: 1024 });
  const snapshot = heapProfile.snapshot();
  const shown = inspect(snapshot);
  for (const name of ['nodeCount', 'sampleCount', 'liveBytes', 'takenAt', 'fullCollections']) {
    assert.ok(shown.includes(`${name}: `), shown);
  }
  for (const text of [
    'sampleIntervalBytes: 1024',
    `pid: ${process.pid}`,
    `threadId: ${threadId}`,
    `sessionId: '${snapshot.sessionId}'`,
    `heapUsed: ${snapshot.memoryUsage.heapUsed}`,
    'labels: {}',
  ]) {
    assert.ok(shown.includes(text), shown);
  }
});

const { dispose } = Symbol;
const noDispose = dispose === undefined && 'Node.js before 18.18 has no Symbol.dispose';

test('where there is no Symbol.dispose nothing has its name', () => {
  const program = `
    const native = Symbol;
    globalThis.Symbol = (text) => native(text);
    const { Snapshot } = require(${JSON.stringify(createRequire(import.meta.url).resolve('../index.js'))});
    console.log(Symbol.dispose, Object.getOwnPropertyNames(Snapshot.prototype).includes('undefined'));`;
  const { stdout } = spawnSync(process.execPath, ['-e', program], { encoding: 'utf8' });
  assert.equal(stdout, 'undefined false\n');
});

test('what is disposed can be asked nothing', {
  skip: noDispose,
}, async () => {
  heapProfile.start({ sampleIntervalBytes: 64 });
  allocateInNamedFunction();
  const other = heapProfile.snapshot();
  const snapshot = heapProfile.snapshot();
  assert.equal(snapshot[dispose](), undefined);
  snapshot[dispose]();
  const disposed = { name: 'Error', code: 'ERR_DISPOSED', message: /disposed/ };
  const { prototype } = heapProfile.Snapshot;
  for (const [name, { get }] of Object.entries(Object.getOwnPropertyDescriptors(prototype))) {
    if (get !== undefined) assert.throws(() => snapshot[name], disposed, name);
  }
  for (const call of [() => snapshot.tree(), () => snapshot.toJSON(), () => snapshot.estimate()]) {
    assert.throws(call, disposed);
  }
  for (const promise of [
    snapshot.top(),
    snapshot.diff(other),
    other.diff(snapshot),
    snapshot.write(join(directory, 'disposed')),
    snapshot.encode(),
    snapshot.encodeFlamegraph(),
    snapshot.writeFlamegraph(join(directory, 'disposed')),
    other.encodeFlamegraph({ base: snapshot }),
    heapProfile.Snapshot.leaks([other, snapshot]),
  ]) {
    await assert.rejects(promise, disposed);
  }
  assert.ok(!existsSync(join(directory, 'disposed')));
  assert.equal(inspect(snapshot), 'Snapshot { disposed }');
  assert.throws(() => prototype[dispose].call({}), { code: 'ERR_INVALID_THIS' });
});

test('what was asked before disposing is answered', { skip: noDispose }, async () => {
  heapProfile.start({ sampleIntervalBytes: 256 });
  allocateInNamedFunction();
  const snapshot = heapProfile.snapshot();
  const expected = (await snapshot.encode()).toString();
  const later = heapProfile.snapshot();
  const [top, path] = [snapshot.top(), join(directory, 'before-dispose')];
  const asked = [
    snapshot.encode(),
    snapshot.write(path),
    snapshot.encodeFlamegraph(),
    heapProfile.Snapshot.leaks([snapshot, later]),
  ];
  snapshot[dispose]();
  later[dispose]();
  const [encoded, , , leaks] = await Promise.all(asked);
  assert.equal(leaks.snapshots.length, 2);
  assert.equal(encoded.toString(), expected);
  assert.equal(readFileSync(path, 'utf8'), expected);
  assert.ok((await top).bytes.estimate > 0);
});
