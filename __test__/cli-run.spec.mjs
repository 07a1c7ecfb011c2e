// `heap-profile run`: the program ends as it would without us, and leaves profiles.
import assert from 'node:assert/strict';
import { lstatSync, mkdtempSync, readdirSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
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
const cliProgram = join(root, 'bin', 'heap-profile.js');
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

/** What is said at the end, nothing else, where one profile was written. */
function wroteOne(directory) {
  const file = `${directory}/heap-profile-.+-\\d+-0-\\w+-1\\.heapprofile`;
  return new RegExp(`^wrote 1 profile to ${directory}; next: heap-profile top ${file}\n$`);
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
    const result = await cli(['run', '--quiet', '--dir', directory, '--', ends, how]);
    assert.deepEqual(result, without);
    assert.equal(onlyProfile(directory).heapProfile.sampleIntervalBytes, 524288);
  });
}

for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) {
  test(`${signal} ends the program and us, and leaves a profile`, async () => {
    const directory = emptyDirectory();
    const options = { onSpawn: onceReady(signal) };
    const result = await cli(['run', '--dir', directory, '--', ends, 'signal'], options);
    assert.deepEqual([result.code, result.signal], [null, signal]);
    assert.match(result.stderr, wroteOne(directory));
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
    const result = await cli(['run', '--quiet', '--dir', directory, '--', ends, how], options);
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
    const names = readdirSync(directory).filter((name) => !name.endsWith('.tmp'));
    const next = format === 'folded' ? '' : `; next: heap-profile leaks ${directory}`;
    const wrote = `wrote ${names.length} profiles to ${directory}${next}\n`;
    assert.deepEqual([code, stderr], [0, FORCES_GC + wrote]);
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
    assert.ok(stderr.startsWith(said), stderr);
    assert.match(stderr.slice(said.length), wroteOne(directory));
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
  const { profiles, others } = readDirectory(directory);
  // One of each session: there is nothing to compare.
  const wrote = `^wrote 3 profiles to ${directory}; next: heap-profile top ${directory}/.*\n$`;
  assert.equal(code, 0);
  assert.match(stderr, new RegExp(wrote));
  const found = profiles.map((name) => readProfile(join(directory, name)).heapProfile);
  assert.deepEqual([found.map(({ threadId }) => threadId).sort(), others], [[0, 0, 1], []]);
  assert.equal(new Set(found.map(({ pid }) => pid)).size, 2);
});

test('where nothing can be written the program runs all the same', async () => {
  const { code, stdout, stderr } = await cli(['run', '--dir', '/dev/null/x', '--', '-p', '"fine"']);
  assert.deepEqual([code, stdout], [0, 'fine\n']);
  assert.match(stderr, /HeapProfileWarning: no profile was written: ENOTDIR/);
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
    HEAP_PROFILE_EVERY: '1hour',
    HEAP_PROFILE_FORMAT: 'svg',
    HEAP_PROFILE_KEEP: 'ten',
    HEAP_PROFILE_ON_EXIT: 'yes',
  };
  const { code, stderr } = await runChild('-e', ['0'], { execArgv: preload, env });
  assert.equal(code, 0);
  for (const warning of [
    'EVERY needs a duration such as 500ms, 60s, 5m or 1h, got "1hour"; no profiles are written at intervals\n',
    'FORMAT needs heapprofile, pprof or folded, got "svg"; the default, heapprofile, is used\n',
    'ON_EXIT needs 1 or 0, got "yes"; no profile is written when the program ends\n',
    'KEEP needs a number, got "ten"; the default, 1000, is used\n',
  ]) {
    assert.ok(stderr.includes(`HeapProfileWarning: HEAP_PROFILE_${warning}`), stderr);
  }
  assert.deepEqual(readdirSync(directory), []);
});

test('what was written is told, and what to ask of it, as a shell takes it', async () => {
  const cwd = emptyDirectory();
  const until = [fixture('cli', 'until-files.js'), "its/user's profiles", '.heapprofile'];
  const options = ['--dir', "its/user's profiles", '--every', '1h', '--force-gc'];
  const one = await cli(['run', ...options, '--', ends, 'normal'], { cwd });
  const [name] = readdirSync(join(cwd, until[1]));
  assert.equal(
    one.stderr,
    `wrote 1 profile to its/user's profiles; next: heap-profile top 'its/user'\\''s profiles/${name}'\n`,
  );
  const often = ['--dir', until[1], '--every', '20ms', '--no-on-exit', '--force-gc'];
  const more = await cli(['run', ...often, '--', ...until], { cwd });
  const count = readDirectory(join(cwd, until[1])).profiles.length - 1;
  assert.equal(
    more.stderr,
    // Not those that were there before.
    `wrote ${count} profiles to its/user's profiles; next: heap-profile leaks 'its/user'\\''s profiles'\n`,
  );
});

