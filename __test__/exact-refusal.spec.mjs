// Exact stacks are had or refused with a reason, never half: what asking for them does, and what a wrong table
// of V8's layouts does, an unknown V8, another CPU profile, an interval that proves nothing.
import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { test } from 'node:test';
import {
  cli,
  fixture,
  readDirectory,
  readProfile,
  root,
  runChild,
  temporaryDirectory,
} from './helpers.mjs';

const require = createRequire(import.meta.url);
const layouts = require('../lib/exact-layouts.json');
const directory = temporaryDirectory();
const version = process.versions.v8;
const row = layouts.find(({ v8 }) => version.startsWith(`${v8}.`));
const isVerified = process.platform === 'linux' && process.arch === 'x64' && row !== undefined;
const unverified = !isVerified && 'exact stacks were not verified here';

/** Runs code that has `heapProfile` and `show`; resolves to what it shows, and its stderr. */
async function runCode(code, { execArgv, env } = {}) {
  const path = join(directory, `${Math.random()}.cjs`);
  const require = `const heapProfile = require(${JSON.stringify(root)});
    const show = (value) => console.log(JSON.stringify(value));
    ${code}`;
  writeFileSync(path, require);
  const { code: exitCode, stdout, stderr } = await runChild(path, [], { execArgv, env });
  assert.equal(exitCode, 0, stderr);
  return {
    shown: stdout
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line)),
    stderr,
  };
}

const SHOW = 'show(heapProfile.status().exactStacks);';

test('asked for they are on where they were verified, and nobody is warned', async () => {
  const code = `heapProfile.start({ exactStacks: true }); ${SHOW}`;
  const { shown, stderr } = await runCode(code);
  assert.equal(shown[0].enabled, isVerified);
  assert.equal(stderr === '', isVerified);
  if (isVerified) assert.equal(shown[0].reason, null);
  else assert.match(shown[0].reason, /they were/);
});

test('not asked for they are off, and neither status nor file has a word on them', async () => {
  const code = `heapProfile.start(); ${SHOW}
    heapProfile.snapshot().encode('heapprofile').then((bytes) => {
      show('exactStacks' in JSON.parse(bytes).heapProfile);
    });`;
  const { shown, stderr } = await runCode(code);
  assert.deepEqual([shown, stderr], [[null, false], '']);
});

test('the same again does nothing, the other is an error', async () => {
  const { shown } = await runCode(`
    heapProfile.start({ exactStacks: true });
    heapProfile.start({ exactStacks: true });
    heapProfile.start();
    try { heapProfile.start({ exactStacks: false }); } catch ({ code }) { show(code); }
    heapProfile.stop();
    heapProfile.start();
    try { heapProfile.start({ exactStacks: true }); } catch ({ code }) { show(code); }`);
  assert.deepEqual(shown, ['ERR_ALREADY_SAMPLING', 'ERR_ALREADY_SAMPLING']);
});

test('a refusal leaves the session to V8, is in status and file, and warns once', async () => {
  const { shown, stderr } = await runCode(`
    for (let i = 0; i < 3; i++) {
      heapProfile.stop();
      heapProfile.start({ exactStacks: true, sampleIntervalBytes: 63 });
    }
    ${SHOW}
    heapProfile.snapshot().encode('heapprofile').then((bytes) => {
      const { heapProfile, samples } = JSON.parse(bytes);
      show([heapProfile.exactStacks.enabled, heapProfile.exactStacks.reason, samples.length > 0]);
    });`);
  const [{ enabled, reason }, file] = shown;
  assert.equal(enabled, false);
  if (isVerified) assert.match(reason, /interval of less than 64 bytes/);
  assert.deepEqual(file, [false, reason, true]);
  const warnings = stderr.match(/HeapProfileWarning: exact stacks cannot be had.*/g);
  assert.equal(warnings.length, 1, stderr);
  assert.ok(warnings[0].endsWith(reason), warnings[0]);
});

test('the preload has them by HEAP_PROFILE_EXACT_STACKS=1, and says what else it is', async () => {
  const run = (value) =>
    runCode(SHOW, {
      execArgv: ['--require', join(root, 'register.js')],
      env: { HEAP_PROFILE_EXACT_STACKS: value },
    });
  assert.equal((await run('1')).shown[0].enabled, isVerified);
  for (const off of ['0', '']) assert.deepEqual((await run(off)).shown, [null]);
  const { shown, stderr } = await run('yes');
  assert.deepEqual(shown, [null]);
  assert.match(stderr, /HEAP_PROFILE_EXACT_STACKS needs 1 or 0, got "yes"/);
});

test('run has them by --exact-stacks', async () => {
  const program = join(directory, 'program.cjs');
  writeFileSync(program, 'globalThis.kept = Array.from({ length: 1e5 }, (_, i) => ({ i }));');
  for (const [option, wish] of [
    ['--exact-stacks', { enabled: isVerified }],
    ['--no-exact-stacks', undefined],
  ]) {
    const dir = join(directory, option);
    const { code, stderr } = await cli(['run', option, '--dir', dir, '--', program]);
    assert.equal(code, 0, stderr);
    const [name] = readDirectory(dir).profiles;
    const { exactStacks } = readProfile(join(dir, name)).heapProfile;
    assert.equal(exactStacks?.enabled, wish?.enabled);
  }
});

