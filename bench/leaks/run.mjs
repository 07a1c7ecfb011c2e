// Runs a program in a process of its own, with or without other work for the machine, and says what
// Snapshot.leaks() makes of its files.
import { spawn } from 'node:child_process';
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import heapProfile from '../../index.js';
import { writeProgram } from './program.mjs';

const { Snapshot } = heapProfile;

/** More than any program takes: it hangs. */
const TIMEOUT_MS = 120_000;

/** Keeps a core busy, but not for ever, should nobody be left to end it. */
const SPIN = `const end = Date.now() + ${TIMEOUT_MS}; while (Date.now() < end);`;

/** Resolves to { truth, leaks, early, fullCollections }; `early` is what was said of fewer snapshots. */
export async function run(description, node = process.execPath, exactStacks = false) {
  const directory = await mkdtemp(join(tmpdir(), 'heap-profile-leaks-'));
  try {
    await writeProgram(description, directory);
    await execute(description, node, directory, exactStacks);
    const truth = JSON.parse(await readFile(join(directory, 'truth.json'), 'utf8'));
    return { truth, ...(await judge(directory)) };
  } finally {
    await rm(directory, { recursive: true, force: true });
  }
}

async function execute({ observation }, node, directory, exactStacks) {
  const spinner = observation.isMachineBusy ? spawn(node, ['-e', SPIN]) : null;
  const flags = ['--expose-gc'];
  if (observation.isYoungSmall) flags.push('--max-semi-space-size=1');
  const child = spawn(node, [...flags, join(directory, 'program.js'), directory], {
    stdio: ['ignore', 'inherit', 'pipe'],
    env: { ...process.env, ...(exactStacks ? { BENCH_EXACT_STACKS: '1' } : {}) },
    timeout: TIMEOUT_MS,
    killSignal: 'SIGKILL',
  });
  try {
    await ended(child);
  } finally {
    spinner?.kill();
  }
}

function ended(child) {
  let errors = '';
  child.stderr.setEncoding('utf8').on('data', (text) => {
    errors += text;
  });
  return new Promise((resolve, reject) => {
    child.on('error', reject);
    child.on('close', (code, signal) => {
      if (code === 0) resolve();
      else reject(new Error(`the program ended with ${signal ?? code}: ${errors}`));
    });
  });
}

async function judge(directory) {
  const names = (await readdir(directory)).filter((name) => name.endsWith('.heapprofile')).sort();
  const paths = names.map((name) => join(directory, name));
  const snapshots = [];
  for (const path of paths) snapshots.push(await Snapshot.read(path));
  const early = [];
  for (let count = 2; count < snapshots.length; count++) {
    const { verdict } = await Snapshot.leaks(snapshots.slice(0, count), { limit: 1 });
    early.push({ count, verdict });
  }
  const collections = await Promise.all([paths[0], paths.at(-1)].map(fullCollections));
  return {
    leaks: await Snapshot.leaks(snapshots, { limit: 1 }),
    early,
    fullCollections: collections[1] - collections[0],
  };
}

async function fullCollections(path) {
  return JSON.parse(await readFile(path, 'utf8')).heapProfile.fullCollections;
}
