// What an odd caller does, and what somebody did to Object.prototype: an error with a code, or nothing.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { before, test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { inspect } from 'node:util';
import vm from 'node:vm';
import { MessageChannel } from 'node:worker_threads';
import heapProfile, { Snapshot } from '../index.js';
import { root, temporaryDirectory } from './helpers.mjs';

const directory = temporaryDirectory();
const file = join(directory, 'a.heapprofile');
const later = join(directory, 'b.heapprofile');
let taken;

before(async () => {
  heapProfile.start({ sampleIntervalBytes: 1024 });
  globalThis.held = Array.from({ length: 1000 }, (_, index) => ({ index }));
  taken = heapProfile.snapshot();
  await taken.write(file);
  // Not of one millisecond.
  await delay(10);
  await heapProfile.write(later);
  heapProfile.stop();
});

/** Runs a program; what it printed, as JSON. */
function run(code, ...flags) {
  const program = `
    const heapProfile = require(${JSON.stringify(root)});
    const [file, later] = ${JSON.stringify([file, later])};
    (async () => { ${code} })().then((result) => console.log(JSON.stringify(result)));`;
  const options = { encoding: 'utf8', cwd: temporaryDirectory() };
  const child = spawnSync(process.execPath, [...flags, '-e', program], options);
  assert.deepEqual([child.status, child.signal], [0, null], child.stderr);
  return JSON.parse(child.stdout);
}

const pollute = (values) => `Object.assign(Object.prototype, ${JSON.stringify(values)});`;

test('options come from the caller, not from Object.prototype', () => {
  const options = { sampleIntervalBytes: 0, stackDepth: 0, forceGC: 1, include: 'allocated' };
  const status = run(`${pollute(options)} heapProfile.start(); return heapProfile.status();`);
  const { sampleIntervalBytes, stackDepth, include } = status;
  assert.deepEqual([sampleIntervalBytes, stackDepth, include], [524288, 64, 'live']);
});

test('no call of ours reads what is on Object.prototype only', async () => {
  const values = {
    ...{ sourceMaps: 1, labels: { a: 'b' }, format: 'no such format', base: {} },
    ...{ changes: 3, keep: 1, directory: '/', millis: 'x', skipped: 3 },
    ...{ by: 'no such', limit: -1, total: 'yes', filter: 3, hideNodeInternals: 'no' },
    ...{ failed: true, errno: 2, code: 'ERR_OTHER', syscall: 'open', path: '/' },
  };
  const code = `
    const { Snapshot } = heapProfile;
    const snapshot = await Snapshot.read(file);
    const countFiles = () => {
      // Which Node.js 18 reads from there.
      const { errno } = Object.prototype;
      delete Object.prototype.errno;
      const { length } = require('node:fs').readdirSync('.');
      if (errno !== undefined) Object.prototype.errno = errno;
      return length;
    };
    const text = (await snapshot.encode()).toString();
    await snapshot.write();
    await snapshot.write();
    const mine = { filename: await snapshot.write('b'), labels: { service: 'api' } };
    const labelled = (await snapshot.encode('heapprofile', { labels: mine.labels })).toString();
    const failed = await Snapshot.parse(Buffer.from('nothing')).catch((error) => error);
    return [
      text,
      mine.filename,
      labelled,
      countFiles(),
      Object.keys(snapshot.labels),
      await Snapshot.leaks([snapshot]).catch((error) => [error.code, error.skipped]),
      await snapshot.top(),
      await snapshot.diff(snapshot),
      (await Snapshot.leaks([snapshot, await Snapshot.read(later)])).snapshots,
      (await snapshot.encodeFlamegraph()).length,
      [failed.code, failed.message, Object.hasOwn(failed, 'errno')],
    ];`;
  const expected = run(code);
  assert.equal(expected.at(-1)[0], 'ERR_INVALID_PROFILE');
  // The addon is loaded before: fs.existsSync() of Node.js 18 reads errno from there itself.
  // Functions, too: JSON.stringify calls this one.
  const polluted =
    run(`heapProfile.status(); ${pollute(values)} Object.prototype.toJSON = () => 'polluted';
    const results = await (async () => { ${code} })();
    delete Object.prototype.toJSON;
    return results;`);
  assert.deepEqual(polluted, expected);
});

test('heap-profile/sample-heap-allocations does not, either', () => {
  const formatted = run(`
    const sh = require(${JSON.stringify(join(root, 'sample-heap-allocations'))});
    sh.startSampling();
    ${pollute({ stopSampling: 1, noCircular: 1, includeSourceLines: -1 })}
    const allocations = sh.collectAllocations();
    await new Promise((done, reject) =>
      sh.addFormat({ allocations }, (error) => (error ? reject(error) : done())));
    return sh.collectAllocations({}).name;`);
  assert.equal(formatted, '(root)');
});