test('a CPU profile that runs already refuses them', { skip: unverified }, async () => {
  const refused = /a CPU profile is taken/;
  const { shown } = await runCode(`
    const { Session } = require('node:inspector');
    const session = new Session();
    session.connect();
    const post = (method) => new Promise((resolve) => session.post(method, resolve));
    const tell = () => {
      heapProfile.start({ exactStacks: true });
      ${SHOW}
      heapProfile.stop();
    };
    (async () => {
      await post('Profiler.enable');
      await post('Profiler.start');
      tell();
      await post('Profiler.stop');
      tell();
    })();`);
  assert.match(shown[0].reason, refused);
  assert.deepEqual(shown[1], { enabled: true, reason: null });
  const flags = { execArgv: ['--cpu-prof', '--cpu-prof-dir', directory] };
  const code = `heapProfile.start({ exactStacks: true }); ${SHOW}`;
  assert.match((await runCode(code, flags)).shown[0].reason, refused);
});

test('a flag with which V8 may deadlock refuses them', { skip: unverified }, async () => {
  const code = `heapProfile.start({ exactStacks: true }); ${SHOW}`;
  for (const options of [
    { execArgv: ['--interpreted-frames-native-stack'] },
    { execArgv: ['--interpreted_frames_native_stack'] },
    { env: { NODE_OPTIONS: '--no-deprecation --interpreted-frames-native-stack' } },
  ]) {
    const { shown } = await runCode(code, options);
    assert.match(shown[0].reason, /with --interpreted-frames-native-stack/);
  }
});

test('our own in other threads do not', { skip: unverified }, async () => {
  const { shown } = await runCode(`
    const { isMainThread, Worker } = require('node:worker_threads');
    heapProfile.start({ exactStacks: true });
    ${SHOW}
    if (isMainThread) for (let i = 0; i < 3; i++) new Worker(__filename);`);
  assert.deepEqual(shown, Array(4).fill({ enabled: true, reason: null }));
});

/** Numbers in [0, 1), the same for the same seed (mulberry32). */
function randomNumbers(seed) {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** The row with one to three offsets that are others. */
function mutated(random) {
  const below = (end) => Math.floor(random() * end);
  const objects = ['heapProfiler', 'samplingHeapProfiler', 'observer'];
  const fields = objects.flatMap((name) => Object.keys(row[name]).map((key) => [name, key]));
  const offsets = fields.map(([name, key]) => row[name][key]);
  const copy = structuredClone(row);
  const wrong = (offset) =>
    [
      () => Math.max(0, offset + 8 * (below(33) - 16)),
      () => offsets[below(offsets.length)],
      () => below(300),
      () => 8 * below(128),
      () => 2 ** below(50),
      () => 2 ** 53 - 1 - below(16),
      () => -8 * below(16),
    ][below(7)]();
  const changes = 1 + below(3);
  for (let i = 0; i < changes; i++) {
    const [name, key] = fields[below(fields.length)];
    copy[name][key] = wrong(row[name][key]);
  }
  return JSON.stringify(copy) === JSON.stringify(row) ? mutated(random) : copy;
}

const { binaryPaths } = require('../lib/native.js');

/** Why copies of the addon with these tables refuse. */
async function refusals(tables, name) {
  const path = join(directory, `${name}.json`);
  writeFileSync(path, JSON.stringify(tables));
  const [addon] = binaryPaths();
  const program = fixture('exact-refusal', 'wrong-tables.js');
  const { code, signal, stdout, stderr } = await runChild(program, [path, addon, directory]);
  assert.deepEqual([code, signal], [0, null], `${stderr}\n${readFileSync(path)}`);
  return JSON.parse(stdout);
}

test('the right table is taken: the wrong ones are refused for what is wrong', {
  skip: unverified,
}, async () => {
  assert.deepEqual(await refusals([layouts], 'right'), [null]);
});

test('200 wrong tables are refused, and none crashes', { skip: unverified }, async () => {
  const seed = Number(process.env.HEAP_PROFILE_TEST_SEED ?? 12);
  const random = randomNumbers(seed);
  const tables = Array.from({ length: 200 }, () => [mutated(random)]);
  for (let i = 0; i < tables.length; i += 50) {
    const some = tables.slice(i, i + 50);
    const reasons = await refusals(some, `wrong-${i}`);
    assert.equal(reasons.length, some.length);
    for (const [index, reason] of reasons.entries()) {
      assert.equal(typeof reason, 'string', `seed ${seed}: ${JSON.stringify(some[index])}`);
    }
  }
});

test('another V8, no row, no table are refused', { skip: unverified }, async () => {
  const other = (v8) => [{ ...row, v8 }];
  const tables = [
    other('99.9'),
    other(row.v8.slice(0, -1)),
    other(`${row.v8}.0.0.0`),
    [],
    {},
    'no table',
  ];
  const reasons = await refusals(tables, 'unknown');
  for (const reason of reasons.slice(0, 4)) {
    assert.equal(reason, `they were not verified with V8 ${version}`);
  }
  for (const reason of reasons.slice(4)) assert.match(reason, /table of layouts cannot be read/);
});
