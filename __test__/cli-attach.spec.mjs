// `heap-profile attach`: profiles of a process that runs, which stays as it was.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import {
  copyFileSync,
  existsSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  watch,
  writeFileSync,
} from 'node:fs';
import { createRequire } from 'node:module';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { attach, attachShortly, CLOSED, startTarget } from './attach.mjs';
import { cli, readDirectory, readProfile, root, runChild, temporaryDirectory } from './helpers.mjs';

const { Snapshot } = createRequire(import.meta.url)(root);
const temporary = temporaryDirectory();
const major = Number(process.versions.node.split('.')[0]);

function emptyDirectory() {
  return mkdtempSync(join(temporary, 'attach-'));
}

/** Names of the functions in a profile. */
function functionNames({ head }) {
  const names = new Set();
  const open = [head];
  while (open.length > 0) {
    const { callFrame, children } = open.pop();
    names.add(callFrame.functionName);
    open.push(...children);
  }
  return names;
}

test('a profile of the main thread; the inspector is closed after it', async (t) => {
  const { order, pid } = await startTarget(t);
  const file = join(emptyDirectory(), 'a.heapprofile');
  for (let time = 0; time < 2; time++) {
    const result = await attach(pid, ['--duration', '500ms', '-o', file]);
    assert.deepEqual(result, { code: 0, signal: null, stdout: `wrote ${file}\n`, stderr: '' });
    const profile = readProfile(file);
    assert.ok(functionNames(profile).has('allocateInMain'));
    const { heapProfile } = profile;
    assert.deepEqual(
      [heapProfile.pid, heapProfile.threadId, heapProfile.nodeVersion],
      [Number(pid), 0, process.version],
    );
    assert.ok(heapProfile.memoryUsage.heapUsed > 0 && heapProfile.forceGC);
    assert.deepEqual(await order('state'), CLOSED);
  }
});

test('an inspector that was open stays open', async (t) => {
  const { order, pid } = await startTarget(t, ['--inspect=0']);
  const before = await order('state');
  assert.notEqual(before.url, null);
  const { code } = await attach(pid, ['--duration', '100ms'], { cwd: emptyDirectory() });
  assert.equal(code, 0);
  assert.deepEqual(await order('state'), before);
});

test('an inspector that the program opened itself stays open', async (t) => {
  const { order, pid } = await startTarget(t, []);
  assert.equal(await order('open'), 'open');
  const before = await order('state');
  const { code } = await attach(pid, ['--duration', '100ms'], { cwd: emptyDirectory() });
  assert.equal(code, 0);
  assert.deepEqual(await order('state'), before);
});

test('--every writes several files of one session', async (t) => {
  const { pid } = await startTarget(t);
  const cwd = emptyDirectory();
  const args = ['--duration', '1s', '--every', '300ms', '-o', 'a.b.heapprofile'];
  const { code, stdout } = await attach(pid, args, { cwd });
  assert.equal(code, 0);
  const names = stdout.trim().replaceAll('wrote ', '').split('\n');
  assert.deepEqual(names.slice(0, 2), ['a.b-1.heapprofile', 'a.b-2.heapprofile']);
  assert.deepEqual(readDirectory(cwd), { profiles: names, others: [] });
  const profiles = names.map((name) => readProfile(join(cwd, name)));
  assert.equal(new Set(profiles.map(({ heapProfile }) => heapProfile.sessionId)).size, 1);
  const [first, last] = [profiles[0], profiles.at(-1)].map(({ samples }) => samples.length);
  assert.ok(first < last, `${first} samples, then ${last}`);
});

test('the number goes before the ending of the name, which says the format', async (t) => {
  const { pid } = await startTarget(t);
  for (const [name, first] of [
    ['at-1.2.heapprofile', 'at-1.2-1.heapprofile'],
    ['at-1.2.pb.gz', 'at-1.2-1.pb.gz'],
    ['a.b.json', 'a.b-1.json'],
    ['a', 'a-1'],
  ]) {
    const cwd = emptyDirectory();
    const args = ['--duration', '200ms', '--every', '100ms', '-o', name];
    assert.equal((await attach(pid, args, { cwd })).code, 0);
    assert.equal(readdirSync(cwd).sort()[0], first);
  }
});

