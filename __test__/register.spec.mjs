// heap-profile/register: sampling starts at boot, whatever the environment says.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath, pathToFileURL } from 'node:url';

const root = join(dirname(fileURLToPath(import.meta.url)), '..');
const register = join(root, 'register.js');
const printStatus = `console.log(JSON.stringify(require(${JSON.stringify(root)}).status()))`;

/** The status that a program sees which was started with `flags` and `env`. */
function boot(env, flags = ['--require', register]) {
  const { status, stdout, stderr } = spawnSync(process.execPath, [...flags, '-e', printStatus], {
    encoding: 'utf8',
    env: { ...process.env, ...env },
  });
  assert.equal(status, 0, stderr);
  return { ...JSON.parse(stdout), stderr };
}

test('--require and --import start with the defaults', () => {
  for (const flags of [
    ['--require', register],
    ['--import', pathToFileURL(register).href],
  ]) {
    const { active, sampleIntervalBytes, stackDepth, stderr } = boot({}, flags);
    assert.deepEqual([active, sampleIntervalBytes, stackDepth], [true, 524288, 64]);
    assert.equal(stderr, '');
  }
});

test('worker threads are sampled too', () => {
  const program = `
    const { Worker } = require('node:worker_threads');
    new Worker(${JSON.stringify(printStatus)}, { eval: true });`;
  const { stdout } = spawnSync(process.execPath, ['--require', register, '-e', program], {
    encoding: 'utf8',
  });
  const { active, threadId } = JSON.parse(stdout);
  assert.deepEqual([active, threadId], [true, 1]);
});

test('options come from the environment', () => {
  const { sampleIntervalBytes, stackDepth, stderr } = boot({
    HEAP_PROFILE_SAMPLE_INTERVAL: '64KiB',
    HEAP_PROFILE_STACK_DEPTH: '128',
  });
  assert.deepEqual([sampleIntervalBytes, stackDepth, stderr], [65536, 128, '']);
});

test('a bad value is a warning and the default', () => {
  for (const bad of ['0', '-1', '1e3', '64KB', '2GiB', '2147483648', '0x10', ' 5']) {
    const { active, sampleIntervalBytes, stackDepth, stderr } = boot({
      HEAP_PROFILE_SAMPLE_INTERVAL: bad,
      HEAP_PROFILE_STACK_DEPTH: '9999',
    });
    assert.deepEqual([active, sampleIntervalBytes, stackDepth], [true, 524288, 64]);
    assert.match(
      stderr,
      new RegExp(
        `HEAP_PROFILE_SAMPLE_INTERVAL needs .*, got ${JSON.stringify(bad)}; the default, 512KiB, is used`,
      ),
    );
    assert.match(
      stderr,
      /HEAP_PROFILE_STACK_DEPTH needs a number from 1 to 1024, got "9999"; the default, 64, is used/,
    );
  }
});

test('a bad push variable costs the pushes only', () => {
  const directory = mkdtempSync(join(tmpdir(), 'heap-profile-'));
  const wanted = { HEAP_PROFILE_DIR: directory, HEAP_PROFILE_ON_EXIT: '1' };
  const url = { HEAP_PROFILE_PUSH_URL: 'http://127.0.0.1:9' };
  try {
    for (const wrong of [
      url,
      { ...url, HEAP_PROFILE_PUSH_APP: '1' },
      { HEAP_PROFILE_PUSH_URL: 'nowhere', HEAP_PROFILE_PUSH_APP: 'shop' },
      { ...url, HEAP_PROFILE_PUSH_APP: 'shop', HEAP_PROFILE_PUSH_EVERY: '1ms' },
      { ...url, HEAP_PROFILE_PUSH_APP: 'shop', HEAP_PROFILE_PUSH_USERNAME: 'me' },
    ]) {
      const before = readdirSync(directory).length;
      const { active, stderr } = boot({ ...wanted, ...wrong });
      assert.equal(active, true);
      assert.match(stderr, /HeapProfileWarning: .*HEAP_PROFILE_PUSH.*; nothing is pushed/);
      assert.equal(readdirSync(directory).length, before + 1, stderr);
    }
  } finally {
    rmSync(directory, { recursive: true });
  }
});

test('where sampling cannot start the program runs all the same', () => {
  const directory = mkdtempSync(join(tmpdir(), 'heap-profile-'));
  try {
    const flags = ['--heap-prof', '--heap-prof-dir', directory, '--require', register];
    const { active, stderr } = boot({}, flags);
    assert.equal(active, false);
    assert.match(stderr, /sampling did not start: .*ERR_SAMPLER_IN_USE/);
  } finally {
    rmSync(directory, { recursive: true });
  }
});