test('a directory whose name looks like an option is none in what to ask', async () => {
  const cwd = emptyDirectory();
  const { stderr } = await cli(['run', '--dir=-d', '--', ends, 'normal'], { cwd });
  const [name] = readdirSync(join(cwd, '-d'));
  assert.equal(stderr, `wrote 1 profile to -d; next: heap-profile top ./-d/${name}\n`);
});

test('that nothing was written is told, too; --quiet tells nothing', async () => {
  const directory = emptyDirectory();
  const options = ['--dir', directory, '--no-on-exit'];
  const loud = await cli(['run', ...options, '--', ends, 'normal']);
  assert.equal(loud.stderr, `wrote no profiles to ${directory}\n`);
  for (const quiet of ['--quiet', '-q']) {
    const { stderr } = await cli(['run', quiet, ...options, '--every', '1s', '--', ends, 'normal']);
    assert.equal(stderr, '');
  }
  // The file by which run is told is gone.
  assert.deepEqual(readdirSync(directory), []);
});

/** What a program may do to the file by which run is told, and what of it is there at the end. */
const TALLY_ABUSES = {
  'a directory': ['rmSync(tally); mkdirSync(tally);', 'directory'],
  'a pipe that nobody writes to': ["rmSync(tally); execFileSync('mkfifo', [tally]);", 'pipe'],
  'a link to an endless file': ["rmSync(tally); symlinkSync('/dev/zero', tally);", 'link'],
  'a file of its own': ["rmSync(tally); writeFileSync(tally, 'precious');", 'file'],
  nothing: ['rmSync(tally);', undefined],
  'a file in the place of its directory': [
    'rmSync(dirname(tally), { recursive: true }); writeFileSync(dirname(tally), "");',
    undefined,
  ],
  'lines that say nothing': [
    "appendFileSync(tally, ['x', '', '1 2 ../x', '1 2 3 4', ''].join(EOL));",
    undefined,
  ],
};

for (const [what, [abuse, left]] of Object.entries(TALLY_ABUSES)) {
  test(`a program that leaves ${what} as the file by which run is told ends as without us`, async () => {
    const directory = emptyDirectory();
    const program = `
      const { appendFileSync, mkdirSync, rmSync, symlinkSync, writeFileSync } = require('node:fs');
      const { execFileSync } = require('node:child_process');
      const { EOL } = require('node:os');
      const { dirname } = require('node:path');
      const tally = process.env.HEAP_PROFILE_TALLY;
      ${abuse}
      process.exitCode = 7;`;
    const path = join(emptyDirectory(), 'abuse.js');
    writeFileSync(path, program);
    const options = { timeout: 20_000 };
    const { code, stderr } = await cli(['run', '--dir', directory, '--', path], options);
    assert.equal(code, 7, stderr);
    assert.match(stderr, /^wrote (1 profile|no profiles) to [^,]*\n$/m);
    const entries = lstatSync(directory).isDirectory()
      ? readdirSync(directory, { withFileTypes: true })
      : [];
    const found = entries.find(({ name }) => name.endsWith('.tally'));
    const kinds = {
      directory: 'isDirectory',
      pipe: 'isFIFO',
      link: 'isSymbolicLink',
      file: 'isFile',
    };
    assert.equal(found?.[kinds[left]]?.(), left === undefined ? undefined : true);
  });
}

test('where run cannot be told the program keeps no descriptor of the file open', {
  skip: process.platform !== 'linux' && "/proc/self/fd is Linux's",
}, async () => {
  const [directory, path] = [emptyDirectory(), join(emptyDirectory(), 'count.js')];
  const program = `
    const { readdirSync } = require('node:fs');
    const count = () => readdirSync('/proc/self/fd').length;
    const before = count();
    const looking = setInterval(() => {
      if (readdirSync(${JSON.stringify(directory)}).length < 50) return;
      clearInterval(looking);
      console.log(count() - before);
    }, 10);`;
  writeFileSync(path, program);
  // Empty files may be written, and no more than a dozen lines of some 40 bytes.
  const run = [cliProgram, 'run', '--dir', directory, '--every', '5ms', '--no-force-gc'];
  const how = ['--format', 'folded', '--sample-interval', '1024MiB', '--', path];
  const { stdout, stderr } = await runChild(
    '-c',
    ['ulimit -f 1; exec "$@"', 'sh', process.execPath, ...run, ...how],
    {
      command: 'sh',
    },
  );
  assert.ok(stdout.trim() !== '' && Number(stdout) < 10, stdout + stderr);
  const [, told] = /^wrote (\d+) profiles to /.exec(stderr);
  assert.ok(Number(told) < 50, stderr);
});

