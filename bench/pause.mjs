// How long the main thread stands still for a profile, and how much memory a file takes, beside
// the inspector and @datadog/pprof: `node pause.mjs [eval | functions | modules]` (heap.mjs explains
// them); and for the first `get()` of a process, which is the only one of most.
// Takes minutes; exits with 1 if a goal is missed. Absolute times depend on the machine; the
// ratios, which are taken within each round, do much less: so the goals are ratios.
import { accessSync, constants } from 'node:fs';
import { SCRIPT_KINDS } from './heap.mjs';
import { machine, median, SUMMARY_COLUMNS, startChild, summary, table } from './lib.mjs';

const SCRIPTS = process.argv[2] ?? 'eval';
const SMALL = 12_000;
const LARGE = 250_000;
const ROUNDS = 15;
/** Rounds of the small heap that do not count: JavaScript of few iterations is slow at first. */
const WARM_UP_ROUNDS = 20;
const MEMORY_ROUNDS = 5;
/** Each in a process of its own, for each kind of scripts. */
const FIRST_ROUNDS = 9;
const FIRST_SCRIPTS = ['eval', 'functions'];
const NODE_OPTIONS = ['--expose-gc', '--random-seed=42'];

const PAUSES = [
  ["V8's own part", ({ write }) => write.v8Ms],
  ['write()', ({ write }) => write.ms],
  ['get()', ({ get }) => get.ms],
  ['inspector getSamplingProfile', ({ inspector }) => inspector.ms],
  ['@datadog/pprof heap.v8Profile()', ({ datadog }) => datadog.ms],
];

const GOALS = [
  ["write() / V8's own part", 1.35, ({ write }) => write.ms / write.v8Ms],
  ['write() / inspector', 1 / 5, ({ write, inspector }) => write.ms / inspector.ms],
  ["get() / V8's own part", 2.6, ({ get }) => get.ms / get.v8Ms],
  ['get() / @datadog/pprof', 1 / 2, ({ get, datadog }) => get.ms / datadog.ms],
];
/** No goals: whoever asks V8 for the profile cannot get below these. */
const FLOORS = [
  ["V8's own part / inspector", ({ write, inspector }) => write.v8Ms / inspector.ms],
  ["V8's own part / @datadog/pprof", ({ write, datadog }) => write.v8Ms / datadog.ms],
];
const GROWTH_GOAL = 1.5;
const MEMORY_GOAL = 1 / 4;
const FIRST_GOAL = 2.6;

/** Both heaps in turn, so that what else the machine does hits both. */
async function measurePauses() {
  const children = [await startHeap(SMALL), await startHeap(LARGE)];
  const heaps = [];
  for (const child of children) {
    heaps.push({ ...(await child.ask({ name: 'describe' })), rounds: [] });
  }
  for (let round = 0; round < WARM_UP_ROUNDS; round++) {
    await children[0].ask({ name: 'timeAll', round });
  }
  for (let round = 0; round < ROUNDS; round++) {
    for (const [index, child] of children.entries()) {
      heaps[index].rounds.push(await child.ask({ name: 'timeAll', round }));
    }
  }
  for (const child of children) await child.stop();
  return heaps;
}

function startHeap(nodeCount, scripts = SCRIPTS) {
  return startChild('contenders.mjs', [String(nodeCount), scripts], NODE_OPTIONS);
}

/** The first `get()` of a process, by kind of scripts. */
async function measureFirst() {
  const rounds = Object.fromEntries(FIRST_SCRIPTS.map((scripts) => [scripts, []]));
  for (let round = 0; round < FIRST_ROUNDS; round++) {
    for (const scripts of FIRST_SCRIPTS) {
      const child = await startHeap(LARGE, scripts);
      rounds[scripts].push(await child.ask({ name: 'timeFirst', of: 'get' }));
      await child.stop();
    }
  }
  return rounds;
}

/** Each in a process of its own: what one leaves behind, the other would not have to ask for. */
async function measureMemory() {
  const peaks = { ours: [], inspector: [] };
  if (!canResetPeak()) return peaks;
  for (let round = 0; round < MEMORY_ROUNDS; round++) {
    for (const write of Object.keys(peaks)) {
      const child = await startHeap(LARGE);
      peaks[write].push(await child.ask({ name: 'measureMemory', write }));
      await child.stop();
    }
  }
  return peaks;
}

