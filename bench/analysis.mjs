// What `top`, `diff` and `leaks` take beside reading the files they are asked about: ten files of one
// session, `node --expose-gc analysis.mjs [nodes]`. Every measurement has a process of its own (see
// analyze.mjs); ratios are taken within each round. Exits with 1 if a goal is missed.
import { mkdtempSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import heapProfile from '../index.js';
import { buildHeap, settle } from './heap.mjs';
import { machine, median, runChild, SUMMARY_COLUMNS, summary, table } from './lib.mjs';

const ROUNDS = 7;
const NODES = Number(process.argv[2] ?? 250_000);
const FILES = 10;
/** Part of the objects that are others in the next file: so sites grow, shrink and leak. */
const CHURN = 0.05;
const TIME_GOAL = 1.5;
const PEAK_GOAL_MB = 400;

/** Commands, and how many of the files they read. */
const COMMANDS = [
  ['top', FILES],
  ['diff', 2],
  ['leaks', FILES],
];

async function writeFiles(directory) {
  const { functions, objects, allocate } = buildHeap(NODES, 'modules');
  const files = [];
  for (let index = 0; index < FILES; index++) {
    const count = index === 0 ? 0 : objects.length * CHURN;
    objects.splice(0, count);
    for (let i = 0; i < count; i++) allocate();
    await settle();
    const snapshot = heapProfile.snapshot();
    files.push(await snapshot.write(join(directory, `${index}.heapprofile`)));
    const megabytes = (statSync(files[index]).size / 1e6).toFixed(1);
    console.log(`${snapshot.nodeCount} nodes, ${snapshot.sampleCount} samples, ${megabytes} MB`);
  }
  heapProfile.stop();
  if (functions.length === 0) throw new Error('the functions must live until here');
  return files;
}

/** A command and the mere reading, one of them first in turn. */
async function compare(command, files, round) {
  const names = round % 2 === 0 ? ['read', command] : [command, 'read'];
  const found = {};
  for (const name of names) found[name] = await runChild('analyze.mjs', [name, ...files]);
  const { [command]: ours, read } = found;
  return { ms: ours.ms, readMs: read.ms, ratio: ours.ms / read.ms, peakBytes: ours.peakBytes };
}

console.log(machine());
const directory = mkdtempSync(join(tmpdir(), 'heap-profile-bench-'));
const rounds = [];
try {
  const files = await writeFiles(directory);
  // The first one warms up.
  for (let round = 0; round < ROUNDS + 1; round++) {
    const found = {};
    for (const [command, count] of COMMANDS) {
      found[command] = await compare(command, files.slice(0, count), round);
    }
    if (round > 0) rounds.push(found);
  }
} finally {
  rmSync(directory, { recursive: true });
}

const ms = (value) => value.toFixed(0);
const times = COMMANDS.flatMap(([command, count]) => [
  [
    `read ${count} files`,
    ...summary(
      rounds.map((of) => of[command].readMs),
      ms,
    ),
  ],
  [
    `${command}, ${count} files`,
    ...summary(
      rounds.map((of) => of[command].ms),
      ms,
    ),
  ],
]);
console.log(`\nMilliseconds, ${ROUNDS} rounds`);
console.log(table([['', ...SUMMARY_COLUMNS], ...times]));

function goalRow(name, goal, values, format) {
  const verdict = median(values) <= goal ? 'ok' : 'MISSED';
  return [name, `<= ${goal}`, ...summary(values, format), verdict];
}
const goals = COMMANDS.flatMap(([command]) => {
  const of = (value) => rounds.map((found) => value(found[command]));
  const ratios = of(({ ratio }) => ratio);
  const peaks = of(({ peakBytes }) => peakBytes / 1e6);
  return [
    goalRow(`${command} / read`, TIME_GOAL, ratios, (ratio) => ratio.toFixed(2)),
    goalRow(`${command}, peak of the process, MB`, PEAK_GOAL_MB, peaks, ms),
  ];
});
console.log('\nGoals');
console.log(table([['', 'goal', ...SUMMARY_COLUMNS, ''], ...goals]));
if (goals.some((row) => row.at(-1) === 'MISSED')) process.exitCode = 1;
