// What encoding and reading a profile take, beside JavaScript's JSON and @datadog/pprof's encode:
// `node encode.mjs [nodes]`. Exits with 1 if a goal is missed. Ratios are taken within each round.
import { mkdtempSync, rmSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { monitorEventLoopDelay } from 'node:perf_hooks';
import { setTimeout as sleep } from 'node:timers/promises';
import datadog from '@datadog/pprof';
import heapProfile from '../index.js';
import { buildHeap, shareWith } from './heap.mjs';
import { machine, median, SUMMARY_COLUMNS, summary, table } from './lib.mjs';

const ROUNDS = 15;
const NODES = Number(process.argv[2] ?? 250_000);

/** Name, goal, ours and the other's. The goal is how many times faster ours must be. */
const GOALS = [
  ['JSON.stringify / encode', 3, 'encode heapprofile', 'JSON.stringify'],
  ["@datadog/pprof's encode / encode", 5, 'encode pprof', "@datadog/pprof's encode"],
  ['JSON.parse / Snapshot.parse', 2, 'Snapshot.parse', 'JSON.parse'],
];
const DELAY_GOAL_MS = 5;
const directory = mkdtempSync(join(tmpdir(), 'heap-profile-bench-'));

async function prepare() {
  const heap = buildHeap(NODES, 'modules');
  shareWith(datadog.heap);
  const snapshot = heapProfile.snapshot();
  const object = snapshot.toJSON();
  const pprof = datadog.heap.profile();
  const bytes = await snapshot.encode('heapprofile');
  const text = bytes.toString();
  console.log(
    `${snapshot.nodeCount} nodes, ${snapshot.sampleCount} samples, ` +
      `.heapprofile of ${(bytes.length / 1e6).toFixed(1)} MB, ` +
      `.pb.gz of ${((await snapshot.encode('pprof')).length / 1e6).toFixed(1)} MB ` +
      `(@datadog/pprof: ${((await datadog.encode(pprof)).length / 1e6).toFixed(1)} MB)`,
  );
  const file = (extension) => join(directory, `profile${extension}`);
  return {
    heap,
    // Calls in a row, and whether there is a goal. Each second Buffer of 50 MB makes V8 collect
    // garbage, whoever fills them: of these one is asked for.
    delayed: [
      ['write .heapprofile', 5, true, () => snapshot.write(file('.heapprofile'))],
      ['write .pb.gz', 5, true, () => snapshot.write(file('.pb.gz'))],
      ['encode heapprofile', 1, true, () => snapshot.encode('heapprofile')],
      ['encode pprof', 5, true, () => snapshot.encode('pprof')],
      ['nothing, for 0.1 s', 5, false, () => sleep(100)],
      ['encode heapprofile', 5, false, () => snapshot.encode('heapprofile')],
      ['fs.readFile of the same file', 5, false, () => readFile(file('.heapprofile'))],
    ],
    calls: {
      'encode heapprofile': () => snapshot.encode('heapprofile'),
      'encode pprof': () => snapshot.encode('pprof'),
      'Snapshot.parse': () => heapProfile.Snapshot.parse(bytes),
      'JSON.stringify': () => JSON.stringify(object),
      "@datadog/pprof's encode": () => datadog.encode(pprof),
      'JSON.parse': () => JSON.parse(text),
    },
  };
}

async function time(call) {
  global.gc();
  await sleep(20);
  const start = performance.now();
  await call();
  return performance.now() - start;
}

async function timeAll(calls, round) {
  const names = Object.keys(calls);
  const first = round % names.length;
  const times = {};
  for (const name of [...names.slice(first), ...names.slice(0, first)]) {
    times[name] = await time(calls[name]);
  }
  return times;
}

/** The event loop's delay while a call runs so many times, 99th percentile. */
async function delay(call, times) {
  global.gc();
  await sleep(50);
  const monitor = monitorEventLoopDelay({ resolution: 1 });
  monitor.enable();
  for (let i = 0; i < times; i++) await call();
  monitor.disable();
  return monitor.percentile(99) / 1e6;
}

console.log(machine());
const { heap, delayed, calls } = await prepare();
const rounds = [];
for (let round = 0; round < ROUNDS + 2; round++) {
  const times = await timeAll(calls, round);
  // The first two warm up.
  if (round >= 2) rounds.push(times);
}
const milliseconds = Object.keys(calls).map((name) => [
  name,
  ...summary(
    rounds.map((times) => times[name]),
    (ms) => ms.toFixed(1),
  ),
]);
console.log(`\nMilliseconds, ${ROUNDS} rounds`);
console.log(table([['', ...SUMMARY_COLUMNS], ...milliseconds]));

const verdict = (isMet) => (isMet ? 'ok' : 'MISSED');
const ratios = GOALS.map(([name, goal, ours, other]) => {
  const values = rounds.map((times) => times[other] / times[ours]);
  const row = [name, `>= ${goal}`, ...summary(values, (ratio) => ratio.toFixed(2))];
  return [...row, verdict(median(values) >= goal)];
});
console.log('\nTimes faster');
console.log(table([['', 'goal', ...SUMMARY_COLUMNS, ''], ...ratios]));

const delays = [];
for (const [name, times, hasGoal, call] of delayed) {
  const ms = [];
  for (let round = 0; round < ROUNDS; round++) ms.push(await delay(call, times));
  const row = [name, String(times), ...summary(ms, (value) => value.toFixed(2))];
  delays.push([...row, hasGoal ? verdict(median(ms) < DELAY_GOAL_MS) : '']);
}
console.log(
  `\nEvent-loop delay, 99th percentile, ms: goal < ${DELAY_GOAL_MS}; the timer itself has 1`,
);
console.log(table([['', 'in a row', ...SUMMARY_COLUMNS, ''], ...delays]));
rmSync(directory, { recursive: true });
heapProfile.stop();
if ([...ratios, ...delays].some((row) => row.at(-1) === 'MISSED')) process.exitCode = 1;
if (heap.objects.length === 0) throw new Error('the heap must live until here');