function canResetPeak() {
  try {
    accessSync('/proc/self/clear_refs', constants.W_OK);
    return true;
  } catch {
    return false;
  }
}

function printPauses({ nodeCount, sampleCount, rounds }) {
  const rows = PAUSES.map(([name, of]) => [
    name,
    ...summary(rounds.map(of), (ms) => ms.toFixed(1)),
  ]);
  console.log(`\nPause, ms: ${count(nodeCount)} nodes, ${count(sampleCount)} samples`);
  console.log(table([['', ...SUMMARY_COLUMNS], ...rows]));
}

function printMemory(peaks) {
  const inMegabytes = (values) => summary(values, (bytes) => (bytes / 1e6).toFixed(0));
  const rows = [
    ['write()', ...inMegabytes(peaks.ours)],
    ['inspector, JSON.stringify, writeFile', ...inMegabytes(peaks.inspector)],
  ];
  console.log(`\nMemory above what the process had, MB: ${count(LARGE)} nodes`);
  console.log(table([['', ...SUMMARY_COLUMNS], ...rows]));
}

function ratiosOf({ nodeCount, rounds }) {
  const floors = FLOORS.map(([name, of]) => [name, Number.POSITIVE_INFINITY, of]);
  return [...GOALS, ...floors].map(([name, limit, of]) => ({
    name: `${name}, ${count(nodeCount)} nodes`,
    limit,
    values: rounds.map(of),
  }));
}

function firstGoals(rounds) {
  return Object.entries(rounds).map(([scripts, times]) => ({
    name: `first get() / V8's own part, ${scripts}, ${count(times[0].nodeCount)} nodes`,
    limit: FIRST_GOAL,
    values: times.map(({ ms, v8Ms }) => ms / v8Ms),
  }));
}

function growthGoal(small, large) {
  const perNode = ({ write }) => write.ms / write.nodeCount;
  const values = large.rounds.map((round, index) => perNode(round) / perNode(small.rounds[index]));
  return { name: 'write() per node, large / small heap', limit: GROWTH_GOAL, values };
}

function memoryGoal(peaks) {
  const values = peaks.ours.map((bytes, index) => bytes / peaks.inspector[index]);
  return { name: 'memory of write() / inspector', limit: MEMORY_GOAL, values };
}

/** Prints each ratio with its goal, if it has one; returns whether all goals were met. */
function printGoals(goals) {
  const ratio = (value) => value.toFixed(2);
  const rows = goals.map(({ name, limit, values }) => {
    const verdict = isMet(limit, values) ? 'ok' : 'MISSED';
    const [goal, met] = Number.isFinite(limit) ? [`<= ${ratio(limit)}`, verdict] : ['', ''];
    return [name, goal, ...summary(values, ratio), met];
  });
  console.log('\nRatios');
  console.log(table([['', 'goal', ...SUMMARY_COLUMNS, ''], ...rows]));
  return goals.every(({ limit, values }) => isMet(limit, values));
}

const isMet = (limit, values) => median(values) <= limit;
const count = (number) => number.toLocaleString('en');

if (!SCRIPT_KINDS.includes(SCRIPTS)) throw new Error(`no such heap: ${SCRIPTS}`);
console.log(
  `${machine()}\nscripts: ${SCRIPTS}; ${ROUNDS} rounds of pauses, ${MEMORY_ROUNDS} of memory`,
);
const [small, large] = await measurePauses();
printPauses(small);
printPauses(large);
const peaks = await measureMemory();
const goals = [
  ...ratiosOf(small),
  ...ratiosOf(large),
  growthGoal(small, large),
  ...firstGoals(await measureFirst()),
];
if (peaks.ours.length > 0) {
  printMemory(peaks);
  goals.push(memoryGoal(peaks));
} else {
  console.log('\nMemory: not measured, as /proc/self/clear_refs cannot be written here');
}
process.exitCode = printGoals(goals) ? 0 : 1;
