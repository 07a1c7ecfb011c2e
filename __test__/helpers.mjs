// What several specs need: child processes that cannot hang, directories that go away.
import { spawn } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { after } from 'node:test';
import { fileURLToPath } from 'node:url';

const here = dirname(fileURLToPath(import.meta.url));

/** The package's top level. */
export const root = join(here, '..');

/** A program of __test__/fixtures. */
export function fixture(...names) {
  return join(here, 'fixtures', ...names);
}

/** A directory that is removed after the tests of the calling file. */
export function temporaryDirectory() {
  const directory = mkdtempSync(join(tmpdir(), 'heap-profile-'));
  after(() => rmSync(directory, { recursive: true, force: true }));
  return directory;
}

const program = join(root, 'bin', 'heap-profile.js');

/** What `node --test`, npm and continuous integration tell programs, which is not for those under test. */
export const NO_WISHES = {
  CI: undefined,
  FORCE_COLOR: undefined,
  NO_COLOR: undefined,
  npm_command: undefined,
};

/** Runs the command line; see runChild. */
export function cli(args, options = {}) {
  return runChild(program, args, { ...options, env: { ...NO_WISHES, ...options.env } });
}

/** Why there is no terminal to test with: other systems' `script` takes no command. */
export const noTerminal = process.platform !== 'linux' && "script -c is Linux's";

/** Runs Node in a terminal, where stdout and stderr are one; see runChild. */
export function inTerminal(args, options = {}) {
  const quoted = [process.execPath, ...args].map((arg) => `'${arg.replaceAll("'", "'\\''")}'`);
  const env = { ...NO_WISHES, TERM: 'xterm', ...options.env };
  // Of util-linux, which every Linux has.
  return runChild('-qec', [quoted.join(' '), '/dev/null'], { ...options, command: 'script', env });
}

/** Runs the command line in a terminal. */
export function cliInTerminal(args, options) {
  return inTerminal([program, ...args], options);
}

/** How much longer all may take: scripts/sanitize.mjs asks for it. */
const patience = Number(process.env.HEAP_PROFILE_TEST_PATIENCE ?? 1);

/**
 * Runs a program with the Node that runs the tests; rejects if it takes longer than `timeout` ms.
 * `input` goes to its stdin, `env` is added to ours, `onSpawn` gets the child.
 * Resolves to { code, signal, stdout, stderr }.
 */
export function runChild(program, args = [], options = {}) {
  const { command = process.execPath, execArgv = [], timeout = 120_000, cwd, input } = options;
  const env = { ...process.env, ...options.env };
  const child = spawn(command, [...execArgv, program, ...args], { cwd, env });
  child.stdin.end(input);
  options.onSpawn?.(child);
  const output = { stdout: '', stderr: '' };
  for (const name of ['stdout', 'stderr']) {
    child[name].setEncoding('utf8').on('data', (text) => {
      output[name] += text;
    });
  }
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => {
      child.kill('SIGKILL');
      reject(new Error(`hangs: ${program} ${args.join(' ')}\n${output.stdout}${output.stderr}`));
    }, timeout * patience);
    child.on('error', reject);
    child.on('close', (code, signal) => {
      clearTimeout(timer);
      resolve({ code, signal, ...output });
    });
  });
}

/** The profile in a file; throws unless the file is whole. */
export function readProfile(path) {
  const profile = JSON.parse(readFileSync(path, 'utf8'));
  for (const key of ['head', 'samples', 'heapProfile']) {
    if (!(key in profile)) throw new Error(`${path} has no ${key}`);
  }
  return profile;
}

/** Names in a directory: the profiles that are whole (others throw), and what else there is. */
export function readDirectory(directory) {
  const names = readdirSync(directory).sort();
  const profiles = names.filter((name) => name.endsWith('.heapprofile'));
  for (const name of profiles) readProfile(join(directory, name));
  return { profiles, others: names.filter((name) => !name.endsWith('.heapprofile')) };
}

/** Whether Node runs where there are exact stacks: doc/exact-stacks.md. */
export const hasExactStacks =
  process.platform === 'linux' &&
  process.arch === 'x64' &&
  process.report.getReport().header.glibcVersionRuntime !== undefined &&
  Number(process.versions.node.split('.')[0]) % 2 === 0;
