// `heap-profile run`: the program ends as it would without us, and leaves profiles.
import assert from 'node:assert/strict';
import { mkdtempSync, readdirSync, writeFileSync } from 'node:fs';
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

const { Snapshot } = createRequire(import.meta.url)(root);
const ends = fixture('cli', 'ends.js');
const temporary = temporaryDirectory();

function emptyDirectory() {
  return mkdtempSync(join(temporary, 'run-'));
}

/** Sends a signal when the program is ready. */
function onceReady(signal) {
  return (child) => {
    child.stdout.on('data', (text) => {
      if (String(text).includes('ready')) child.kill(signal);
    });
  };
}

/** The one profile in a directory. */
function onlyProfile(directory) {
  const { profiles, others } = readDirectory(directory);
  assert.deepEqual([profiles.length, others], [1, []]);
  return readProfile(join(directory, profiles[0]));
}

for (const how of ['normal', 'exit', 'exitCode', 'throw', 'reject']) {
  test(`${how}: exit code and output as without us, and a profile`, async () => {
    const directory = emptyDirectory();
    const without = await runChild(ends, [how]);
    const result = await cli(['run', '--dir', directory, '--', ends, how]);
    assert.deepEqual(result, without);
    assert.equal(onlyProfile(directory).heapProfile.sampleIntervalBytes, 524288);
  });
}

for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) {
  test(`${signal} ends the program and us, and leaves a profile`, async () => {
    const directory = emptyDirectory();
    const options = { onSpawn: onceReady(signal) };
    const result = await cli(['run', '--dir', directory, '--', ends, 'signal'], options);
    assert.deepEqual([result.code, result.signal, result.stderr], [null, signal, '']);
    onlyProfile(directory);
  });
}

test('a signal that leaves no time passes through too', async () => {
  const directory = emptyDirectory();
  const options = { onSpawn: onceReady('SIGQUIT') };
  const result = await cli(['run', '--dir', directory, '--', ends, 'signal'], options);
  assert.deepEqual([result.code, result.signal], [null, 'SIGQUIT']);
  assert.deepEqual(readdirSync(directory), []);
});

for (const how of ['polite', 'graceful', 'removed']) {
  test(`a program with its own listeners, ${how}, ends as without us`, async () => {
    const directory = emptyDirectory();
    const options = { onSpawn: onceReady('SIGTERM') };
    const without = await runChild(ends, [how], options);
    const result = await cli(['run', '--dir', directory, '--', ends, how], options);
    assert.deepEqual(result, without);
    onlyProfile(directory);
  });
}

const FORCES_GC =
  'heap-profile: garbage is collected before each profile; --no-force-gc leaves it to V8\n';

for (const [format, ending] of [
  ['heapprofile', '.heapprofile'],
  ['pprof', '.pb.gz'],
  ['folded', '.folded'],
]) {
  test(`--every writes ${format} files`, async () => {
    const directory = emptyDirectory();
    const program = [fixture('cli', 'until-files.js'), directory, ending];
    const options = ['--dir', directory, '--every', '20ms', '--format', format, '--no-on-exit'];
    const { code, stderr } = await cli(['run', ...options, '--', ...program]);
    assert.deepEqual([code, stderr], [0, FORCES_GC]);
    const names = readdirSync(directory).filter((name) => !name.endsWith('.tmp'));
    assert.ok(names.length >= 3 && names.every((name) => name.endsWith(ending)), `${names}`);
    if (format === 'folded') return;
    for (const name of names) {
      assert.ok((await Snapshot.read(join(directory, name))).takenAt instanceof Date);
    }
  });
}

test('the last profile says whether the program had ended', async () => {
  for (const [how, atExit] of [
    ['normal', true],
    ['exit', true],
    ['signal', undefined],
  ]) {
    const directory = emptyDirectory();
    await cli(['run', '--dir', directory, '--', ends, how], { onSpawn: onceReady('SIGTERM') });
    assert.equal(onlyProfile(directory).heapProfile.atExit, atExit, how);
  }
});