test('worker threads', async (t) => {
  const { order, pid } = await startTarget(t);
  const { stdout } = await cli(['attach', pid, '--list-threads']);
  assert.match(stdout, /^2 threads; .*\n\nID {2}name.*\n 0 {2}main thread\n 1 {2}.*worker.*\n$/i);
  const json = await cli(['attach', pid, '--list-threads', '--json']);
  const [main, worker] = JSON.parse(json.stdout).threads;
  assert.deepEqual(main, { threadId: 0, title: 'main thread', url: '' });
  assert.deepEqual(Object.keys(worker), ['threadId', 'title', 'url']);
  assert.equal(worker.threadId, 1);
  const markdown = await cli(['attach', pid, '--list-threads', '--markdown']);
  assert.match(markdown.stdout, /\n\| 0 \| main thread \| {2}\|\n\| 1 \| .*worker/i);
  const file = join(emptyDirectory(), 'worker.pb.gz');
  const args = ['--thread', '1', '--duration', '500ms', '-o', file];
  assert.equal((await attach(pid, args)).code, 0);
  const names = functionNames((await Snapshot.read(file)).toJSON());
  assert.ok(names.has('allocateInWorker') && !names.has('allocateInMain'));
  const { code, stderr } = await attach(pid, ['--thread', '7']);
  assert.deepEqual([code, stderr], [1, 'error: there is no thread 7; --list-threads shows them\n']);
  assert.deepEqual(await order('state'), CLOSED);
});

test('- writes to stdout; a reader that leaves early changes nothing', async (t) => {
  const { order, pid } = await startTarget(t);
  const args = ['--duration', '100ms', '-o', '-'];
  const { code, stdout } = await attach(pid, args);
  assert.equal(code, 0);
  assert.ok('heapProfile' in JSON.parse(stdout));
  const left = await attach(pid, args, { onSpawn: (child) => child.stdout.destroy() });
  assert.deepEqual([left.code, left.stderr], [0, '']);
  assert.deepEqual(await order('state'), CLOSED);
});

test('--json tells all files at the end, also of a process that is killed', async (t) => {
  const { child, pid } = await startTarget(t);
  const cwd = emptyDirectory();
  const args = ['--duration', '1s', '--every', '300ms', '-o', 'a.heapprofile'];
  const { code, stdout } = await attach(pid, [...args, '--json'], { cwd });
  assert.equal(code, 0);
  assert.deepEqual(JSON.parse(stdout), { files: readdirSync(cwd).sort() });

  const end = emptyDirectory();
  const watcher = watch(end).on('change', () => child.kill('SIGKILL'));
  const killed = await attach(pid, ['--duration', '1h', '--every', '300ms', '--json'], {
    cwd: end,
  });
  watcher.close();
  assert.equal(killed.code, 1);
  assert.deepEqual(JSON.parse(killed.stdout).files.length, readdirSync(end).length);
});

for (const signal of ['SIGINT', 'SIGTERM']) {
  test(`${signal} ends the sampling, with a profile and the inspector closed`, async (t) => {
    const { order, pid } = await startTarget(t);
    const cwd = emptyDirectory();
    const onSpawn = (child) => child.stdout.once('data', () => child.kill(signal));
    const args = ['--duration', '1h', '--every', '200ms'];
    const result = await attach(pid, args, { cwd, onSpawn });
    assert.deepEqual([result.code, result.signal, result.stderr], [null, signal, '']);
    assert.ok(readDirectory(cwd).profiles.length >= 2);
    assert.deepEqual(await order('state'), CLOSED);
  });
}

for (const [how, exitCode] of [
  ['end', 0],
  ['exit', 9],
]) {
  test(`a process that ends early (${how}) ends as ever, and leaves its profile`, async (t) => {
    const { child, ended, pid } = await startTarget(t);
    const cwd = emptyDirectory();
    const onSpawn = (attached) => attached.stdout.once('data', () => child.stdin.write(`${how}\n`));
    const args = ['--duration', '1h', '--every', '300ms'];
    const { code, stderr } = await attach(pid, args, { cwd, onSpawn });
    assert.deepEqual([code, stderr], [0, '']);
    assert.deepEqual(await ended, [exitCode, null]);
    assert.ok(readDirectory(cwd).profiles.length >= 2);
  });
}

test('a process that is killed', async (t) => {
  const { child, pid } = await startTarget(t);
  const cwd = emptyDirectory();
  const onSpawn = (attached) => attached.stdout.once('data', () => child.kill('SIGKILL'));
  const args = ['--duration', '1h', '--every', '300ms'];
  const { code, stderr } = await attach(pid, args, { cwd, onSpawn });
  assert.deepEqual([code, stderr], [1, 'error: the process closed the connection\n']);
});

