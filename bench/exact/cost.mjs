// What one sample costs: processor time over the number of samples, a line through runs at many intervals.
import { median, table } from '../lib.mjs';
import { KIB, measure, regression, rotated } from './measure.mjs';

const MEBIBYTES = { dies: 512, stays: 64 };
/** KiB; null is no session. */
const INTERVALS = [null, 512, 64, 16, 8];
const DEPTHS = [10, 30, 60];

/** Points [samples, ms] of a work for each kind of stacks, in alternating runs. */
async function pointsOf(node, work, { rounds, kinds }) {
  const sampled = kinds.filter((of) => of !== 'none');
  const ways = INTERVALS.flatMap((kib) =>
    kib === null ? [{ stacks: 'none', kib: 512 }] : sampled.map((stacks) => ({ stacks, kib })),
  );
  const points = { none: [], v8: [], exact: [] };
  const captures = { none: [], v8: [], exact: [] };
  for (let round = 0; round < rounds; round++) {
    for (const way of rotated(ways, round * 2 + 1)) {
      const { cpuMs, bytes, capture } = await measure(node, way, work);
      const samples = way.stacks === 'none' ? 0 : bytes / (way.kib * KIB);
      points[way.stacks].push([samples, cpuMs]);
      if (way.kib === 8) captures[way.stacks].push(capture.ms);
    }
  }
  return { points, captures };
}

function cells({ points, captures }, stacks) {
  const { slope, error } = regression([...points.none, ...points[stacks]]);
  const us = (ms) => (1000 * ms).toFixed(1);
  return [
    `${us(slope)} (${us(slope - 1.96 * error)} to ${us(slope + 1.96 * error)})`,
    median(captures[stacks]).toFixed(1),
  ];
}

export async function cost(node, options) {
  const sampled = options.kinds.filter((of) => of !== 'none');
  const titles = sampled.flatMap((stacks) => [`${stacks}, us a sample`, 'capture, ms']);
  const rows = [['', ...titles]];
  for (const [name, mebibytes] of Object.entries(MEBIBYTES)) {
    for (const depth of DEPTHS) {
      const found = await pointsOf(node, [name, mebibytes, depth], options);
      rows.push([`${name}, depth ${depth}`, ...sampled.flatMap((stacks) => cells(found, stacks))]);
    }
  }
  const intervals = INTERVALS.slice(1).join(', ');
  console.log(
    `${options.rounds} rounds, intervals of ${intervals} KiB and none; the slope with its`,
  );
  console.log('95 % interval; captures at 8 KiB');
  console.log(table(rows));
}
