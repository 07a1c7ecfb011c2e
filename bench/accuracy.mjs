// How far estimates and V8's own numbers are off, and how often the 95 % interval holds the truth:
// `node accuracy.mjs [seed]`. The large arrays need 2 GB of memory.
import { INTERVALS, KINDS, measureAccuracy, percent, RUNS } from '../__test__/accuracy.mjs';
import { machine, table } from './lib.mjs';

const SEED = Number(process.argv[2] ?? 1);

const BYTES = { 4096: 20e6, 65536: 40e6, 524288: 100e6 };
/** 1,500 of them. */
const BYTES_OF_ARRAYS = 903e6;

const COLUMNS = [
  '',
  'interval',
  'truth, MB',
  'samples',
  'estimate, MB',
  'error',
  'standard error',
  `held of ${RUNS}`,
  "V8's error",
];

const combinations = KINDS.flatMap((kind) => INTERVALS.map((interval) => [kind, interval]));

async function measureRow([kind, interval], index) {
  const bytes = kind === 'large arrays' ? BYTES_OF_ARRAYS : BYTES[interval];
  // With the same seed all kinds would err alike.
  const seed = SEED + index;
  const { truth, sampleCount, error, standardError, held, v8Error } = await measureAccuracy(
    kind,
    interval,
    bytes,
    seed,
  );
  const megabytes = (amount) => (amount / 1e6).toFixed(2);
  return [
    kind,
    `${interval / 1024} KiB`,
    megabytes(truth),
    sampleCount.toFixed(0),
    megabytes(truth * (1 + error)),
    percent(error),
    percent(standardError),
    String(held),
    percent(v8Error),
  ];
}

console.log(machine());
const rows = [];
for (const [index, combination] of combinations.entries()) {
  rows.push(await measureRow(combination, index));
}
console.log(`\nMeans of ${RUNS} runs`);
console.log(table([COLUMNS, ...rows]));