test('a sampler in use is left alone', async (t) => {
  const { order, pid } = await startTarget(t);
  assert.equal(await order('sample'), 'sampling');
  const { code, stderr } = await attach(pid, []);
  assert.equal(code, 1);
  assert.match(stderr, /^error: the heap is sampled already, by DevTools, heap-profile or/);
  assert.deepEqual(await order('state'), { url: null, isSampled: true });
});

test('--depth, or a warning where it has no effect', async (t) => {
  const { pid } = await startTarget(t);
  const file = join(emptyDirectory(), 'a.heapprofile');
  const { stderr } = await attach(pid, ['--duration', '100ms', '--depth', '3', '-o', file]);
  const { stackDepth } = readProfile(file).heapProfile;
  if (major >= 26) assert.deepEqual([stackDepth, stderr], [3, '']);
  else {
    const warning = 'warning: this Node.js keeps 128 frames of each stack\n';
    assert.deepEqual([stackDepth, stderr], [128, warning]);
  }
});

const OPEN = { open: { limit: 500, afterSignal: 0 } };

/** Expects one line of error and nothing written. */
async function fails(pid, message, deadlines = {}) {
  const cwd = emptyDirectory();
  const { code, stdout, stderr } = await attachShortly(pid, deadlines, [], { cwd });
  assert.deepEqual([code, stdout, readdirSync(cwd)], [1, '', []]);
  assert.match(stderr, message);
  assert.equal(stderr.split('\n').length, 2);
}

test('no such process', async () => {
  const child = spawn(process.execPath, ['--version'], { stdio: 'ignore' });
  await once(child, 'exit');
  await fails(String(child.pid), new RegExp(`^error: there is no process ${child.pid}$`, 'm'));
});

for (const name of ['sleep', 'node_exporter']) {
  test(`not Node.js, which lives on: ${name}`, async (t) => {
    const program = join(emptyDirectory(), name);
    copyFileSync('/bin/sleep', program);
    // Some systems have all their small programs in one, which asks for its name.
    const child = spawn(program, ['1000'], { argv0: 'sleep' });
    t.after(() => child.kill('SIGKILL'));
    await once(child, 'spawn');
    const message = new RegExp(`^error: process \\d+ is not Node\\.js: it runs /.*/${name}$`, 'm');
    await fails(String(child.pid), message);
    assert.deepEqual([child.exitCode, child.signalCode], [null, null]);
  });
}

test('not permitted', async (t) => {
  const { pid } = await startTarget(t);
  // Another user's process: for root that of a process that gives itself up, else that of root.
  const isRoot = process.getuid() === 0;
  const main = JSON.stringify(join(root, 'lib', 'cli', 'main.js'));
  const program = `
    const { main } = require(${main});
    if (${isRoot}) process.setuid(65534);
    main(['attach', '${isRoot ? pid : 1}']).then((code) => { process.exitCode = code; });`;
  const { code, stderr } = await runChild('-e', [program]);
  assert.equal(code, 1);
  assert.match(
    stderr,
    /^error: attaching to process \d+ is not permitted: it belongs to another user or/,
  );
});

test('a program that handles SIGUSR1 itself', async (t) => {
  const { order, pid } = await startTarget(t);
  assert.equal(await order('catchSignal'), 'caught');
  await fails(
    pid,
    /^error: the inspector .* cannot be opened: the program handles SIGUSR1 itself/,
    OPEN,
  );
});

test('a process that does not respond opens its inspector later, as the error says', {
  timeout: 60_000,
}, async (t) => {
  const { child, order, pid } = await startTarget(t);
  child.kill('SIGSTOP');
  await fails(
    pid,
    /does not respond yet; once it does the inspector opens, and stays open$/m,
    OPEN,
  );
  child.kill('SIGCONT');
  let state = CLOSED;
  while (state.url === null) state = await order('state');
});

/** As an inspector that opens on the signal, and refuses everything; prints what it is to evaluate. */
const REFUSING = `
  const { createServer } = require('node:http');
  const { WebSocketServer } = require('ws');
  const targets = JSON.stringify([{ type: 'node', id: 'refusing' }]);
  const server = createServer((request, response) => response.end(targets));
  new WebSocketServer({ server }).on('connection', (socket) => {
    socket.on('message', (text) => {
      const { id, params } = JSON.parse(text);
      if (params.expression !== undefined) console.log(params.expression);
      socket.send(JSON.stringify({ id, error: { message: 'refused' } }));
    });
  });
  process.on('SIGUSR1', () => server.listen(0, '127.0.0.1'));
  setInterval(() => {}, 1000);
  console.log('ready');`;

