// The command line's frame: help, version, wrong usage, pipes.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { openSync, readdirSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { basename, join } from 'node:path';
import { test } from 'node:test';
import { cli, root } from './helpers.mjs';

const require = createRequire(import.meta.url);
const files = readdirSync(join(root, 'lib', 'cli', 'commands'));
const commands = files.map((name) => basename(name, '.js'));
const commandOf = (name) => require(`../lib/cli/commands/${name}.js`);

test('--help names every command, and each has its own with examples', async () => {
  const { code, stdout, stderr } = await cli(['--help']);
  assert.deepEqual([code, stderr], [0, '']);
  for (const command of commands) {
    assert.match(stdout, new RegExp(`^  ${command} `, 'm'));
    const help = await cli([command, '--help']);
    assert.deepEqual([help.code, help.stderr], [0, '']);
    assert.match(help.stdout, new RegExp(`^Usage: heap-profile ${command} `));
    assert.match(help.stdout, new RegExp(`Examples:\n  heap-profile ${command} `));
  }
});

test('without arguments: the help on stderr, and exit code 2', async () => {
  const help = await cli(['--help']);
  assert.deepEqual(await cli([]), { ...help, code: 2, stdout: '', stderr: help.stdout });
});

test('help is --help, of a command too', async () => {
  for (const asked of [['help'], ['help', 'help']]) {
    assert.deepEqual(await cli(asked), await cli(['--help']));
  }
  assert.deepEqual(await cli(['help', 'leaks']), await cli(['leaks', '--help']));
});

test('leaks --help tells which exit code wins', async () => {
  const { stdout } = await cli(['leaks', '--help']);
  assert.match(
    stdout,
    /\nExit codes:\n {2}1 .*, whether something leaks or not\n {2}3 .*\n {2}0 .*\n\nE/,
  );
});

test('--version', async () => {
  const { version } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'));
  const { code, stdout } = await cli(['--version']);
  assert.deepEqual([code, stdout], [0, `${version}\n`]);
});

for (const [args, message, hint] of [
  [['explode'], /'explode' is no command\n/, 'heap-profile --help'],
  [['laeks'], /'laeks' is no command; did you mean 'leaks'\?\n/, 'heap-profile --help'],
  [['flame', 'a'], /is no command; did you mean 'flamegraph'\?\n/, 'heap-profile --help'],
  [['help', 'atach'], /is no command; did you mean 'attach'\?\n/, 'heap-profile --help'],
  [
    ['top', 'a', '--fliter', 'b'],
    /Unknown option '--fliter'; did you mean '--filter'\?\n/,
    'heap-profile top --help',
  ],
  [
    ['run', '--interval', '1k', 'a'],
    /Unknown option '--interval'; did you mean '--sample-interval'\?\n/,
    'heap-profile run --help',
  ],
  [['top', 'a', '-x'], /Unknown option '-x'\n/, 'heap-profile top --help'],
  [
    ['run', 'a.js', '--port', '1'],
    /Unknown option '--port'; options of the program go behind '--'\n/,
    'heap-profile run --help',
  ],
  [['run'], /'run' needs -- \[node options\] app\.js/, 'heap-profile run --help'],
  [
    ['run', '--evry', '1s', 'a.js'],
    /Unknown option '--evry'; did you mean '--every'\?\n/,
    'heap-profile run --help',
  ],
  [['run', 'a.js', '--every'], /--every .*argument missing/, 'heap-profile run --help'],
  [
    ['run', '--every', '5', 'a.js'],
    /: --every needs a duration such as 500ms, 60s, 5m or 1h, got "5"\n/,
    'heap-profile run --help',
  ],
  [
    ['run', '--every', '0s', 'a.js'],
    /: --every needs whole milliseconds from 1 to 2147483647, got "0s"\n/,
    'heap-profile run --help',
  ],
  [
    ['run', '--depth', '0', 'a.js'],
    /: --depth needs a number from 1 to 1024, got "0"\n/,
    'heap-profile run --help',
  ],
  [
    ['run', '--sample-interval', '1GB', 'a.js'],
    /: --sample-interval needs a size such as .*, got "1GB"\n/,
    'heap-profile run --help',
  ],
  [
    ['run', '--format', 'svg', 'a.js'],
    /: --format needs heapprofile, pprof or folded, got "svg"\n/,
    'heap-profile run --help',
  ],
  [['run', '--keep', '0', 'a'], /: --keep needs a number from 1 to /, 'heap-profile run --help'],
  [['convert', 'a'], /Name a file with -o/, 'heap-profile convert --help'],
  [['diff', '-', '-'], /stdin is one profile/, 'heap-profile diff --help'],
  [['convert', 'a', 'b', '-o', 'c'], /'b' is one argument too many/, 'heap-profile convert --help'],
]) {
  test(`wrong usage: ${args.join(' ')}`, async () => {
    const { code, stdout, stderr } = await cli(args);
    assert.deepEqual([code, stdout], [2, '']);
    assert.match(stderr, /^error: /);
    assert.match(stderr, message);
    assert.ok(stderr.endsWith(`\nSee '${hint}'.\n`), stderr);
  });
}

for (const { name, operands, options } of commands.map(commandOf)) {
  const args = Array(operands.min).fill('1');
  if (name === 'run') continue;

  test(`${name} prints JSON or Markdown, not both`, async () => {
    const { code, stderr } = await cli([name, ...args, '--json', '--markdown']);
    assert.equal(code, 2);
    assert.match(stderr, /^error: --json or --markdown, not both\n/);
  });

  if (!('output' in options)) continue;
  test(`${name} does not print two things to stdout`, async () => {
    for (const option of ['--json', '--markdown']) {
      const { code, stderr } = await cli([name, ...args, '-o', '-', option]);
      assert.equal(code, 2);
      assert.match(stderr, new RegExp(`^error: -o - or ${option}, not both: both go to stdout\n`));
    }
  });
}

test('run has the stdout of the program', () => {
  const { json, markdown } = commandOf('run').options;
  assert.deepEqual([json, markdown], [undefined, undefined]);
});

for (const stream of ['stdout', 'stderr']) {
  test(`a disk that is full: ${stream}`, {
    skip: process.platform !== 'linux' && "/dev/full is Linux's",
  }, async () => {
    const full = openSync('/dev/full', 'w');
    const args = stream === 'stdout' ? ['--help'] : ['top', 'nothing'];
    const child = spawn(process.execPath, [join(root, 'bin', 'heap-profile.js'), ...args], {
      stdio: stream === 'stdout' ? ['ignore', full, 'pipe'] : ['ignore', 'pipe', full],
    });
    const output = child[stream === 'stdout' ? 'stderr' : 'stdout'].setEncoding('utf8').toArray();
    const [code] = await once(child, 'close');
    assert.equal(code, 1);
    const text = (await output).join('');
    if (stream === 'stdout') assert.match(text, /^error: ENOSPC.*\n$/);
    else assert.equal(text, '');
  });
}

test('nobody reads what went wrong', async () => {
  const onSpawn = (child) => child.stderr.destroy();
  const { code, signal } = await cli(['top', 'nothing'], { onSpawn });
  assert.deepEqual([code, signal], [1, null]);
});

test('a reader that leaves early is no error', async () => {
  const child = spawn(process.execPath, [join(root, 'bin', 'heap-profile.js'), '--help']);
  child.stdout.destroy();
  const stderr = child.stderr.setEncoding('utf8').toArray();
  const [code, signal] = await new Promise((resolve) => {
    child.on('close', (...end) => resolve(end));
  });
  assert.deepEqual([code, signal, await stderr], [0, null, []]);
});
