// The child process of pause.mjs, `contenders.mjs <nodes> <scripts>`: builds a heap and measures
// what reading its profile costs, ours and the peers'. All of them read the one session that runs,
// ours.
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { Session } from 'node:inspector';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import datadog from '@datadog/pprof';
import heapProfile from '../index.js';
import { buildHeap, settle, shareWith } from './heap.mjs';

const directory = mkdtempSync(join(tmpdir(), 'heap-profile-bench-'));
const file = join(directory, 'profile.heapprofile');
process.on('exit', () => rmSync(directory, { recursive: true }));

const session = new Session();
session.connect();

// The callback of a session of the same thread is called before `post` returns.
function inspect() {
  let profile;
  session.post('HeapProfiler.getSamplingProfile', (error, result) => {
    if (error !== null) throw new Error(error.message);
    profile = result.profile;
  });
  return profile;
}

const CALLS = {
  // What index.js's write() does, in two steps for the sake of `timings`.
  write() {
    const snapshot = heapProfile.snapshot();
    return { snapshot, written: snapshot.write(file) };
  },
  // What index.js's get() does.
  get() {
    const snapshot = heapProfile.snapshot();
    return { snapshot, tree: snapshot.tree() };
  },
  inspector() {
    return { tree: inspect().head };
  },
  datadog() {
    return { tree: datadog.heap.v8Profile() };
  },
};

/** Runs one call from a clean heap, so that nobody pays for another's garbage. */
async function time(name) {
  await settle();
  const start = performance.now();
  const { snapshot, written } = CALLS[name]();
  const ms = performance.now() - start;
  await written;
  return { ms, v8Ms: snapshot?.timings.v8Ms, nodeCount: snapshot?.nodeCount };
}

/** Times every call once, starting with another one each round. */
async function timeAll({ round }) {
  const names = Object.keys(CALLS);
  const first = round % names.length;
  const times = {};
  for (const name of [...names.slice(first), ...names.slice(0, first)]) {
    times[name] = await time(name);
  }
  return times;
}

/** The first call of the process. */
async function timeFirst({ of }) {
  return time(of);
}

/** Memory that writing a file takes at its peak, above what the process has anyway. */
async function measureMemory({ write }) {
  await settle();
  // Resets VmHWM to VmRSS: proc(5).
  writeFileSync('/proc/self/clear_refs', '5');
  const before = memoryOf('VmRSS');
  await (write === 'inspector'
    ? writeFile(file, JSON.stringify(inspect()))
    : heapProfile.write(file));
  return memoryOf('VmHWM') - before;
}

function memoryOf(field) {
  const status = readFileSync('/proc/self/status', 'utf8');
  return Number(status.match(`${field}:\\s+(\\d+) kB`)[1]) * 1024;
}

/** What the heap holds. Everybody must read the same tree, or the times say nothing. */
async function describe() {
  const { nodeCount, sampleCount } = heapProfile.snapshot();
  for (const name of ['get', 'inspector', 'datadog']) {
    const count = countNodes(CALLS[name]().tree);
    if (Math.abs(count / nodeCount - 1) > 0.02) {
      throw new Error(`${name} has a tree of ${count} nodes, not ${nodeCount}`);
    }
  }
  return { nodeCount, sampleCount };
}

function countNodes(root) {
  const pending = [root];
  let count = 0;
  for (let node = pending.pop(); node !== undefined; node = pending.pop(), count++) {
    for (const child of node.children) pending.push(child);
  }
  return count;
}

const QUESTIONS = { describe, timeAll, timeFirst, measureMemory };

// On the global object for as long as the process lives.
globalThis.heap = buildHeap(Number(process.argv[2]), process.argv[3]);
shareWith(datadog.heap);
process.on('message', async ({ name, ...question }) => {
  process.send(await QUESTIONS[name](question));
});
process.send('ready');