for (const [options, forceGC, said] of [
  [[], false, ''],
  [['--every', '1m'], false, ''],
  [['--every', '59s'], true, FORCES_GC],
  [['--every', '59s', '--no-force-gc'], false, ''],
  [['--every', '59s', '--force-gc'], true, ''],
  [['--force-gc'], true, ''],
]) {
  test(`run ${options.join(' ')}: garbage is ${forceGC ? '' : 'not '}collected`, async () => {
    const directory = emptyDirectory();
    const { stderr } = await cli(['run', '--dir', directory, ...options, '--', ends, 'normal']);
    assert.equal(stderr, said);
    const { forceGC: wasForced, fullCollections } = onlyProfile(directory).heapProfile;
    assert.equal(wasForced, forceGC);
    if (forceGC) assert.ok(fullCollections >= 1);
  });
}

test('options reach the session; the directory is made, wherever the program goes', async () => {
  const cwd = emptyDirectory();
  const options = ['--dir', 'a/b', '--sample-interval', '64KiB', '--depth', '7', '--on-exit'];
  const program = ['--no-warnings', '-e', 'process.chdir("/"); console.log(process.execArgv[2])'];
  const { code, stdout } = await cli(['run', ...options, '--', ...program], { cwd });
  assert.deepEqual([code, stdout], [0, '--no-warnings\n']);
  const { sampleIntervalBytes, stackDepth } = onlyProfile(join(cwd, 'a/b')).heapProfile;
  assert.deepEqual([sampleIntervalBytes, stackDepth], [65536, 7]);
});

test('--no-on-exit without --every leaves nothing', async () => {
  const directory = emptyDirectory();
  await cli(['run', '--no-on-exit', '--dir', directory, '--', ends, 'exit']);
  assert.deepEqual(readdirSync(directory), []);
});

test('stdin passes through', async () => {
  const directory = emptyDirectory();
  const program = ['-e', 'process.stdin.pipe(process.stdout)'];
  const input = 'x'.repeat(1_000_000);
  const { stdout } = await cli(['run', '--dir', directory, '--', ...program], { input });
  assert.equal(stdout, input);
});

test('each thread and each forked process writes its own profile', async () => {
  const directory = emptyDirectory();
  const program = `
    const { fork } = require('node:child_process');
    const { Worker } = require('node:worker_threads');
    if (process.argv[2] === 'forked') return;
    fork(__filename, ['forked']).on('exit', () => new Worker('globalThis.a = 1', { eval: true }));`;
  const path = join(emptyDirectory(), 'threads.js');
  writeFileSync(path, program);
  const { code, stderr } = await cli(['run', '--dir', directory, '--', path]);
  assert.deepEqual([code, stderr], [0, '']);
  const { profiles, others } = readDirectory(directory);
  const found = profiles.map((name) => readProfile(join(directory, name)).heapProfile);
  assert.deepEqual([found.map(({ threadId }) => threadId).sort(), others], [[0, 0, 1], []]);
  assert.equal(new Set(found.map(({ pid }) => pid)).size, 2);
});

test('where nothing can be written the program runs all the same', async () => {
  const { code, stdout, stderr } = await cli(['run', '--dir', '/dev/null/x', '--', '-p', '"fine"']);
  assert.deepEqual([code, stdout], [0, 'fine\n']);
  assert.match(stderr, /HeapProfileWarning: no profiles are written: ENOTDIR/);
});

test('what was stopped cannot be written: said, with the exit code as it is', async () => {
  const directory = emptyDirectory();
  const stop = `require(${JSON.stringify(root)}).stop(); process.exit(6)`;
  const { code, stderr } = await cli(['run', '--dir', directory, '--', '-e', stop]);
  assert.equal(code, 6);
  assert.match(stderr, /HeapProfileWarning: no profile was written: .*not sampling/);
});

test('bad values of the environment are warnings', async () => {
  const directory = emptyDirectory();
  const preload = ['--require', join(root, 'register.js')];
  const env = {
    HEAP_PROFILE_DIR: directory,
    HEAP_PROFILE_EVERY: '60',
    HEAP_PROFILE_FORMAT: 'svg',
    HEAP_PROFILE_ON_EXIT: 'yes',
  };
  const { code, stderr } = await runChild('-e', ['0'], { execArgv: preload, env });
  assert.equal(code, 0);
  for (const name of ['EVERY', 'FORMAT', 'ON_EXIT']) {
    assert.match(stderr, new RegExp(`"HEAP_PROFILE_${name}" must be .*; the default is used`));
  }
  assert.deepEqual(readdirSync(directory), []);
});
