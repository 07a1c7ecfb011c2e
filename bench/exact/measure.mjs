// One process of the benchmark, with a Node and a kind of stacks, and the statistics of many.
import { fileURLToPath } from 'node:url';
import { runChild, startChild } from '../lib.mjs';

const PRELOAD = fileURLToPath(new URL('preload.cjs', import.meta.url));
export const KIB = 1024;

function settings({ stacks, kib }) {
  return { ...process.env, BENCH_STACKS: stacks, BENCH_INTERVAL: String(kib * KIB) };
}

/** What child.mjs tells of a work; `way` is { stacks, kib }: none, v8 or exact. */
export function measure(node, way, work, execArgv = []) {
  const options = {
    execPath: node,
    execArgv: [...execArgv, '--require', PRELOAD],
    env: settings(way),
  };
  return runChild('exact/child.mjs', work.map(String), options);
}

export function startServer(node, way) {
  const options = { execPath: node, env: settings(way) };
  return startChild('server.mjs', [], ['--require', PRELOAD], options);
}

/** Each time in another order, so that a machine that slows down does not count. */
export function rotated(list, round) {
  const at = round % list.length;
  return [...list.slice(at), ...list.slice(0, at)];
}

/** A line through points [x, y] by least squares: its slope and the standard error of that. */
export function regression(points) {
  const mean = (of) => points.reduce((sum, point) => sum + of(point), 0) / points.length;
  const [middleX, middleY] = [mean(([x]) => x), mean(([, y]) => y)];
  const spread = points.reduce((sum, [x]) => sum + (x - middleX) ** 2, 0);
  const common = points.reduce((sum, [x, y]) => sum + (x - middleX) * (y - middleY), 0);
  const slope = common / spread;
  const residual = points.reduce(
    (sum, [x, y]) => sum + (y - middleY - slope * (x - middleX)) ** 2,
    0,
  );
  return { slope, error: Math.sqrt(residual / (points.length - 2) / spread) };
}
