// What a process under stress has to survive: the cases that exact-stress.spec.mjs and scripts/stress.mjs share. A
// case passes when its process ends as it should, however long that takes and however little it gets done.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fixture, runChild } from './helpers.mjs';

const SWEEP = ['--expose-gc'];
const NATIVES = [...SWEEP, '--allow-natives-syntax'];

const NATIVE_STACK = '--interpreted-frames-native-stack';

/** Of V8, each with the churn. */
const FLAGS = ['--jitless', '--no-opt', '--always-sparkplug', NATIVE_STACK, '--stress-compaction'];

/**
 * Each is { name, program, plan, flags, ends, exact }: `plan` is what the program is told beside the seed, `ends` the exit
 * code or the signal that is right, `exact` whether there are exact stacks, where it is not always.
 */
export const CASES = [
  { name: 'churn', program: 'churn.js', plan: { workers: 2 }, flags: NATIVES },
  { name: 'start and stop', program: 'cycles.js', plan: {}, flags: SWEEP },
  { name: 'stopped behind our back', program: 'behind.js', plan: {}, flags: SWEEP },
  {
    name: 'CPU profiles beside it',
    program: 'cpu-profiles.js',
    plan: {},
    flags: SWEEP,
    exact: 'sometimes',
  },
  {
    name: '--cpu-prof',
    program: 'churn.js',
    plan: { workers: 1 },
    flags: ['--cpu-prof'],
    exact: 'sometimes',
  },
  ...FLAGS.map((flag) => ({
    name: flag,
    program: 'churn.js',
    plan: { workers: 1 },
    flags: [...SWEEP, flag],
    // With it V8 walks stacks under a lock, also in a signal's handler.
    ...(flag === NATIVE_STACK ? { exact: 'never' } : {}),
  })),
  {
    name: `${NATIVE_STACK} set by the program`,
    program: 'churn.js',
    plan: { workers: 1, flag: NATIVE_STACK },
    flags: SWEEP,
  },
  ...Object.entries({ exit: 0, runsOut: 0, throws: 1, killed: 'SIGTERM', inWorker: 0 }).map(
    ([way, ends]) => ({ name: `ends: ${way}`, program: 'ends.js', plan: { way }, flags: [], ends }),
  ),
];

/** How much of everything: the short form is a part of `npm test`. */
export const SHORT = { seconds: 0.5, cycles: 6 };
const CYCLES_OF = { 'start and stop': { full: 500, short: 20 } };

/**
 * Runs a case with a Node. Resolves to { isGood, ended, seconds, told, stderr }: `ended` is the exit code or the
 * signal, `told` what the program printed, `stderr` its last lines.
 */
export async function runCase({ name, program, plan, flags, ends = 0 }, options) {
  const { node = process.execPath, seed = 1, amount = SHORT, exactStacks } = options;
  const cycles = CYCLES_OF[name]?.[amount === SHORT ? 'short' : 'full'] ?? amount.cycles;
  const args = [JSON.stringify({ ...plan, ...amount, cycles, seed, exactStacks })];
  // It takes as long as it takes: on a busy machine --jitless and --stress-compaction are slow.
  const cwd = mkdtempSync(join(tmpdir(), 'heap-profile-stress-'));
  const child = { command: node, execArgv: flags, cwd, timeout: 900_000 };
  const start = Date.now();
  const { code, signal, stdout, stderr } = await runChild(fixture('stress', program), args, child);
  // Where --cpu-prof writes.
  rmSync(cwd, { recursive: true });
  const ended = signal ?? code;
  return {
    isGood: ended === ends,
    ended,
    seconds: (Date.now() - start) / 1000,
    told: toldIn(stdout),
    stderr: stderr.trim().split('\n').slice(-12).join('\n'),
  };
}

function toldIn(stdout) {
  try {
    return JSON.parse(stdout);
  } catch {
    return null;
  }
}