test('heap-profile/register and the command line do not, either', () => {
  const preload = join(temporaryDirectory(), 'pollute.cjs');
  const values = { every: 5, onExit: true, format: 'folded', json: true, total: true, output: 'x' };
  writeFileSync(preload, pollute(values));
  const options = { encoding: 'utf8', cwd: temporaryDirectory() };
  const node = (...args) => spawnSync(process.execPath, ['--require', preload, ...args], options);

  const register = ['--require', join(root, 'register.js')];
  const wait = "setTimeout(() => console.log(require('node:fs').readdirSync('.')), 100)";
  assert.equal(node(...register, '-e', wait).stdout, '[]\n');

  const top = [join(root, 'bin', 'heap-profile.js'), 'top', file];
  const { stdout } = spawnSync(process.execPath, top, options);
  assert.match(stdout, /live bytes/);
  assert.equal(node(...top).stdout, stdout);
});

test('shared memory is refused: another thread may change it while it is read', async () => {
  const bytes = readFileSync(file);
  const shared = new Uint8Array(new SharedArrayBuffer(bytes.length));
  shared.set(bytes);
  const disguised = Object.defineProperty(new Uint8Array(shared.buffer), 'buffer', {
    value: new ArrayBuffer(1),
  });
  for (const view of [shared, Buffer.from(shared.buffer), disguised]) {
    await assert.rejects(Snapshot.parse(view), {
      name: 'TypeError',
      code: 'ERR_INVALID_ARG_VALUE',
      message: /SharedArrayBuffer.*copy/,
    });
  }
  const copied = await Snapshot.parse(Uint8Array.from(shared));
  assert.equal(copied.nodeCount, taken.nodeCount);
});

test('bytes of another context are bytes', async () => {
  const foreign = vm.runInNewContext('Uint8Array').from(readFileSync(file));
  assert.ok(!(foreign instanceof Uint8Array));
  assert.equal((await Snapshot.parse(foreign)).nodeCount, taken.nodeCount);
  for (const value of [new Uint16Array(2), new DataView(new ArrayBuffer(2)), 'a', null]) {
    await assert.rejects(Snapshot.parse(value), { code: 'ERR_INVALID_ARG_TYPE' });
  }
});

test('methods and getters of Snapshot know their receiver', async () => {
  const properties = Object.getOwnPropertyDescriptors(Snapshot.prototype);
  const { constructor: own, ...others } = properties;
  const expected = { name: 'TypeError', code: 'ERR_INVALID_THIS', message: /Snapshot/ };
  // In the order of arguments: those of other kinds are refused first.
  const args = { diff: [taken], writeFlamegraph: [join(directory, 'never.html')] };
  for (const [name, { get, value }] of Object.entries(others)) {
    for (const receiver of [{}, null, undefined, 1, Object.create(taken), Snapshot.prototype]) {
      const call = async () => (get ?? value).apply(receiver, args[name] ?? []);
      await assert.rejects(call(), expected, `${name} of ${inspect(receiver)}`);
    }
  }
  assert.throws(() => new own.value({}), { code: 'ERR_INVALID_ARG_TYPE' });
});

test('what only looks like a Snapshot is none', async () => {
  for (const fake of [Object.create(Snapshot.prototype), {}, taken.toJSON()]) {
    const expected = { name: 'TypeError', code: 'ERR_INVALID_ARG_TYPE' };
    await assert.rejects(taken.diff(fake), expected);
    await assert.rejects(taken.encodeFlamegraph({ base: fake }), expected);
    await assert.rejects(Snapshot.leaks([taken, fake]), expected);
  }
});

test('a Snapshot cannot be cloned, and says what can', () => {
  const { port1, port2 } = new MessageChannel();
  const expected = { name: 'DataCloneError', message: /Snapshot.*encode\(\).*Snapshot\.parse\(\)/ };
  assert.throws(() => structuredClone(taken), expected);
  assert.throws(() => structuredClone({ inside: [taken] }), expected);
  assert.throws(() => port1.postMessage(taken), expected);
  port1.close();
  port2.close();
});

test('a Snapshot prints what it is, and its JSON is the profile', () => {
  assert.match(inspect(taken), /^Snapshot \{\s+nodeCount: \d+,\s+sampleCount: \d+,/);
  assert.equal(inspect(Object.create(Snapshot.prototype)), 'Snapshot {}');
  assert.deepEqual(Object.keys(JSON.parse(JSON.stringify(taken))), ['head', 'samples']);
});

test('what a function is called may be anything, too', async () => {
  const named = Object.defineProperty(() => {}, 'name', { value: Symbol('name') });
  const { proxy, revoke } = Proxy.revocable(() => {}, {});
  revoke();
  const expected = {
    name: 'TypeError',
    code: 'ERR_INVALID_ARG_TYPE',
    message: /Received function/,
  };
  for (const value of [named, proxy]) {
    assert.throws(() => heapProfile.start(value), expected);
    await assert.rejects(Snapshot.read(value), expected);
  }
});

test('half a character is looked for as it is shown', async () => {
  const head = { functionName: 'a\ud800b', selfSize: 1 };
  const snapshot = await Snapshot.parse(Buffer.from(JSON.stringify({ head, samples: [] })));
  for (const [filter, count] of [
    ['a\ud800b', 1],
    ['\udfffb', 1],
    ['\udfffa', 0],
  ]) {
    assert.equal((await snapshot.top({ filter })).sites.length, count, filter);
    assert.equal((await snapshot.diff(snapshot, { filter })).sites.length, count, filter);
  }
});
