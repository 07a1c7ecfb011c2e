// What sampling Buffers costs beside sampling the heap, at the default interval: `node buffers.mjs`. Pairs of runs of fresh
// processes, both of which sample the heap, and one of which Buffers too. Takes about six minutes. The goal, on a quiet
// machine: at most 3 % fewer Buffers of 16 KiB a second, and 1 % fewer bodies of 64 KiB.
import { fileURLToPath } from 'node:url';
import autocannon from 'autocannon';
import { machine, SUMMARY_COLUMNS, startChild, summary, table } from './lib.mjs';

const PAIRS = 12;
const RUN_SECONDS = 6;
const WARM_UP_SECONDS = 2;
const CONNECTIONS = 16;
const REGISTER = fileURLToPath(new URL('../register.js', import.meta.url));

function start(name, isSampled) {
  process.env.HEAP_PROFILE_EXTERNAL = isSampled ? '1' : '0';
  return startChild(name, [], ['--require', REGISTER]);
}

/** Buffers a second. */
async function churn(isSampled) {
  const child = await start('buffers-churn.mjs', isSampled);
  await child.stop();
  return child.greeting;
}

/** Bodies a second, and the server's processor time for each. */
async function stream(isSampled) {
  const server = await start('buffers-server.mjs', isSampled);
  const body = Buffer.alloc(64 * 1024);
  const request = { url: server.greeting, method: 'POST', body, connections: CONNECTIONS };
  await autocannon({ ...request, duration: WARM_UP_SECONDS });
  const before = await server.ask('cpuUsage');
  const { requests, non2xx, errors } = await autocannon({ ...request, duration: RUN_SECONDS });
  const after = await server.ask('cpuUsage');
  await server.stop();
  if (non2xx + errors > 0) throw new Error(`${non2xx + errors} requests failed`);
  const cpuMicroseconds = after.user + after.system - before.user - before.system;
  return { perSecond: requests.average, cpuPerRequest: cpuMicroseconds / requests.total };
}

/** Every other pair the other way round, so that a machine that slows down does not count. */
async function runPairs(run) {
  const pairs = [];
  for (let index = 0; index < PAIRS; index++) {
    const pair = {};
    for (const isSampled of index % 2 === 0 ? [false, true] : [true, false]) {
      pair[isSampled ? 'on' : 'off'] = await run(isSampled);
    }
    pairs.push(pair);
  }
  return pairs;
}

const row = (name, pairs, of, digits) => [
  name,
  ...summary(pairs.map(of), (x) => x.toFixed(digits)),
];

console.log(`${machine()}\n${PAIRS} pairs of runs, sampling Buffers on and off`);
const churned = await runPairs(churn);
const streamed = await runPairs(stream);
console.log(
  table([
    ['', ...SUMMARY_COLUMNS],
    row('Buffers of 16 KiB/s, off', churned, ({ off }) => off, 0),
    row('Buffers of 16 KiB/s, on', churned, ({ on }) => on, 0),
    row('Buffers, on / off', churned, ({ on, off }) => on / off, 3),
    row('bodies of 64 KiB/s, off', streamed, ({ off }) => off.perSecond, 0),
    row('bodies of 64 KiB/s, on', streamed, ({ on }) => on.perSecond, 0),
    row('bodies, on / off', streamed, ({ on, off }) => on.perSecond / off.perSecond, 3),
    row(
      'processor time, on / off',
      streamed,
      ({ on, off }) => on.cpuPerRequest / off.cpuPerRequest,
      3,
    ),
  ]),
);
