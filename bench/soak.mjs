// A server under load for half an hour with everything on, and one without: `node soak.mjs [--minutes 30] [--every 30]
// [--slice 15]`. The load goes to one and the other in turn, a slice of seconds each, so that what else the machine does
// strikes both. Tells throughput and p99 of on to off, how the resident sets grow, and whether all files that
// were written can be read. Fails if one cannot, or if some are missing.
import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import autocannon from 'autocannon';
import { machine, SUMMARY_COLUMNS, startChild, summary, table } from './lib.mjs';

const { Snapshot } = createRequire(import.meta.url)('..');
const MONITOR = fileURLToPath(new URL('soak-monitor.cjs', import.meta.url));
const CONNECTIONS = 32;
/** Of the slices, the first are warming up. */
const WARM_UP = 0.2;

const { values } = parseArgs({
  options: {
    minutes: { type: 'string', default: '30' },
    every: { type: 'string', default: '30' },
    slice: { type: 'string', default: '15' },
  },
});
const [minutes, every, slice] = [values.minutes, values.every, values.slice].map(Number);

async function start(isOn, directory) {
  if (isOn)
    Object.assign(process.env, { SOAK_DIR: directory, SOAK_EVERY_MS: String(1000 * every) });
  return startChild('server.mjs', [], isOn ? ['--require', MONITOR] : []);
}

/** Loads a server for a slice; what it did. */
async function load(server) {
  const { requests, latency, non2xx, errors } = await autocannon({
    url: server.greeting,
    duration: slice,
    connections: CONNECTIONS,
  });
  if (non2xx + errors > 0) throw new Error(`${non2xx + errors} requests failed`);
  const { rss } = await server.ask('usage');
  return { perSecond: requests.average, p99: latency.p99, rss, at: performance.now() };
}

/** Bytes per hour, by least squares. */
function slope(slices) {
  const mean = (of) => slices.reduce((sum, one) => sum + of(one), 0) / slices.length;
  const [at, rss] = [mean((one) => one.at), mean((one) => one.rss)];
  const up = mean((one) => (one.at - at) * (one.rss - rss));
  return (3_600_000 * up) / mean((one) => (one.at - at) ** 2);
}

/** How many of the files in a directory can be read, and what is no profile. */
async function readAll(directory) {
  const names = readdirSync(directory);
  const unreadable = [];
  for (const name of names) {
    try {
      (await Snapshot.read(join(directory, name)))[Symbol.dispose]?.();
    } catch (error) {
      unreadable.push(`${name}: ${error.message}`);
    }
  }
  return { found: names.length, unreadable };
}

const directory = mkdtempSync(join(tmpdir(), 'heap-profile-soak-'));
const servers = { off: await start(false), on: await start(true, directory) };
const slices = { off: [], on: [] };
const end = performance.now() + 60_000 * minutes;
for (let turn = 0; performance.now() < end; turn++) {
  for (const name of turn % 2 === 0 ? ['off', 'on'] : ['on', 'off']) {
    slices[name].push(await load(servers[name]));
  }
}
const { monitor } = await servers.on.ask('usage');
await Promise.all(Object.values(servers).map((server) => server.stop()));
const { found, unreadable } = await readAll(directory);
rmSync(directory, { recursive: true, force: true });

const warm = (all) => all.slice(Math.floor(WARM_UP * all.length));
const [off, on] = [warm(slices.off), warm(slices.on)];
const ratios = (of) => on.slice(0, off.length).map((one, index) => of(one) / of(off[index]));
const row = (name, numbers, digits) => [name, ...summary(numbers, (x) => x.toFixed(digits))];
const mebibytes = (bytes) => `${(bytes / 2 ** 20).toFixed(1)} MiB`;
console.log(
  `${machine()}\n${minutes} minutes, a profile every ${every} s, ${CONNECTIONS} connections\n`,
);
console.log(
  table([
    ['', ...SUMMARY_COLUMNS],
    row(
      'requests/s, off',
      off.map(({ perSecond }) => perSecond),
      0,
    ),
    row(
      'requests/s, on / off',
      ratios(({ perSecond }) => perSecond),
      3,
    ),
    row(
      'p99 ms, off',
      off.map(({ p99 }) => p99),
      1,
    ),
    row(
      'p99, on / off',
      ratios(({ p99 }) => p99),
      3,
    ),
  ]),
);
console.log(`\nRSS grew by ${mebibytes(slope(off))} an hour off, ${mebibytes(slope(on))} on`);
console.log(`main thread: ${JSON.stringify(monitor)}`);
console.log(`${found} files of all threads, ${found - unreadable.length} can be read`);
for (const line of unreadable) console.error(line);
if (unreadable.length > 0 || found < monitor.written) process.exitCode = 1;
