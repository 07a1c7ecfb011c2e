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
    delayed: {
      'write .heapprofile': () => snapshot.write(file('.heapprofile')),
      'write .pb.gz': () => snapshot.write(file('.pb.gz')),
      'encode heapprofile': () => snapshot.encode('heapprofile'),
      'encode pprof': () => snapshot.encode('pprof'),
    },
    // Each second Buffer of this size makes V8 collect garbage, whoever fills them.
    inARow: {
      'encode heapprofile': () => snapshot.encode('heapprofile'),
      'fs.readFile of the same file': () => readFile(file('.heapprofile')),
    },
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

async function measureDelays(calls, times) {
  const found = [];
  for (const [name, call] of Object.entries(calls)) {
    const ms = [];
    for (let round = 0; round < ROUNDS; round++) ms.push(await delay(call, times));
    found.push({ name, ms });
  }
  return found;
}

console.log(machine());
const { heap, delayed, inARow, calls } = await prepare();
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

const format = (value) => value.toFixed(2);
const delays = (await measureDelays(delayed, 1)).map(({ name, ms }) => [
  name,
  `< ${DELAY_GOAL_MS}`,
  ...summary(ms, format),
  verdict(median(ms) < DELAY_GOAL_MS),
]);
console.log('\nEvent-loop delay, 99th percentile, ms (the timer itself has 1)');
console.log(table([['', 'goal', ...SUMMARY_COLUMNS, ''], ...delays]));
const rowsInARow = (await measureDelays(inARow, 5)).map(({ name, ms }) => [
  name,
  ...summary(ms, format),
]);
console.log('\nThe same, five in a row: with the collections of large Buffers');
console.log(table([['', ...SUMMARY_COLUMNS], ...rowsInARow]));
rmSync(directory, { recursive: true });
heapProfile.stop();
if ([...ratios, ...delays].some((row) => row.at(-1) === 'MISSED')) process.exitCode = 1;
if (heap.objects.length === 0) throw new Error('the heap must live until here');
