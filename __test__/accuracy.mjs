// How far estimates are off in real sessions: what accuracy.spec.mjs and bench/accuracy.mjs share.
import { fixture, runChild } from './helpers.mjs';

export const RUNS = 30;
const INTERVALS = [4096, 65_536, 524_288];
const KINDS = ['small objects', 'closures', 'strings', 'large arrays', 'a mix'];

/**
 * What is measured, each with a seed of its own: with the same one all kinds err alike. A seed makes
 * V8 sample nearly the same objects again.
 */
export const COMBINATIONS = KINDS.flatMap((kind) =>
  INTERVALS.map((interval) => ({ kind, interval })),
).map((combination, index) => ({ ...combination, seed: 101 + index }));

/**
 * Allocates at least so many bytes of a combination's kind, 30 times, and resolves to
 * - `truth`, the bytes that it were, and `count`, the objects;
 * - `heapError`: how far the growth of V8's heap is off, the median of three;
 * - `sampleCount`: the mean;
 * - `held`: in how many runs the 95 % interval held the truth;
 * - `error`, `v8Error`: how far the means of our estimates and of V8's own sums are off;
 * - `standardError`: that of the mean of our estimates.
 * Errors are shares of the truth.
 */
export async function measureAccuracy({ kind, interval, seed }, bytes) {
  const execArgv = ['--expose-gc', `--random-seed=${seed}`, '--max-old-space-size=4096'];
  const args = [kind, interval, bytes, RUNS].map(String);
  const options = { execArgv, timeout: 600_000 };
  const { code, stdout, stderr } = await runChild(fixture('accuracy.js'), args, options);
  if (code !== 0) throw new Error(`${args.join(', ')} ended with ${code}\n${stderr}`);
  return summarize(JSON.parse(stdout));
}

function summarize({ count, truth, grown, runs }) {
  const mean = (name) => runs.reduce((sum, run) => sum + run[name], 0) / runs.length;
  const variance = runs.reduce((sum, run) => sum + run.standardError ** 2, 0) / runs.length;
  const errorOf = (bytes) => bytes / truth - 1;
  return {
    count,
    truth,
    heapError: errorOf(grown.sort((a, b) => a - b)[1]),
    sampleCount: mean('sampleCount'),
    held: runs.filter(({ low, high }) => low <= truth && truth <= high).length,
    error: errorOf(mean('estimate')),
    v8Error: errorOf(mean('v8')),
    standardError: Math.sqrt(variance / runs.length) / truth,
  };
}

/** A share in per cent. */
export function percent(share) {
  return `${(100 * share).toFixed(2)} %`;
}
