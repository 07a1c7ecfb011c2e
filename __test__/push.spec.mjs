// Pushing to Pyroscope: what is sent, and what becomes of it while the server does anything but take it.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  statSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { createRequire } from 'node:module';
import { connect } from 'node:net';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import heapProfile, { Snapshot } from '../index.js';
import { fixture, runChild, temporaryDirectory } from './helpers.mjs';
import { standIn } from './pyroscope.mjs';

const require = createRequire(import.meta.url);
const { createPush } = require('../lib/push/index.js');
const { checkPush } = require('../lib/push/options.js');
const { Spool } = require('../lib/push/spool.js');
const { Pushes } = require('../lib/monitor/pushes.js');

const TIMEOUT = { timeout: 120_000 };
const scratch = temporaryDirectory();
const retained = [];
const major = Number.parseInt(process.versions.node, 10);
const include = major < 20 ? 'live' : 'allocated';

function retainRecords(count) {
  for (let i = 0; i < count; i++) retained.push({ index: i, values: [i, i, i, i] });
}

before(() => {
  heapProfile.start({ sampleIntervalBytes: 8192 });
  retainRecords(10_000);
});

after(() => heapProfile.stop());

const newDirectory = () => mkdtempSync(join(scratch, 'push-'));
const options = (url, more = {}) => checkPush('push', { url, app: 'shop', ...more });

/** Pushes to a stand-in, in a directory of its own. */
function pushTo({ url }, more, directory = newDirectory()) {
  return Object.assign(createPush(options(url, more), { directory, labels: { pod: '7' } }), {
    directory,
    add1(push = this, ageMs = 0) {
      const until = new Date(Date.now() - ageMs);
      const taken = heapProfile.snapshot();
      const added = push.add(taken, { from: new Date(Number(until) - 15_000), until });
      // The caller's own goes at once.
      taken[Symbol.dispose]?.();
      return added;
    },
  });
}