test('what outlives the command does not bring its file back', async () => {
  const directory = emptyDirectory();
  const program = `
    const { spawn } = require('node:child_process');
    if (process.env.OUTLIVES) return setTimeout(() => {}, 1000);
    const env = { ...process.env, OUTLIVES: '1' };
    const args = ['--require', ${JSON.stringify(join(root, 'register.js'))}, process.argv[1]];
    spawn(process.execPath, args, { env, stdio: 'ignore', detached: true }).unref();`;
  const path = join(emptyDirectory(), 'daemon.js');
  writeFileSync(path, program);
  const { stderr } = await cli(['run', '--dir', directory, '--', path]);
  assert.match(stderr, wroteOne(directory));
  while (readDirectory(directory).profiles.length < 2) await delay(50);
  assert.equal(readDirectory(directory).profiles.length, 2);
  assert.deepEqual(readDirectory(directory).others, []);
});

test('--keep keeps the newest of the directory, of workers too, and touches no other file', async () => {
  const directory = emptyDirectory();
  const foreign = 'heap-profile-1.heapprofile';
  writeFileSync(join(directory, foreign), '{"head":{},"samples":[],"heapProfile":{}}');
  const program = `
    const { readdirSync, renameSync, symlinkSync, writeFileSync } = require('node:fs');
    const { Worker, isMainThread } = require('node:worker_threads');
    if (isMainThread) process.chdir('/');
    const seen = new Set();
    let replaced = false;
    const looking = setInterval(() => {
      for (const name of readdirSync(${JSON.stringify(directory)})) {
        if (!/Z-\\d+\\.heapprofile$/.test(name)) continue;
        seen.add(name);
        if (!isMainThread || replaced) continue;
        replaced = true;
        const path = ${JSON.stringify(directory)} + '/' + name;
        renameSync(path, path + '.moved');
        symlinkSync(path + '.moved', path);
      }
      if (seen.size > 12) clearInterval(looking);
    }, 5);
    if (isMainThread) new Worker(__filename);`;
  const path = join(emptyDirectory(), 'keep.js');
  writeFileSync(path, program);
  const options = ['--dir', directory, '--every', '30ms', '--keep', '3', '--no-force-gc'];
  const { code, stderr } = await cli(['run', ...options, '--', path]);
  assert.equal(code, 0, stderr);
  const names = readdirSync(directory);
  const moved = names.find((name) => name.endsWith('.moved'));
  const link = moved.replace('.moved', '');
  assert.ok(names.includes(foreign) && lstatSync(join(directory, link)).isSymbolicLink());
  const left = names.filter((name) => ![foreign, moved, link].includes(name));
  assert.equal(left.length, 3, `${names}`);
  const [, written, told] = /^wrote (\d+) profiles to .*, (\d+) of them are left; next: /.exec(
    stderr,
  );
  // The link is there under the name of a file that was written.
  assert.ok(Number(written) > 8 && Number(told) === 4, stderr);
});

test('of one that is left is said so', async () => {
  const options = ['--every', '20ms', '--keep', '1', '--no-force-gc'];
  const run = [
    'run',
    '--dir',
    emptyDirectory(),
    ...options,
    '--',
    '-e',
    'setTimeout(() => {}, 500)',
  ];
  assert.match((await cli(run)).stderr, /, 1 of them is left; next: heap-profile top /);
});

test('HEAP_PROFILE_KEEP is for the preload alone, too', async () => {
  const directory = emptyDirectory();
  const env = { HEAP_PROFILE_DIR: directory, HEAP_PROFILE_EVERY: '10ms', HEAP_PROFILE_KEEP: '1' };
  const execArgv = ['--require', join(root, 'register.js')];
  const program = 'setTimeout(() => {}, 500)';
  const { stderr } = await runChild('-e', [program], { execArgv, env });
  assert.equal(stderr, '');
  assert.equal(readDirectory(directory).profiles.length, 1);
});
