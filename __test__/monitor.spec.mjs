// monitor(): what it writes and when, and that nothing that fails is the program's failure.
import assert from 'node:assert/strict';
import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { Session } from 'node:inspector';
import { createRequire } from 'node:module';
import { hostname, totalmem } from 'node:os';
import { basename, join } from 'node:path';
import { test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { fixture, readDirectory, root, runChild, temporaryDirectory } from './helpers.mjs';

const require = createRequire(import.meta.url);
const { monitor, Snapshot, start, status, stop } = require(root);
const { Monitor } = require(join(root, 'lib', 'monitor', 'monitor.js'));
const { checkMonitorOptions } = require(join(root, 'lib', 'monitor', 'options.js'));
const { channel } = require('node:diagnostics_channel');
const { createServer } = require('node:http');

const temporary = temporaryDirectory();
const NEVER = { intervalMs: Infinity };

function emptyDirectory() {
  return mkdtempSync(join(temporary, 'monitor-'));
}

function next(emitter, event) {
  return new Promise((resolve) => emitter.once(event, resolve));
}

async function until(condition, deadline = 60_000) {
  for (const end = Date.now() + deadline; !(await condition()); await delay(10)) {
    assert.ok(Date.now() < end, `not in time: ${condition}`);
  }
}

/** A machine whose clock and garbage collections are the test's. */
function fakeMachine({ rss = 1e8, heapUsed = 1e7, heapLimit = 1e9, memoryLimit = 4e9 } = {}) {
  const machine = {
    time: 0,
    timers: new Set(),
    ...{ rss: () => rss, usage: () => ({ rss, heapUsed }) },
    ...{ heapLimit: () => heapLimit, memoryLimit: () => memoryLimit },
    now: () => machine.time,
    after(delay, callback) {
      const timer = { at: machine.time + delay, callback };
      machine.timers.add(timer);
      return () => machine.timers.delete(timer);
    },
    onFullCollection(callback) {
      machine.collect = callback;
      return () => {
        machine.collect = () => {};
      };
    },
    /** Lets so many milliseconds go by, and all timers that are due. */
    pass(milliseconds) {
      const end = machine.time + milliseconds;
      for (;;) {
        const due = [...machine.timers].filter(({ at }) => at <= end);
        if (due.length === 0) break;
        const [first] = due.sort((one, other) => one.at - other.at);
        machine.timers.delete(first);
        machine.time = Math.max(machine.time, first.at);
        first.callback();
      }
      machine.time = end;
    },
    grow(bytes) {
      rss += bytes;
      heapUsed += bytes;
    },
  };
  return machine;
}

/** A monitor by a clock of its own, with what it tells. */
function underClock(options, machine = fakeMachine()) {
  const dir = options.dir ?? emptyDirectory();
  const watched = new Monitor(checkMonitorOptions({ ...options, dir }), { machine });
  const told = { profiles: [], errors: [] };
  watched.on('profile', ({ reason }) => told.profiles.push(reason));
  watched.on('error', (error) => told.errors.push(error.code));
  return { watched, machine, told, dir };
}

test('a profile each interval, told with its reason and what it is about', async () => {
  const { watched, machine, dir } = underClock({ intervalMs: 1000 });
  const published = [];
  const subscriber = (profile) => published.push(profile);
  channel('heap-profile:profile').subscribe(subscriber);
  for (let number = 1; number <= 2; number++) {
    machine.pass(1000);
    const profile = await next(watched, 'profile');
    assert.equal(profile.reason, 'interval');
    const { pid, threadId, takenAt } = await Snapshot.read(profile.file);
    assert.deepEqual([pid, threadId, takenAt], [process.pid, 0, profile.summary.takenAt]);
    assert.ok(profile.summary.pauseMs > 0 && profile.summary.memoryUsage.heapUsed > 0);
    assert.ok(Array.isArray(profile.summary.sites));
  }
  await watched.stop();
  channel('heap-profile:profile').unsubscribe(subscriber);
  assert.deepEqual(
    published.map(({ file }) => file),
    watched.files(),
  );
  assert.deepEqual(
    watched.files().map((file) => basename(file)),
    readDirectory(dir).profiles,
  );
  assert.equal(status().active, false);
});

test('names are of host, process, thread, time and number; modes are private', async () => {
  const dir = join(emptyDirectory(), 'a', 'b');
  const watched = monitor({ dir, ...NEVER, format: 'pprof' });
  const file = await watched.flush();
  await watched.stop();
  const host = hostname().replace(/[^A-Za-z0-9.]+/g, '-');
  const name = new RegExp(`^heap-profile-${host}-${process.pid}-0-\\d{8}T\\d{9}Z-\\d+\\.pb\\.gz$`);
  assert.match(basename(file), name);
  assert.equal(statSync(file).mode & 0o777, 0o600);
  for (const made of [dir, join(dir, '..')]) assert.equal(statSync(made).mode & 0o777, 0o700);
});

test('a full collection in the last tenth of an interval is when the profile is taken', async () => {
  const { watched, machine, told } = underClock({ intervalMs: 10_000 });
  machine.pass(8999);
  machine.collect();
  assert.equal(watched.stats().isWriting, false);
  machine.pass(1);
  machine.collect();
  assert.equal(watched.stats().isWriting, true);
  await until(() => !watched.stats().isWriting);
  // Its time is over then.
  machine.pass(5000);
  assert.deepEqual([watched.stats().isWriting, told.profiles], [false, ['interval']]);
  await watched.stop();
});

test('one that is due while one is written is left out, a rule comes after it, once', async () => {
  const { watched, machine, told } = underClock({ intervalMs: 1000, rules: true });
  machine.pass(1000);
  // The write is not done before this function lets go.
  machine.pass(3000);
  for (let i = 0; i < 3; i++) {
    machine.grow(3e8);
    machine.collect();
  }
  assert.equal(watched.stats().skipped, 3);
  await until(() => !watched.stats().isWriting);
  machine.pass(1);
  await until(() => told.profiles.length === 2);
  await watched.stop();
  assert.deepEqual(told.profiles, ['interval', 'newPeak']);
});

test('rules are asked on full collections and every two seconds', async () => {
  const machine = fakeMachine();
  const { watched, told } = underClock({ ...NEVER, rules: { perHour: 100 } }, machine);
  machine.pass(2000);
  machine.grow(2e8);
  machine.pass(1999);
  assert.equal(watched.stats().isWriting, false);
  machine.pass(1);
  await until(() => told.profiles.length === 1);
  machine.grow(7e8);
  machine.collect();
  await until(() => told.profiles.length === 2);
  assert.deepEqual(told.profiles, ['newPeak', 'heapRatio']);
  await watched.stop();
});

test('clocks that are put back or forward change nothing', async (context) => {
  const wall = context.mock?.method(Date, 'now');
  if (wall === undefined) return context.skip('no mocks before Node.js 18.13');
  const dir = emptyDirectory();
  const watched = monitor({ dir, ...NEVER, keep: { files: 3, ageMs: 3_600_000 } });
  const files = [];
  for (const hours of [0, 24, -24, 8760, 0, -8760, 0]) {
    const now = Date.UTC(2026, 10, 15) + hours * 3_600_000;
    wall.mock.mockImplementation(() => now);
    files.push(await watched.flush());
  }
  await watched.stop();
  assert.equal(new Set(files).size, 7);
  assert.deepEqual(
    readDirectory(dir).profiles.sort(),
    files
      .slice(-3)
      .map((file) => basename(file))
      .sort(),
  );
});

for (const [what, breakIt, mend, code] of [
  ['vanishes', (dir) => rmSync(dir, { recursive: true }), () => {}, 'ENOENT'],
  [
    'is a file for a while',
    (dir) => {
      renameSync(dir, `${dir}.old`);
      writeFileSync(dir, '');
    },
    (dir) => rmSync(dir),
    'ENOTDIR',
  ],
  [
    'is a link that leads nowhere',
    (dir) => {
      rmSync(dir, { recursive: true });
      symlinkSync('/nowhere/at/all', dir);
    },
    (dir) => rmSync(dir),
    'ENOENT',
  ],
]) {
  test(`a directory that ${what} is an error, and it goes on`, async () => {
    const { watched, machine, told, dir } = underClock({ intervalMs: 60_000 });
    breakIt(dir);
    machine.pass(60_000);
    await until(() => told.errors.length > 0 && !watched.stats().isWriting);
    assert.equal(told.errors[0], code);
    mend(dir);
    await until(() => {
      machine.pass(1000);
      return told.profiles.length > 0;
    });
    assert.equal(readDirectory(dir).profiles.length >= 1, true);
    await watched.stop();
  });
}

test('a directory that may not be written is an error each time, more seldom each time', {
  skip: process.getuid?.() === 0 && 'root may',
}, async () => {
  const { watched, machine, told, dir } = underClock({ intervalMs: 3_600_000 });
  chmodSync(dir, 0o500);
  machine.pass(3_600_000);
  await until(() => told.errors.length === 1);
  chmodSync(dir, 0o700);
  machine.pass(1000);
  await until(() => told.profiles.length === 1);
  await watched.stop();
});

test('failures are retried after 1, 2, 4 seconds, and a minute at most', async () => {
  const { watched, machine, told } = underClock({ intervalMs: 3_600_000, dir: '/dev/null/x' });
  await until(() => told.errors.length === 1);
  const waits = [];
  machine.pass(3_600_000);
  for (let i = 0; i < 9; i++) {
    await until(() => !watched.stats().isWriting);
    const [{ at }] = [...machine.timers].sort((one, other) => one.at - other.at);
    waits.push(at - machine.time);
    machine.pass(at - machine.time);
  }
  assert.deepEqual(
    waits,
    [1, 2, 4, 8, 16, 32, 60, 60, 60].map((seconds) => seconds * 1000),
  );
  await watched.stop();
});

test('an error that nobody listens to is a warning, once', async () => {
  const program = `
    const { monitor } = require(${JSON.stringify(root)});
    const watched = monitor({ dir: '/dev/null/x', intervalMs: 5 });
    const looking = setInterval(async () => {
      if (watched.stats().failed <= 3) return;
      clearInterval(looking);
      console.log(await watched.flush());
    }, 10);`;
  const { code, stdout, stderr } = await runChild('-e', [program]);
  assert.deepEqual([code, stdout], [0, 'undefined\n'], stderr);
  assert.equal(stderr.match(/HeapProfileWarning: no profile was written: ENOTDIR/g)?.length, 1);
});

test('it keeps no process alive, and loads nothing before it is called', async () => {
  const program = `
    const { monitor } = require(${JSON.stringify(root)});
    const loaded = () => Object.keys(require.cache).filter((path) => /lib.(monitor|push)/.test(path)).length;
    const before = loaded();
    const options = { dir: process.argv[1], rules: true, signal: 'SIGUSR2', onExit: true };
    const watched = monitor(options);
    console.log(before, loaded() > 0);`;
  const dir = emptyDirectory();
  const { code, stdout, stderr } = await runChild('-e', [program, dir]);
  assert.deepEqual([code, stdout, stderr], [0, '0 true\n', '']);
  assert.equal(readDirectory(dir).profiles.length, 1);
});

test('a signal asks for one; other listeners stay, and many signals are few profiles', {
  skip: process.platform === 'win32' && 'no such signals',
}, async () => {
  // The test runner of some versions has its tests write a report for each.
  process.report.reportOnSignal = false;
  const others = process.listeners('SIGUSR2');
  const { watched, machine, told } = underClock({ ...NEVER, signal: 'SIGUSR2' });
  let heard = 0;
  const listener = () => {
    heard += 1;
  };
  process.on('SIGUSR2', listener);
  process.kill(process.pid, 'SIGUSR2');
  await until(() => told.profiles.length === 1);
  for (let i = 0; i < 20; i++) {
    process.kill(process.pid, 'SIGUSR2');
    await until(() => heard > i + 1);
  }
  assert.deepEqual(told.profiles, ['signal']);
  machine.pass(1000);
  await until(() => told.profiles.length === 2);
  await watched.stop();
  assert.deepEqual(process.listeners('SIGUSR2'), [...others, listener]);
  process.off('SIGUSR2', listener);
});

test('an AbortSignal stops it; a stopped one does nothing', async () => {
  const controller = new AbortController();
  const { watched, machine, dir } = underClock({
    intervalMs: 10,
    signal: [controller.signal, 'SIGHUP'],
  });
  controller.abort();
  machine.pass(1000);
  machine.collect();
  assert.equal(await watched.flush(), undefined);
  await watched.stop();
  assert.deepEqual([readdirSync(dir), process.listenerCount('SIGHUP')], [[], 0]);
  const aborted = monitor({ dir, signal: controller.signal });
  assert.equal(await aborted.flush(), undefined);
});

test('stop() waits for what is being written, and not for ever', async () => {
  const { watched, machine } = underClock(NEVER);
  const file = watched.flush();
  const stopped = watched.stop();
  machine.pass(5000);
  await stopped;
  assert.equal(watched.stats().isWriting, true);
  assert.ok(existsSync(await file));
  const other = monitor({ dir: emptyDirectory() });
  const flushed = other.flush();
  await other.stop();
  assert.equal(other.stats().isWriting, false);
  assert.ok(existsSync(await flushed));
});

test('profiles are pushed at intervals of their own, and when it is flushed', async () => {
  const asked = [];
  const server = createServer((request, response) => {
    request.resume().on('end', () => {
      asked.push(request.url);
      response.end();
    });
  });
  await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
  const url = `http://127.0.0.1:${server.address().port}`;
  const push = { url, app: 'shop', intervalMs: 10_000 };
  const { watched, machine, dir } = underClock({ ...NEVER, push });
  machine.pass(10_000);
  await until(() => asked.length === 1);
  const file = await watched.flush();
  assert.deepEqual([asked.length, watched.stats().push.sent], [2, 2]);
  assert.ok(
    asked.every((path) => path.startsWith('/ingest?name=shop')),
    asked[0],
  );
  await watched.stop();
  machine.pass(60_000);
  server.close();
  // What is pushed is no file of the monitor.
  assert.deepEqual(readDirectory(dir).profiles, [basename(file)]);
});

test('what samples already goes on; what a monitor started ends with the last one', async () => {
  const dir = emptyDirectory();
  start({ sampleIntervalBytes: 65536 });
  await monitor({ dir }).stop();
  assert.equal(status().sampleIntervalBytes, 65536);
  stop();
  const [one, other] = [monitor({ dir }), monitor({ dir })];
  await one.stop();
  assert.equal(status().active, true);
  await other.stop();
  assert.equal(status().active, false);
});

test('what the program stopped stays stopped until it starts again, without complaints', async () => {
  const { watched, machine, told } = underClock({ intervalMs: 60_000 });
  stop();
  machine.pass(60_000);
  assert.equal(await watched.flush(), undefined);
  assert.deepEqual([told, status().active], [{ profiles: [], errors: [] }, false]);
  start();
  machine.pass(60_000);
  await until(() => told.profiles.length === 1);
  await watched.stop();
  // Its own start() is its own to end.
  assert.deepEqual([told.errors, status().active], [[], true]);
  stop();
});

/** As another agent does. */
function stopBehindOurBack() {
  const session = new Session();
  session.connect();
  session.post('HeapProfiler.stopSampling');
  session.disconnect();
}

test('a session that another agent stopped is an error and started again', async () => {
  const { watched, machine, told } = underClock({ intervalMs: 60_000 });
  stopBehindOurBack();
  machine.pass(60_000);
  await until(() => told.errors.length === 1);
  assert.deepEqual([told.errors, status().active], [['ERR_NOT_SAMPLING'], true]);
  machine.pass(1000);
  await until(() => told.profiles.length === 1);
  await watched.stop();
});

test("what a listener throws is the program's, and the monitor goes on", async () => {
  const program = `
    const { monitor } = require(${JSON.stringify(root)});
    process.on('uncaughtException', (error) => console.log(error.message));
    const watched = monitor({ dir: process.argv[1], intervalMs: Infinity });
    watched.on('profile', () => { throw new Error('mine'); });
    (async () => {
      await watched.flush();
      console.log(typeof await watched.flush());
    })();
    setTimeout(() => {}, 300);`;
  const { code, stdout } = await runChild('-e', [program, emptyDirectory()]);
  assert.deepEqual([code, stdout], [0, 'mine\nmine\nstring\n']);
});

test('a warning of what cost no profile does not say that it did', async () => {
  const program = `
    const { monitor } = require(${JSON.stringify(root)});
    const dir = process.argv[1];
    const watched = monitor({ dir, intervalMs: Infinity });
    require('node:fs').rmdirSync(dir);
    watched.flush().then((file) => console.log(typeof file));`;
  const { code, stdout, stderr } = await runChild('-e', [program, emptyDirectory()]);
  assert.deepEqual([code, stdout], [0, 'string\n'], stderr);
  assert.match(stderr, /HeapProfileWarning: the monitor goes on: ENOENT/);
  assert.doesNotMatch(stderr, /no profile/);
});

test('stop() stops, whatever a signal does then', async () => {
  const signal = {
    aborted: false,
    addEventListener() {},
    removeEventListener() {
      throw new Error('mine');
    },
  };
  const { watched } = underClock({ ...NEVER, signal });
  await watched.stop();
  assert.equal(watched.stats().lastError.message, 'mine');
  assert.equal(status().active, false);
});

test('snapshotAll() asks nobody where nothing samples', async (context) => {
  const { watched } = underClock(NEVER);
  stop();
  const native = require(join(root, 'lib', 'native.js')).load();
  const { askThreads } = native;
  let asked = 0;
  native.askThreads = () => {
    asked += 1;
    return askThreads();
  };
  context.after(() => {
    native.askThreads = askThreads;
  });
  await assert.rejects(watched.snapshotAll(), { code: 'ERR_NOT_SAMPLING' });
  assert.equal(asked, 0);
  await watched.stop();
});

test("heapLimit is one monitor's of a thread: an error of the second, and free when the first stops", async () => {
  const options = { ...NEVER, heapLimit: {} };
  const first = underClock(options);
  const second = underClock(options);
  await until(() => second.told.errors.length > 0);
  await first.watched.stop();
  const third = underClock(options);
  await second.watched.flush();
  await third.watched.flush();
  const errors = [first, second, third].map(({ told }) => told.errors);
  assert.deepEqual(errors, [[], ['ERR_UNSUPPORTED_OPTION'], []]);
  await Promise.all([second.watched.stop(), third.watched.stop()]);
});

test('the first profile has a memory limit', async () => {
  const watched = monitor({ dir: emptyDirectory(), ...NEVER });
  const told = next(watched, 'profile');
  await watched.flush();
  const { memoryLimit } = (await told).summary;
  assert.ok(memoryLimit > 0 && memoryLimit <= totalmem(), `${memoryLimit}`);
  await watched.stop();
});

test('workers write where the monitor does, wherever the program goes', {
  skip: !('getBuiltinModule' in process) && 'needs process.getBuiltinModule()',
}, async () => {
  const program = `
    const { monitor } = require(${JSON.stringify(root)});
    const { Worker } = require('node:worker_threads');
    process.chdir(process.argv[1]);
    monitor({ dir: 'profiles', intervalMs: 20, workers: true });
    process.chdir('/');
    new Worker('setInterval(() => {}, 1000)', { eval: true });
    setInterval(() => {}, 1000);`;
  const dir = emptyDirectory();
  const isThere = () => readdirSync(join(dir, 'profiles')).some((name) => /-1-\d{8}T/.test(name));
  const { signal, stderr } = await runChild('-e', [program, dir], {
    onSpawn: async (child) => {
      await until(() => existsSync(join(dir, 'profiles')) && isThere()).catch(() => {});
      child.kill('SIGKILL');
    },
  });
  assert.deepEqual([signal, stderr], ['SIGKILL', '']);
  assert.ok(isThere());
});

test('wrong options throw, and start nothing', () => {
  for (const [options, code] of [
    [null, 'ERR_INVALID_ARG_TYPE'],
    [{ dir: '' }, 'ERR_INVALID_ARG_VALUE'],
    [{ intervalMs: 0 }, 'ERR_OUT_OF_RANGE'],
    [{ intervalMs: Number.NaN }, 'ERR_OUT_OF_RANGE'],
    [{ intervalMs: 2 ** 31 }, 'ERR_OUT_OF_RANGE'],
    [{ intervalMs: '1h' }, 'ERR_INVALID_ARG_TYPE'],
    [{ format: 'svg' }, 'ERR_INVALID_ARG_VALUE'],
    [{ keep: { files: 0 } }, 'ERR_OUT_OF_RANGE'],
    [{ keep: { days: 1 } }, 'ERR_INVALID_ARG_VALUE'],
    [{ rules: 'all' }, 'ERR_INVALID_ARG_TYPE'],
    [{ rules: { rss: 2 } }, 'ERR_OUT_OF_RANGE'],
    [{ rules: { heapRatio: [0.5, '1'] } }, 'ERR_INVALID_ARG_TYPE'],
    [{ rules: { growth: -1 } }, 'ERR_OUT_OF_RANGE'],
    [{ signal: 'SIGTERM' }, 'ERR_INVALID_ARG_VALUE'],
    [{ signal: {} }, 'ERR_INVALID_ARG_TYPE'],
    [{ signal: ['SIGHUP', 'SIGUSR2'] }, 'ERR_INVALID_ARG_VALUE'],
    [{ heapLimit: { profiles: 0 } }, 'ERR_OUT_OF_RANGE'],
    [{ labels: { a: 1 } }, 'ERR_INVALID_ARG_TYPE'],
    [{ onExit: 1 }, 'ERR_INVALID_ARG_TYPE'],
    [{ interval: 1 }, 'ERR_INVALID_ARG_VALUE'],
  ]) {
    assert.throws(() => monitor(options), { code }, JSON.stringify(options));
  }
  assert.equal(status().active, false);
});

test('the preload is a monitor in each thread and child process, as the environment says', async () => {
  const dir = emptyDirectory();
  const program = `
    const { readdirSync } = require('node:fs');
    const { Worker, isMainThread } = require('node:worker_threads');
    const { fork } = require('node:child_process');
    const isChild = process.argv[2] === 'child';
    if (isMainThread && !isChild) {
      new Worker(__filename).unref();
      const child = fork(__filename, ['child']);
      const writers = () => new Set(readdirSync(process.env.HEAP_PROFILE_DIR)
        .filter((name) => name.startsWith('heap-')).map((name) => /-(\\d+-\\d+)-\\d+T/.exec(name)[1]));
      const looking = setInterval(() => {
        if (writers().size < 3) return;
        clearInterval(looking);
        child.kill();
      }, 20);
    } else setInterval(() => {}, 1000);`;
  const path = join(emptyDirectory(), 'tree.js');
  writeFileSync(path, program);
  const env = {
    NODE_OPTIONS: `--require ${join(root, 'register.js')}`,
    ...{ HEAP_PROFILE_DIR: dir, HEAP_PROFILE_EVERY: '50ms', HEAP_PROFILE_RULES: 'growth=0.5' },
    ...{ HEAP_PROFILE_KEEP: '20', HEAP_PROFILE_LABELS: 'service=api' },
  };
  const { code, stderr } = await runChild(path, [], { env });
  assert.deepEqual([code, stderr], [0, '']);
  const { profiles } = readDirectory(dir);
  assert.ok(profiles.length <= 21, `${profiles.length}`);
  assert.deepEqual((await Snapshot.read(join(dir, profiles[0]))).labels, { service: 'api' });
});

test('a leak is in the directory before the process is killed', async () => {
  const dir = emptyDirectory();
  const options = JSON.stringify({ dir, rules: true });
  const result = await runChild(fixture('monitor', 'leak.js'), ['40', options], {
    execArgv: ['--max-old-space-size=256'],
    onSpawn: async (child) => {
      // More would come too late on a slow machine, where V8 is at its end before.
      await until(() => readdirSync(dir).filter((name) => name.startsWith('heap-')).length >= 2);
      child.kill('SIGKILL');
    },
  });
  assert.equal(result.signal, 'SIGKILL', result.stderr);
  const last = readDirectory(dir).profiles.pop();
  const { sites } = await (await Snapshot.read(join(dir, last))).top();
  assert.equal(sites[0].functionName, 'keepOrders');
});

test('a leak is in the directory before V8 ends the process', async () => {
  const dir = emptyDirectory();
  const options = JSON.stringify({ dir, rules: true });
  const { code, signal, stderr } = await runChild(fixture('monitor', 'leak.js'), ['40', options], {
    execArgv: ['--max-old-space-size=100'],
  });
  assert.ok(code !== 0 || signal !== null);
  assert.match(stderr, /JavaScript heap out of memory/);
  const last = await Snapshot.read(join(dir, readDirectory(dir).profiles.pop()));
  assert.equal((await last.top()).sites[0].functionName, 'keepOrders');
});

test('nothing is read that is on Object.prototype only, and a bad signal is an error', async () => {
  const program = `
    Object.assign(Object.prototype, {
      ...{ machine: 1, onWritten: 1, files: 1, bytes: 1, ageMs: 1, keep: 1, series: 1, writer: '/', number: -1 },
      ...{ abort: 1, rules: true, intervalMs: 1, format: 'svg', labels: { a: 1 }, profiles: 1, push: 1 },
    });
    const { monitor } = require(${JSON.stringify(root)});
    const signal = { aborted: false, addEventListener() { throw new Error('mine'); } };
    const watched = monitor({ dir: process.argv[1], signal });
    watched.on('error', (error) => console.log(error.message));
    watched.flush().then((file) => console.log(/heap-profile-.*-1\\.heapprofile$/.test(file), watched.files().length));
    setTimeout(() => {}, 300);`;
  const { code, stdout, stderr } = await runChild('-e', [program, emptyDirectory()]);
  assert.deepEqual([code, stdout, stderr], [0, 'mine\ntrue 1\n', '']);
});

test('many processes share a directory, and its bounds', async () => {
  const dir = emptyDirectory();
  mkdirSync(join(dir, 'push'));
  writeFileSync(join(dir, 'push', 'heap-profile-h-1-0-20261115T031502123Z-1.pb.gz'), '');
  const program = `
    const { monitor } = require(${JSON.stringify(root)});
    const watched = monitor({ dir: process.argv[1], intervalMs: 10, keep: { files: 12 } });
    watched.on('error', (error) => console.log(error.message));
    watched.on('profile', () => watched.stats().written === 20 && process.exit());
    setInterval(() => {}, 1000);`;
  const runs = Array.from({ length: 6 }, () => runChild('-e', [program, dir]));
  for (const { code, stdout, stderr } of await Promise.all(runs)) {
    assert.deepEqual([code, stdout, stderr], [0, '', '']);
  }
  const { profiles, others } = readDirectory(dir);
  assert.ok(profiles.length >= 12 && profiles.length <= 18, `${profiles.length}`);
  assert.deepEqual(
    others.filter((name) => !name.endsWith('.tmp')),
    ['push'],
  );
  assert.equal(readdirSync(join(dir, 'push')).length, 1);
});