async function waitFor(condition, what) {
  const deadline = Date.now() + 60_000;
  while (!condition()) {
    assert.ok(Date.now() < deadline, `never: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

test('requests are as Pyroscope wants them', TIMEOUT, async (t) => {
  const pyroscope = await standIn(t);
  const labels = { env: 'dev', 'service.version': '1.2 "b"'.replaceAll('"', "'") };
  const auth = { username: 'user', password: 'pässword' };
  const push = pushTo({ url: `${pyroscope.url}/` }, { labels, tenant: 'team-a', auth });
  await push.add1();
  await push.flush();
  await push.stop();
  assert.deepEqual(pyroscope.wrong, []);
  const [{ headers, ...request }] = pyroscope.requests;
  assert.equal(request.app, 'shop');
  assert.deepEqual(request.labels, labels);
  assert.equal(request.until - request.from, 15_000);
  assert.equal(headers['x-scope-orgid'], 'team-a');
  const basic = Buffer.from(headers.authorization.replace(/^Basic /, ''), 'base64').toString();
  assert.equal(basic, 'user:pässword');
  const { types, samples } = request.profile;
  assert.deepEqual(types.slice(-2), ['inuse_objects', 'inuse_space']);
  const grown = samples.find(({ stack }) => stack.includes('retainRecords'));
  assert.ok(grown.values.at(-1) > 1e5);
  assert.ok(grown.stack.includes('pod') && !grown.stack.includes('bytes'));
  assert.deepEqual(push.stats(), {
    sent: 1,
    retries: 0,
    skipped: 0,
    lost: { expired: 0, full: 0, rejected: 0, failed: 0 },
    foldedSamples: 0,
    foldedBytes: 0,
    pending: 0,
    pendingBytes: 0,
    lastError: null,
  });
  assert.deepEqual(readdirSync(join(push.directory, 'push')), []);
});

test('a bearer token', TIMEOUT, async (t) => {
  const pyroscope = await standIn(t);
  const push = pushTo(pyroscope, { auth: { token: 'secret' } });
  await push.add1();
  await push.flush();
  assert.equal(pyroscope.requests[0].headers.authorization, 'Bearer secret');
  assert.equal(pyroscope.requests[0].headers['x-scope-orgid'], undefined);
});

const skip = include === 'live' && 'V8 keeps no collected objects before Node.js 20';

test('what was allocated is told once', { ...TIMEOUT, skip }, async (t) => {
  const pyroscope = await standIn(t);
  heapProfile.stop();
  heapProfile.start({ sampleIntervalBytes: 8192, include });
  t.after(() => {
    heapProfile.stop();
    heapProfile.start({ sampleIntervalBytes: 8192 });
  });
  retainRecords(10_000);
  const push = pushTo(pyroscope);
  await push.add1();
  retainRecords(5000);
  await push.add1();
  await push.add1();
  await push.flush();
  const sums = pyroscope.requests.map(({ profile: { types, samples } }) => {
    const column = types.indexOf('alloc_space');
    const own = samples.filter(({ stack }) => stack.includes('retainRecords'));
    return own.reduce((sum, { values }) => sum + values[column], 0);
  });
  assert.equal(sums.length, 3);
  // 10,000 records and more, 5,000, none.
  assert.ok(sums[0] > sums[1] && sums[1] > 2e5 && sums[2] === 0, String(sums));
});

test('429, 5xx and silence are tried again, in order and one at a time', TIMEOUT, async (t) => {
  const faults = [
    (response) => response.writeHead(429, { 'Retry-After': '1' }).end('slow down'),
    (response) => response.writeHead(503).end('x'.repeat(100_000)),
    (response) => response.destroy(),
    (response) => {
      response.writeHead(200, { 'Content-Length': '10' }).write('half');
      setTimeout(() => response.destroy(), 20);
    },
    (response) => response.writeHead(500).end(),
  ];
  const pyroscope = await standIn(t, (response, index) => {
    if (faults[index] === undefined) return response.end();
    faults[index](response);
    return false;
  });
  const push = pushTo(pyroscope);
  await push.add1();
  await push.add1();
  await push.add1();
  await waitFor(() => push.stats().retries > 0, 'a retry');
  assert.ok(push.stats().pending > 0);
  while (push.stats().pending > 0) await push.flush();
  assert.deepEqual(pyroscope.wrong, []);
  const untils = pyroscope.requests.map(({ until }) => until);
  assert.equal(untils.length, 3);
  assert.deepEqual(untils, [...untils].sort());
  assert.equal(pyroscope.most, 1);
  const { sent, retries, lost } = push.stats();
  assert.deepEqual([sent, retries, Object.values(lost)], [3, 5, [0, 0, 0, 0]]);
});

test('Retry-After is kept', TIMEOUT, async (t) => {
  t.mock.method(Math, 'random', () => 0);
  const times = [];
  const pyroscope = await standIn(t, (response, index) => {
    times.push(Date.now());
    response.writeHead(index < 1 ? 429 : 200, { 'Retry-After': '2' }).end();
  });
  const push = pushTo(pyroscope);
  await push.add1();
  await waitFor(() => push.stats().sent === 1, 'sent');
  // Timers may be a little early by this clock.
  assert.ok(times[1] - times[0] > 1900, String(times));
});

test('an answer that is none is tried again', TIMEOUT, async (t) => {
  const pyroscope = await standIn(t, (response, index) => {
    if (index > 0) return response.end();
    const headers = 'Connection: Upgrade\r\nUpgrade: x\r\n';
    response.socket.write(`HTTP/1.1 101 Switching Protocols\r\n${headers}\r\n`);
    return false;
  });
  const push = pushTo(pyroscope);
  await push.add1();
  await waitFor(() => push.stats().sent === 1, 'sent');
  assert.equal(push.stats().retries, 1);
});

test('while a disk hangs nothing more is captured, and flush() ends', TIMEOUT, async (t) => {
  const put = t.mock.method(Spool.prototype, 'put', () => new Promise(() => {}));
  const timers = new Set();
  const machine = {
    after(_delay, callback) {
      timers.add(callback);
      return () => timers.delete(callback);
    },
  };
  const fire = () => {
    for (const callback of [...timers]) {
      timers.delete(callback);
      callback();
    }
  };
  const errors = [];
  const push = options('http://127.0.0.1:9');
  const pushes = new Pushes({ push }, newDirectory(), machine, (error) => errors.push(error));
  fire();
  await waitFor(() => put.mock.callCount() === 1, 'a write');
  for (let index = 0; index < 5; index++) fire();
  const flushed = pushes.flush();
  fire();
  await flushed;
  assert.equal(put.mock.callCount(), 1);
  assert.deepEqual([pushes.stats().skipped, errors], [6, []]);
});

test('it tries again by itself', TIMEOUT, async (t) => {
  const pyroscope = await standIn(t, (response, index) => {
    response.writeHead(index < 1 ? 500 : 200).end();
  });
  const push = pushTo(pyroscope);
  await push.add1();
  await waitFor(() => push.stats().sent === 1, 'sent');
  assert.equal(push.stats().retries, 1);
});

test('413 and 422 are not tried again, nor what is too old', TIMEOUT, async (t) => {
  const pyroscope = await standIn(t, (response, index) => {
    response.writeHead([413, 422, 400, 401][index] ?? 200).end('no');
  });
  const push = pushTo(pyroscope);
  for (let index = 0; index < 5; index++) await push.add1();
  await push.add1(push, 3_700_000);
  while (push.stats().pending > 0) await push.flush();
  const { sent, retries, lost, lastError } = push.stats();
  assert.deepEqual([sent, retries], [1, 0]);
  assert.deepEqual(lost, { expired: 1, full: 0, rejected: 4, failed: 0 });
  assert.match(lastError.message, /answered 401: no/);
  assert.equal(pyroscope.attempts, 5);
});

test('the spool is bounded, for its owner, and outlives the process', TIMEOUT, async (t) => {
  const directory = newDirectory();
  // Nobody listens there.
  const program = fixture('push-killed.js');
  const args = ['http://127.0.0.1:9', directory, 120_000];
  const { signal, stderr } = await runChild(program, args);
  assert.equal(signal, 'SIGKILL', stderr);
  const names = readdirSync(join(directory, 'push'));
  assert.equal(names.length, 3, String(names));
  assert.equal(statSync(join(directory, 'push')).mode & 0o777, 0o700);
  for (const name of names)
    assert.equal(statSync(join(directory, 'push', name)).mode & 0o777, 0o600);
  // What is not ours stays; what is half written goes, and what is too late.
  writeFileSync(join(directory, 'push', 'other'), 'x');
  writeFileSync(join(directory, 'push', `.${names[0]}.tmp`), 'x');
  writeFileSync(join(directory, 'push', names[0].replace(/-\d+-/, '-1-')), 'x');
  const pyroscope = await standIn(t);
  // Of another application nothing is taken over.
  const other = createPush(options('http://127.0.0.1:9', { app: 'other' }), { directory });
  await other.flush();
  const next = createPush(options('http://127.0.0.1:9'), { directory });
  await next.flush();
  assert.equal(next.stats().pending, 3);
  assert.match(next.stats().lastError.message, /ECONNREFUSED/);
  await next.stop();
  await other.stop();
  assert.equal(pyroscope.attempts, 0);
  assert.ok(readdirSync(join(directory, 'push')).includes('other'));
  assert.equal(readdirSync(join(directory, 'push')).length, 4);
});

/** A spool with three profiles of a process that was killed, all of this age. */
async function leftSpool(ageMs) {
  const directory = newDirectory();
  const args = ['http://127.0.0.1:9', directory, ageMs];
  await runChild(fixture('push-killed.js'), args);
  const spool = join(directory, 'push');
  const names = readdirSync(spool).sort();
  assert.equal(names.length, 3, String(names));
  return { directory, spool, names };
}

test('a container that starts anew has the process id of before', TIMEOUT, async () => {
  const { directory, spool, names } = await leftSpool(120_000);
  // Of this process, so to speak, before it started anew.
  for (const [index, name] of names.entries()) {
    const ids = `-${process.pid}-0-${index + 1}.pb.gz`;
    renameSync(join(spool, name), join(spool, name.replace(/-\d+-0-\d+\.pb\.gz$/, ids)));
  }
  const push = createPush(options('http://127.0.0.1:9'), { directory });
  await push.flush();
  assert.equal(push.stats().pending, 3);
  await push.stop();
});

test('what is a minute old only is taken over', TIMEOUT, async (t) => {
  const { directory, spool, names } = await leftSpool(0);
  writeFileSync(join(spool, `.${names[0]}.tmp`), 'being written');
  const push = createPush(options('http://127.0.0.1:9'), { directory });
  await push.flush();
  assert.equal(push.stats().pending, 0);
  assert.equal(readdirSync(spool).length, 4);
  const now = Date.now();
  t.mock.method(Date, 'now', () => now + 61_000);
  await push.flush();
  assert.equal(push.stats().pending, 3);
  await push.stop();
});

const noOwners = process.platform === 'win32' && 'Windows has no owners and modes';

test('nothing else is sent from the spool', { ...TIMEOUT, skip: noOwners }, async () => {
  const { directory, spool, names } = await leftSpool(120_000);
  const secret = join(scratch, 'secret');
  writeFileSync(secret, 'secret');
  const like = (number) => join(spool, names[0].replace(/\d+(?=\.pb)/, number));
  symlinkSync(secret, like(7));
  symlinkSync('/dev/zero', like(8));
  writeFileSync(like(9), '');
  truncateSync(like(9), 2 ** 30);
  mkdirSync(like(10));
  chmodSync(spool, 0o777);
  const push = createPush(options('http://127.0.0.1:9'), { directory });
  await push.flush();
  assert.equal(push.stats().pending, 3);
  assert.equal(statSync(spool).mode & 0o777, 0o700);
  for (const number of [7, 8, 9, 10]) assert.ok(existsSync(like(number)));
  await push.stop();
});

test('what somebody changed is lost', { ...TIMEOUT, skip: noOwners }, async (t) => {
  const pyroscope = await standIn(t);
  const push = pushTo({ url: 'http://127.0.0.1:9' });
  assert.ok(!existsSync(join(push.directory, 'push')), 'made before there was anything');
  await push.add1();
  await waitFor(() => push.stats().retries > 0, 'an attempt');
  const [name] = readdirSync(join(push.directory, 'push'));
  const path = join(push.directory, 'push', name);
  renameSync(path, `${path}.old`);
  symlinkSync(`${path}.old`, path);
  await push.flush();
  assert.deepEqual([push.stats().pending, push.stats().lost.failed], [0, 1]);
  assert.match(push.stats().lastError.message, /removed or changed/);
  assert.equal(pyroscope.attempts, 0);
});

test('a link instead of the spool is refused', { ...TIMEOUT, skip: noOwners }, async () => {
  const [directory, other] = [newDirectory(), newDirectory()];
  symlinkSync(other, join(directory, 'push'));
  const push = pushTo({ url: 'http://127.0.0.1:9' }, {}, directory);
  await push.add1();
  assert.equal(push.stats().lost.failed, 1);
  assert.equal(push.stats().lastError.code, 'ERR_ACCESS_DENIED');
  assert.deepEqual(readdirSync(other), []);
});

test(
  'a full spool loses the oldest, and a disk that fails loses what is new',
  TIMEOUT,
  async () => {
    const lost = [];
    const spool = new Spool(join(newDirectory(), 'push'), 'x', (reason) => lost.push(reason));
    for (let index = 0; index < 5; index++) {
      await spool.put(Buffer.alloc(10 * 2 ** 20), Date.now(), Date.now());
    }
    assert.deepEqual([spool.length, lost], [3, ['full', 'full']]);
    assert.ok(spool.bytes <= 32 * 2 ** 20);
    if (process.getuid?.() === 0) writeFileSync(join(scratch, 'file'), '');
    const blocked = join(scratch, 'file');
    writeFileSync(blocked, '');
    const push = pushTo({ url: 'http://127.0.0.1:9' }, {}, blocked);
    await push.add1();
    assert.equal(push.stats().lost.failed, 1);
    assert.equal(push.stats().lastError.code, 'ENOTDIR');
  },
);

test('large profiles are folded, and how much is told', TIMEOUT, async (t) => {
  const pyroscope = await standIn(t);
  const callFrame = (functionName, lineNumber) => {
    return { functionName, scriptId: '1', url: 'file:///app.js', lineNumber, columnNumber: 0 };
  };
  const children = Array.from({ length: 20_000 }, (_, index) => {
    const name = `function ${index} ${'x'.repeat(200)}`;
    return {
      callFrame: callFrame(name, index),
      selfSize: 100 + index,
      id: index + 2,
      children: [],
    };
  });
  const head = { callFrame: callFrame('(root)', -1), selfSize: 0, id: 1, children };
  const samples = children.map(({ id, selfSize }, ordinal) => ({
    size: selfSize,
    nodeId: id,
    ordinal,
  }));
  const large = await Snapshot.parse(Buffer.from(JSON.stringify({ head, samples })));
  const push = pushTo(pyroscope);
  await push.add(large, { from: new Date(), until: new Date() });
  await push.flush();
  assert.deepEqual(pyroscope.wrong, []);
  const { samples: sent } = pyroscope.requests[0].profile;
  const { foldedSamples, foldedBytes } = push.stats();
  assert.equal(sent.length - 1 + foldedSamples, 20_000);
  assert.ok(foldedSamples >= 4001 && foldedSamples < 19_000, String(foldedSamples));
  const folded = sent.find(({ stack }) => stack.includes('(smaller sites)'));
  assert.equal(folded.values.at(-1), foldedBytes);
  const sum = sent.reduce((total, { values }) => total + values.at(-1), 0);
  assert.equal(sum, large.liveBytes);
});

test('a silent server keeps no process alive', TIMEOUT, async (t) => {
  const pyroscope = await standIn(t, () => new Promise(() => {}));
  const isUnderWay = () => pyroscope.attempts > 0;
  assert.deepEqual(await endOnce(isUnderWay, pyroscope.url), { code: 0, isEarly: true });
  assert.equal(pyroscope.attempts, 1);
});

/** How a process ends that has nothing left to do but to push, and whether before the time-out of requests. */
async function endOnce(isUnderWay, url) {
  const directory = newDirectory();
  const ended = runChild(fixture('push-ends.js'), [url, directory]);
  await waitFor(isUnderWay, 'a request under way');
  writeFileSync(join(directory, 'under-way'), '');
  const start = Date.now();
  const { code } = await ended;
  return { code, isEarly: Date.now() - start < 10_000 };
}

const noTables = process.platform !== 'linux' && 'how connections stand only Linux tells here';

test('nor one that takes no connection', { ...TIMEOUT, skip: noTables }, async (t) => {
  let server;
  const stuck = runChild(fixture('push-stuck.js'), [], { onSpawn: (child) => (server = child) });
  const [line] = await once(server.stdout, 'data');
  const port = Number(line);
  /** How many ask for a connection to it. */
  const asking = () => {
    const state = `:${port.toString(16).toUpperCase().padStart(4, '0')} 02 `;
    return readFileSync('/proc/net/tcp', 'utf8').split(state).length - 1;
  };
  const sockets = [];
  t.after(async () => {
    for (const socket of sockets) socket.destroy();
    server.kill('SIGKILL');
    await stuck;
  });
  // Those that it has in its queue; all that come later it lets wait.
  for (let index = 0; index < 4; index++)
    sockets.push(connect(port, '127.0.0.1').on('error', () => {}));
  await waitFor(() => asking() > 0, 'a full queue');
  const before = asking();
  const isUnderWay = () => asking() > before;
  const url = `http://127.0.0.1:${port}`;
  assert.deepEqual(await endOnce(isUnderWay, url), { code: 0, isEarly: true });
});

test('wrong options are refused, and no secret is shown', () => {
  const url = 'http://127.0.0.1:4040';
  const cases = [
    [{}, /must have url/],
    [{ url }, /must have app/],
    [{ url: 'x', app: 'a' }, /http: or https:/],
    [{ url: 'ftp://x', app: 'a' }, /http: or https:/],
    [{ url: `${url}?x=1`, app: 'a' }, /without a query/],
    [{ url: 'http://user:secret@x', app: 'a' }, /without a password/],
    [{ url, app: 'a{b}' }, /letters, digits/],
    [{ url, app: 'a', labels: { 'a b': 'x' } }, /does not take/],
    [{ url, app: 'a', labels: { __name__: 'x' } }, /does not take/],
    [{ url, app: 'a', labels: { a: 'x,y' } }, /comma/],
    [{ url, app: 'a', auth: {} }, /either a username/],
    [{ url, app: 'a', auth: { username: 'secret' } }, /either a username/],
    [{ url, app: 'a', auth: { token: 'secret', password: 'secret', username: 'a' } }, /either/],
    [{ url, app: 'a', auth: { token: 'secret\n' } }, /without controls/],
    [{ url, app: 'a', tenant: '' }, /non-empty/],
    [{ url, app: 'a', intervalMs: 1 }, /out of range/],
    [{ url, app: 'a', more: 1 }, /unknown option/],
    ['http://user:secret@x', /an object/],
    [{ url: 'http://user:secret@:x', app: 'a' }, /http: or https:/],
    [{ url: new URL('http://user:secret@x'), app: 'a' }, /of type string/],
    [{ url, app: 'a', auth: 'secret' }, /an object/],
    [{ url, app: 'a', auth: ['secret'] }, /an object/],
    [{ url, app: 'a', auth: { token: ['secret'] } }, /of type string/],
  ];
  for (const [value, message] of cases) {
    assert.throws(
      () => checkPush('options.push', value),
      (error) => {
        assert.match(error.message, message);
        assert.doesNotMatch(error.message, /secret/);
        return /^ERR_(?:INVALID_ARG_VALUE|INVALID_ARG_TYPE|OUT_OF_RANGE)$/.test(error.code);
      },
    );
  }
});
