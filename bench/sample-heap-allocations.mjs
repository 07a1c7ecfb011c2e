// What heap-profile/sample-heap-allocations takes to read a profile, beside get(), which each of its
// functions starts with: `node sample-heap-allocations.mjs`. Takes a minute and a half; exits with 1 if a
// goal is missed. The goals are ratios within a round, as in pause.mjs.
import heapProfile from '../index.js';
import sh from '../sample-heap-allocations/index.js';
import { buildHeap, settle } from './heap.mjs';
import { machine, median, SUMMARY_COLUMNS, startChild, summary, table } from './lib.mjs';

const SMALL = 25_000;
const LARGE = 250_000;
const ROUNDS = 15;
/** Rounds that do not count: JavaScript of few iterations is slow at first. */
const WARM_UP_ROUNDS = 5;
const NODE_OPTIONS = ['--expose-gc', '--random-seed=42'];
const GET_GOAL = 2;
/** Time per node in the large heap, beside that in the small one: linear would be 1. */
const GROWTH_GOAL = 1.5;

const CALLS = {
  'get()': () => heapProfile.get(),
  'visitAllocationProfile()': () => {
    let entries;
    sh.visitAllocationProfile((given) => {
      entries = given;
    });
    return entries;
  },
  'collectNodes()': () => sh.collectNodes(),
  'constructCallgraph()': (nodes) => sh.constructCallgraph(nodes),
  'collectAllocations({})': () => sh.collectAllocations({ stopSampling: false }),
};
const [GET, ...OTHERS] = Object.keys(CALLS);
/** It is the two before it together, whose goals are its own. */
const WITHOUT_GOAL = 'collectAllocations({})';

/** Milliseconds of each call, from a clean heap. */
async function timeAll() {
  const times = {};
  let nodes;
  for (const [name, call] of Object.entries(CALLS)) {
    await settle();
    const start = performance.now();
    const result = call(nodes);
    times[name] = performance.now() - start;
    nodes = name === 'collectNodes()' ? result : undefined;
  }
  return times;
}

/** The child process: builds a heap and times the calls as often as it is asked to. */
async function answer(nodeCount) {
  // On the global object for as long as the process lives.
  globalThis.heap = buildHeap(nodeCount, 'eval');
  for (let round = 0; round < WARM_UP_ROUNDS; round++) await timeAll();
  process.on('message', async () => process.send(await timeAll()));
  process.send(heapProfile.snapshot().nodeCount);
}

function print({ nodeCount, rounds }) {
  const milliseconds = (name) => summary(pick(rounds, name), (ms) => ms.toFixed(1));
  const rows = Object.keys(CALLS).map((name) => [name, ...milliseconds(name)]);
  console.log(`\nMilliseconds: ${nodeCount.toLocaleString('en')} nodes`);
  console.log(table([['', ...SUMMARY_COLUMNS], ...rows]));
}

function pick(rounds, name) {
  return rounds.map((times) => times[name]);
}

function ratiosToGet({ rounds }) {
  return OTHERS.map((name) => {
    const values = rounds.map((times) => times[name] / times[GET]);
    const limit = name === WITHOUT_GOAL ? Infinity : GET_GOAL;
    return { name: `${name} / get()`, limit, values };
  });
}

function growth(small, large) {
  return OTHERS.map((name) => {
    const perNode = ({ rounds, nodeCount }) => pick(rounds, name).map((ms) => ms / nodeCount);
    const before = perNode(small);
    const values = perNode(large).map((ms, round) => ms / before[round]);
    return { name: `${name} per node, large / small heap`, limit: GROWTH_GOAL, values };
  });
}

/** Prints each ratio with its goal; returns whether all goals were met. */
function printGoals(goals) {
  const isMet = ({ limit, values }) => median(values) <= limit;
  const ratio = (value) => value.toFixed(2);
  const rows = goals.map((goal) => {
    const [limit, verdict] = Number.isFinite(goal.limit)
      ? [`<= ${ratio(goal.limit)}`, isMet(goal) ? 'ok' : 'MISSED']
      : ['', ''];
    return [goal.name, limit, ...summary(goal.values, ratio), verdict];
  });
  console.log('\nRatios');
  console.log(table([['', 'goal', ...SUMMARY_COLUMNS, ''], ...rows]));
  return goals.every(isMet);
}

/** Both heaps in turn, so that what else the machine does hits both. */
async function measure() {
  const heaps = [];
  for (const nodeCount of [SMALL, LARGE]) {
    const child = await startChild('sample-heap-allocations.mjs', [nodeCount], NODE_OPTIONS);
    heaps.push({ child, nodeCount: child.greeting, rounds: [] });
  }
  for (let round = 0; round < ROUNDS; round++) {
    for (const { child, rounds } of heaps) rounds.push(await child.ask('timeAll'));
  }
  for (const { child } of heaps) await child.stop();
  return heaps;
}

if (process.send !== undefined) {
  await answer(Number(process.argv[2]));
} else {
  console.log(`${machine()}\n${ROUNDS} rounds`);
  const [small, large] = await measure();
  print(small);
  print(large);
  process.exitCode = printGoals([...ratiosToGet(large), ...growth(small, large)]) ? 0 : 1;
}
