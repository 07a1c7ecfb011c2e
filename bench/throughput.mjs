// What sampling at the default interval costs a server under load: `node throughput.mjs`. Each pair
// is two runs of fresh servers, one that samples from its first line on (--require of our register
// module) and one that does not. Takes about five minutes. No goal, and no exit code: what a few
// per mille are depends on what else the machine does.
import { fileURLToPath } from 'node:url';
import autocannon from 'autocannon';
import { machine, SUMMARY_COLUMNS, startChild, summary, table } from './lib.mjs';

const PAIRS = 10;
const RUN_SECONDS = 8;
const WARM_UP_SECONDS = 3;
const CONNECTIONS = 32;
const REGISTER = fileURLToPath(new URL('../register.js', import.meta.url));

/** Requests per second, and the server's processor time for each. */
async function run(isSampled) {
  const server = await startChild('server.mjs', [], isSampled ? ['--require', REGISTER] : []);
  await load(server.greeting, WARM_UP_SECONDS);
  const before = await server.ask('cpuUsage');
  const { requests, non2xx, errors } = await load(server.greeting, RUN_SECONDS);
  const after = await server.ask('cpuUsage');
  await server.stop();
  if (non2xx + errors > 0) throw new Error(`${non2xx + errors} requests failed`);
  const cpuMicroseconds = after.user + after.system - before.user - before.system;
  return { perSecond: requests.average, cpuPerRequest: cpuMicroseconds / requests.total };
}

function load(url, duration) {
  return autocannon({ url, duration, connections: CONNECTIONS });
}

/** Every other pair the other way round, so that a machine that slows down does not count. */
async function runPair(index) {
  const pair = {};
  for (const isSampled of index % 2 === 0 ? [false, true] : [true, false]) {
    pair[isSampled ? 'on' : 'off'] = await run(isSampled);
  }
  return pair;
}

console.log(`${machine()}\n${PAIRS} pairs of runs of ${RUN_SECONDS} s, sampling on and off`);
const pairs = [];
for (let index = 0; index < PAIRS; index++) pairs.push(await runPair(index));

const row = (name, of, digits) => [name, ...summary(pairs.map(of), (x) => x.toFixed(digits))];
console.log(`\n${CONNECTIONS} connections, each of which waits for an answer before it asks again`);
console.log(
  table([
    ['', ...SUMMARY_COLUMNS],
    row('requests/s, off', ({ off }) => off.perSecond, 0),
    row('requests/s, on', ({ on }) => on.perSecond, 0),
    row('processor time per request, us, off', ({ off }) => off.cpuPerRequest, 1),
    row('processor time per request, us, on', ({ on }) => on.cpuPerRequest, 1),
    row('requests/s, on / off', ({ on, off }) => on.perSecond / off.perSecond, 3),
    row('processor time, on / off', ({ on, off }) => on.cpuPerRequest / off.cpuPerRequest, 3),
  ]),
);
