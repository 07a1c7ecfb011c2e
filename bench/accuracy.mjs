// How far estimates and V8's own numbers are off, and how often the 95 % interval holds the truth:
// `node accuracy.mjs`. The large arrays need 2 GB of memory.
import { COMBINATIONS, measureAccuracy, percent, RUNS } from '../__test__/accuracy.mjs';
import { machine, table } from './lib.mjs';

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

async function measureRow(combination) {
  const { kind, interval } = combination;
  const bytes = kind === 'large arrays' ? BYTES_OF_ARRAYS : BYTES[interval];
  const result = await measureAccuracy(combination, bytes);
  const { truth, sampleCount, error, standardError, held, v8Error } = result;
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
for (const combination of COMBINATIONS) rows.push(await measureRow(combination));
console.log(`\nMeans of ${RUNS} runs`);
console.log(table([COLUMNS, ...rows]));
