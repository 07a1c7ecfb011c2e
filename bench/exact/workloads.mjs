// What a workload costs with none, V8's and exact stacks, and what the start and the time cost.
import autocannon from 'autocannon';
import { median, quantile, table } from '../lib.mjs';
import { measure, rotated, startServer } from './measure.mjs';

const OF = { json: ['json', 120], compiler: ['compiler', 2] };
const LOAD_SECONDS = 5;
const WARM_UP_SECONDS = 2;
const CONNECTIONS = 32;

const waysOf = (kinds) => [
  { stacks: 'none', kib: 512 },
  ...[512, 64].flatMap((kib) =>
    kinds.filter((of) => of !== 'none').map((stacks) => ({ stacks, kib })),
  ),
];
const nameOf = ({ stacks, kib }) => (stacks === 'none' ? 'none' : `${stacks}, ${kib} KiB`);

/** Values of each way, of as many rounds. */
async function alternating(ways, rounds, valueFor) {
  const values = new Map(ways.map((way) => [nameOf(way), []]));
  for (let round = 0; round < rounds; round++) {
    for (const way of rotated(ways, round)) values.get(nameOf(way)).push(await valueFor(way));
  }
  return values;
}

/** Beside the values how much more than none they are, taken within each round. */
function print(title, unit, values) {
  const base = values.get('none');
  const rows = [...values].map(([name, all]) => {
    const more = all.map(({ cpu }, round) => 100 * (cpu / base[round].cpu - 1));
    const ends = [0.25, 0.75].map((share) => quantile(more, share).toFixed(1)).join(' .. ');
    const middle = (key, digits) => median(all.map((one) => one[key])).toFixed(digits);
    const texts = [middle('cpu', 1), `${median(more).toFixed(1)} %`, ends];
    return [name, ...texts, middle('samples', 0), middle('pause', 1)];
  });
  const titles = ['more than none', 'middle half', 'samples/s of processor', 'capture, ms'];
  console.log(table([[title, unit, ...titles], ...rows]));
}

export async function workloads(node, { rounds, kinds, which }) {
  for (const [name, work] of Object.entries(OF).filter(([name]) => which.includes(name))) {
    const valueFor = async (way) => {
      const { cpuMs, capture } = await measure(node, way, work);
      return { cpu: cpuMs, samples: (1000 * capture.samples) / cpuMs, pause: capture.ms };
    };
    print(name, 'processor time, ms', await alternating(waysOf(kinds), rounds, valueFor));
  }
  if (!which.includes('server')) return;
  const valueFor = (way) => cpuPerRequest(node, way);
  print('server', 'us a request', await alternating(waysOf(kinds), rounds, valueFor));
}

async function cpuPerRequest(node, way) {
  const server = await startServer(node, way);
  const load = (duration) =>
    autocannon({ url: server.greeting, duration, connections: CONNECTIONS });
  await load(WARM_UP_SECONDS);
  const before = await server.ask('cpuUsage');
  const { requests, non2xx, errors } = await load(LOAD_SECONDS);
  const after = await server.ask('cpuUsage');
  const { samples, ms } = await server.ask('capture');
  await server.stop();
  if (non2xx + errors > 0) throw new Error(`${non2xx + errors} requests failed`);
  const us = after.user + after.system - before.user - before.system;
  const all = after.user + after.system;
  return { cpu: us / requests.total, samples: (1e6 * samples) / all, pause: ms };
}

/** Of start() itself, processor time and the clock's. */
export async function startUp(node, { rounds, kinds }) {
  const rows = [['start()', 'ms', 'processor time, ms']];
  for (const stacks of kinds.filter((of) => of !== 'none')) {
    const starts = [];
    for (let round = 0; round < 3 * rounds; round++) {
      starts.push((await measure(node, { stacks, kib: 512 }, ['nothing'])).start);
    }
    const middle = (key) => median(starts.map((start) => start[key])).toFixed(1);
    rows.push([stacks, middle('ms'), middle('cpuMs')]);
  }
  console.log(table(rows));
}

/** The resident set while the same is done for so long, side by side: nothing here is timed. */
export async function memory(node, { minutes, kinds }) {
  const ways = kinds.map((stacks) => ({ stacks, kib: 512 }));
  const work = ['paced', 60 * minutes];
  const all = await Promise.all(ways.map((way) => measure(node, way, work, ['--expose-gc'])));
  const rows = all.map(({ rss }, index) => [
    kinds[index],
    rss.slice(0, -1).join(' '),
    String(rss.at(-1)),
  ]);
  console.log(
    table([['resident set, MB', `in ${minutes} minutes`, 'at the end, collected'], ...rows]),
  );
}
