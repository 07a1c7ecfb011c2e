// The programs of fixtures/leaks, what is expected of each, and how one is run and judged. Shared by
// leaks.spec.mjs and bench/leaks.mjs.
import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import heapProfile from '../index.js';
import { fixture, runChild } from './helpers.mjs';

/**
 * Programs that leak: the function that allocates what stays, and its callers in the program, into
 * which V8 may have compiled it.
 */
export const LEAKING = {
  'async-function': ['importOrder'],
  churn: ['rememberSlowQuery', 'handleQuery', 'handleQueries'],
  dependency: ['observe'],
  listeners: ['followSettings', 'handleRequest'],
  'map-cache': ['loadUser'],
  'module-array': ['recordAudit'],
  'pending-promises': ['ask', 'talk', 'talkAboutAll'],
  'request-context': ['createContext', 'handleRequest'],
  'settings-listeners': ['watchLocale'],
  'slow-bursts': ['keepFailure', 'handleMessage', 'handleBurst'],
  'string-tree': ['appendLog'],
  'timer-closures': ['openSession', 'acceptSessions'],
  'worker-thread': ['computeThumbnail'],
};

/** Programs that do not leak. */
export const SOUND = [
  'batch-job',
  'bursty-load',
  'connection-pool',
  'heavy-garbage',
  'lazy-modules',
  'lru-cache',
  'queue',
  'sawtooth',
  'session-state',
  'static-table',
  'stream-parts',
  'ttl-cache',
  'warm-up',
];

/** Runs a program and resolves to what `Snapshot.leaks()` says of its snapshots. */
export async function observe(program, options) {
  const directory = mkdtempSync(join(tmpdir(), 'heap-profile-leaks-'));
  try {
    const execArgv = ['--expose-gc'];
    const run = await runChild(fixture('leaks', `${program}.js`), [directory], { execArgv });
    if (run.code !== 0) throw new Error(`${program} failed: ${run.stderr}`);
    const files = readdirSync(directory).map((name) => join(directory, name));
    return await heapProfile.Snapshot.leaks(files, options);
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}

/**
 * 'right' if the first site is what is expected, or a function that was written in it; else 'wrong',
 * 'missed', 'alarm' or 'quiet'.
 */
export function outcome(program, { verdict, sites }) {
  const isLeaking = verdict === 'leaking';
  const expected = LEAKING[program];
  if (expected === undefined) return isLeaking ? 'alarm' : 'quiet';
  if (!isLeaking) return 'missed';
  const { functionName, stack } = sites[0];
  // What has no name of its own is told by its callers.
  const named = functionName === '' ? stack.map((frame) => frame.functionName) : [functionName];
  return named.some((name) => expected.includes(name)) ? 'right' : 'wrong';
}
