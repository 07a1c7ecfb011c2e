// Every example runs, and what it writes is what its README says.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { createInterface } from 'node:readline';
import { test } from 'node:test';
import { Snapshot } from '../index.js';
import { readDirectory, readProfile, root, runChild, temporaryDirectory } from './helpers.mjs';

const TIMEOUT = { timeout: 120_000 };
const examples = join(root, 'examples');
const scratch = temporaryDirectory();
const require = createRequire(import.meta.url);

/** A directory of its own for a test: examples write into the current one. */
function workingDirectory() {
  return mkdtempSync(join(scratch, 'example-'));
}

/** Runs an example that ends by itself; what it printed. */
async function runExample(program, options) {
  const { code, stdout, stderr } = await runChild(program, [], options);
  assert.equal(code, 0, stderr);
  return stdout;
}

/** Runs an example that does not end by itself until `use` is done with it. */
async function withRunning(t, program, args, use) {
  const cwd = workingDirectory();
  const child = spawn(process.execPath, [join(examples, program), ...args], {
    cwd,
    env: { ...process.env, PORT: '0' },
    stdio: ['ignore', 'pipe', 'inherit'],
    signal: t.signal,
  });
  const closed = once(child, 'close');
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  const nextLine = async () => (await lines.next()).value;
  try {
    await use({ child, cwd, nextLine });
  } finally {
    child.kill();
    await closed;
  }
}

/** Estimated bytes of all nodes of a function in a file. */
function bytesOf(file, functionName) {
  const pending = [readProfile(file).head];
  let bytes = 0;
  for (let node = pending.pop(); node !== undefined; node = pending.pop()) {
    if (node.callFrame.functionName === functionName) bytes += node.selfSize;
    pending.push(...node.children);
  }
  return bytes;
}

/** Fails unless a function holds at least so many bytes in a file: few, as estimates are rough. */
function assertHolds(file, functionName, bytes) {
  const held = bytesOf(file, functionName);
  assert.ok(held >= bytes, `${functionName} holds ${held} bytes in ${file}`);
}