test('an inspector that was opened is closed whatever fails after that', async (t) => {
  const child = spawn(process.execPath, ['-e', REFUSING], {
    cwd: root,
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  t.after(() => child.kill('SIGKILL'));
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  assert.equal((await lines.next()).value, 'ready');
  await fails(String(child.pid), /^error: the process answers: refused$/m);
  child.kill('SIGKILL');
  assert.equal((await lines.next()).value, "require('node:inspector').close()");
});

test("the inspector's port belongs to another process", async (t) => {
  const server = createServer().listen(0, '127.0.0.1');
  t.after(() => server.close());
  await once(server, 'listening');
  const { port } = server.address();
  const { pid } = await startTarget(t, [`--inspect-port=${port}`]);
  await fails(
    pid,
    new RegExp(`cannot be opened: another process uses its port ${port}$`, 'm'),
    OPEN,
  );
});

const hasSwitch = process.allowedNodeEnvironmentFlags.has('--disable-sigusr1');
const reason = 'this Node.js has no --disable-sigusr1';
test('an inspector that was disabled', { skip: !hasSwitch && reason }, async (t) => {
  const { pid } = await startTarget(t, ['--disable-sigusr1']);
  await fails(pid, /^error: the inspector .* cannot be opened: it was disabled/);
});

test('what is skipped above is not there', () => {
  assert.equal(hasSwitch, major >= 22);
});

test('what could not be written is said at once, and the process is left alone', async (t) => {
  const { order, pid } = await startTarget(t);
  const cwd = emptyDirectory();
  writeFileSync(join(cwd, 'file'), '');
  for (const [output, code, message] of [
    ['file/x.heapprofile', 1, /^error: E(?:NOTDIR|EXIST)/],
    ['.', 1, /^error: EISDIR/],
    ['/dev/null', 1, /^error: EINVAL/],
    ['x.svg', 2, /^error: x\.svg means a format that is not written here/],
  ]) {
    const before = Date.now();
    const args = ['attach', pid, '--duration', '1h', '-o', output];
    const result = await cli(args, { cwd, timeout: 20_000 });
    assert.equal(result.code, code, output);
    assert.match(result.stderr, message);
    assert.ok(Date.now() - before < 20_000);
  }
  assert.deepEqual(readdirSync(cwd), ['file']);
  assert.deepEqual(await order('state'), CLOSED);
});

test('the directory is made, before anything is sampled', async (t) => {
  const { pid } = await startTarget(t);
  const cwd = emptyDirectory();
  const attached = attach(pid, ['--duration', '700ms', '-o', 'not/yet/a.heapprofile'], { cwd });
  while (!existsSync(join(cwd, 'not', 'yet'))) await delay(20);
  assert.deepEqual(readdirSync(join(cwd, 'not', 'yet')), []);
  assert.equal((await attached).code, 0);
  readProfile(join(cwd, 'not', 'yet', 'a.heapprofile'));
});

test('.html is a flame graph of what was sampled', async (t) => {
  const { pid } = await startTarget(t);
  const file = join(emptyDirectory(), 'a.html');
  assert.equal((await attach(pid, ['--duration', '300ms', '-o', file])).code, 0);
  assert.match(readFileSync(file, 'utf8'), /^<!doctype html>/i);
});

test('wrong usage', async () => {
  for (const [args, message] of [
    [['attach'], /'attach' needs PID/],
    [['attach', 'app.js'], /: PID needs a number, got "app\.js"\n/],
    [['attach', '0'], /: PID needs a number from 1 to 2147483647, got "0"\n/],
    [['attach', '1', '--thread', '-1'], /--thread.*ambiguous.*XYZ'\.\n/],
    [['attach', '1', '--every', '1s', '-o', '-'], /cannot all go to stdout/],
  ]) {
    const { code, stderr } = await cli(args);
    assert.equal(code, 2);
    assert.match(stderr, message);
    assert.ok(stderr.endsWith("\nSee 'heap-profile attach --help'.\n"));
  }
});

test('a terminal sees how long it takes', async () => {
  const countdown = JSON.stringify(join(root, 'lib', 'cli', 'countdown.js'));
  const program = `
    process.stderr.isTTY = process.argv[1] === 'terminal';
    require(${countdown}).countDown('sampling', Date.now() + 60_000)();`;
  const [seen, unseen] = await Promise.all([
    runChild('-e', [program, 'terminal']),
    runChild('-e', [program, 'pipe']),
  ]);
  assert.equal(seen.stderr, '\r\x1b[Ksampling: 60 s left, Ctrl-C ends it now\r\x1b[K');
  assert.equal(unseen.stderr, '');
});