test('each example has a README of three lines, which tells how to start it', () => {
  const names = readdirSync(examples).filter((name) => name !== 'demo');
  for (const name of names) {
    const text = readFileSync(join(examples, name, 'README.md'), 'utf8');
    assert.equal(text.trimEnd().split('\n').length, 3, name);
    const [, command] = text.match(/`(?:npm run|node(?: --[\w-]+)*) ([\w./-]+)/);
    const isThere =
      command in require('../package.json').scripts || existsSync(join(root, command));
    assert.ok(isThere || command.includes('/dist/'), command);
  }
});

for (const name of ['express', 'fastify']) {
  test(`${name}: the route writes a profile that names the leak`, TIMEOUT, async (t) => {
    await withRunning(t, `${name}/server.js`, [], async ({ cwd, nextLine }) => {
      const url = await nextLine();
      for (let i = 0; i < 200; i++) await (await fetch(`${url}/login`)).json();
      const { filename } = await (await fetch(`${url}/heap-profile`, { method: 'POST' })).json();
      // 200 arrays of 80 kB, of which about 28 are sampled.
      assertHolds(join(cwd, filename), 'login', 3e6);
      assert.deepEqual(readDirectory(cwd), { profiles: [filename], others: [] });
    });
  });
}

for (const name of ['http', 'express', 'fastify', 'koa', 'hono']) {
  test(`${name}: the handler shows who holds the memory`, TIMEOUT, async (t) => {
    await withRunning(t, `${name}/server.js`, [], async ({ nextLine }) => {
      const url = await nextLine();
      for (let i = 0; i < 200; i++) await (await fetch(`${url}/login`)).json();
      const response = await fetch(`${url}/profiles/debug/pprof/heap`);
      assert.equal(response.status, 200);
      const snapshot = await Snapshot.parse(Buffer.from(await response.arrayBuffer()));
      const { sites } = await snapshot.top({ filter: 'login' });
      assert.ok(sites[0].bytes.estimate > 3e6, JSON.stringify(sites));
      const head = await fetch(`${url}/profiles/debug/pprof/heap`, { method: 'HEAD' });
      assert.equal(head.headers.get('content-type'), 'application/octet-stream');
      const page = await fetch(`${url}/profiles/`);
      assert.match(await page.text(), /<iframe src="flamegraph"/);
      assert.equal((await fetch(`${url}/profiles/nothing`)).status, name === 'http' ? 200 : 404);
    });
  });
}

test('TypeScript: compiles, a source map beside it, and runs', TIMEOUT, async () => {
  // Inside the package, whose own name is resolved only there.
  const target = join(root, 'target');
  mkdirSync(target, { recursive: true });
  const dist = mkdtempSync(join(target, 'typescript-'));
  try {
    const manifest = require.resolve('typescript/package.json');
    const tsc = join(dirname(manifest), require(manifest).bin.tsc);
    await compile(tsc, dist);
    const { mappings, sources } = JSON.parse(readFileSync(join(dist, 'app.js.map'), 'utf8'));
    assert.ok(mappings.length > 0 && sources[0].endsWith('app.ts'));
    const cwd = workingDirectory();
    const options = { cwd, execArgv: ['--enable-source-maps'] };
    const stdout = await runExample(join(dist, 'app.js'), options);
    assert.equal(stdout, 'typescript.heapprofile: 100000 keys\n');
    const file = join(cwd, 'typescript.heapprofile');
    assertHolds(file, 'fillCache', 1e6);
    assert.match(
      readFileSync(file, 'utf8'),
      /"functionName":"fillCache".{0,200}typescript\/app\.ts"/,
    );
  } finally {
    rmSync(dist, { recursive: true });
  }
});

async function compile(tsc, outDir) {
  const args = ['--project', join(examples, 'typescript'), '--outDir', outDir];
  const { code, stdout, stderr } = await runChild(tsc, args);
  assert.equal(code, 0, stdout + stderr);
}

test('worker threads: each thread writes its own profile', TIMEOUT, async () => {
  const cwd = workingDirectory();
  const stdout = await runExample(join(examples, 'worker-threads/app.js'), { cwd });
  const names = ['thread-0.heapprofile', 'thread-1.heapprofile', 'thread-2.heapprofile'];
  const lines = names.map((name) => `${name}: 100000 keys`);
  assert.deepEqual(stdout.trimEnd().split('\n').sort(), lines);
  assert.deepEqual(readDirectory(cwd), { profiles: names, others: [] });
  for (const name of names) assertHolds(join(cwd, name), 'fillCache', 1e6);
});

test('cluster: on SIGUSR2 each process writes its own profile', TIMEOUT, async (t) => {
  await withRunning(t, 'cluster/server.js', [], async ({ child, cwd, nextLine }) => {
    const [url, same] = [await nextLine(), await nextLine()];
    assert.equal(url, same);
    for (let i = 0; i < 400; i++) await (await fetch(url)).text();
    child.kill('SIGUSR2');
    const lines = [await nextLine(), await nextLine()].sort();
    const names = ['worker-1.heapprofile', 'worker-2.heapprofile'];
    assert.deepEqual(
      lines,
      names.map((name) => `wrote ${name}`),
    );
    // 400 arrays of 80 kB, on whichever of the two they fell.
    const bytes = names.map((name) => bytesOf(join(cwd, name), 'visit'));
    assert.ok(bytes[0] + bytes[1] > 10e6, String(bytes));
    assert.deepEqual(readDirectory(cwd), { profiles: names, others: [] });
  });
});

test('monitor: a signal asks for a profile, and what holds most is told', TIMEOUT, async (t) => {
  await withRunning(t, 'monitor/server.js', [], async ({ child, nextLine }) => {
    const url = await nextLine();
    for (let i = 0; i < 2000; i++) await (await fetch(url)).text();
    child.kill('SIGUSR2');
    let line = await nextLine();
    // The rules may have asked before.
    while (!line.startsWith('signal: ')) line = await nextLine();
    const [, file] = /^signal: wrote (.*); \w* holds most$/.exec(line);
    // 2,000 arrays of 16 kB, of which about 60 are sampled.
    assertHolds(file, 'remember', 5e6);
  });
});

test('periodic: one profile after the other', TIMEOUT, async (t) => {
  await withRunning(t, 'periodic/app.js', ['200'], async ({ cwd, nextLine }) => {
    const names = [];
    for (let i = 0; i < 3; i++) {
      const [, name] = (await nextLine()).match(/^wrote (heap-profile-\d+\.heapprofile)$/);
      names.push(name);
      readProfile(join(cwd, name));
    }
    assert.equal(new Set(names).size, 3);
  });
});

test('ES modules', TIMEOUT, async () => {
  const cwd = workingDirectory();
  const stdout = await runExample(join(examples, 'es-modules/app.mjs'), { cwd });
  assert.equal(stdout, 'es-modules.heapprofile: 100000 keys\n');
  assertHolds(join(cwd, 'es-modules.heapprofile'), 'fillCache', 1e6);
});

/** What `npm run <name>` runs, run by the Node that runs the tests. */
function runScript(name) {
  const [command, program] = require('../package.json').scripts[name].split(' ');
  assert.equal(command, 'node');
  return runExample(join(root, program));
}

test('npm run cli prints the call sites of the functions that allocated', TIMEOUT, async () => {
  const stdout = await runScript('cli');
  assert.match(stdout, /^Call sites of 16 nested and 2048 flat arrays:\n\[/);
  for (const name of ['nestedArrays', 'innerArray', 'flatArrays', 'emptyArray']) {
    const callSite = `name: '${name}',\\s+script: '.*allocate\\.js',`;
    assert.match(stdout, new RegExp(callSite));
  }
  assert.match(stdout, /allocations: \[\s+\{ size: \d+, count: \d+ \}/);
});

test('npm run cli-formatted prints them with source', TIMEOUT, async () => {
  const stdout = await runScript('cli-formatted');
  assert.match(stdout, /location: '.*allocate\.js:\d+:\d+',\s+allocations: \[\s+'\d+ x \d+'/);
  assert.match(stdout, /source: \[\s+'function innerArray\(\) \{',\s+' {2}const inner = \[\];',/);
});
