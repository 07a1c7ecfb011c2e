// What is left of a process that had no time to write: `node black-box.mjs [runs] [kill | cgroup | abort]...` (20,
// all). Programs that leak at some rate are killed at some moment, by the kernel for want of memory, or by V8 for
// ineffective garbage collections, under the preload with the default rules. Counts those whose newest profile is
// whole, at most ten seconds or a tenth of the limit older than the death, and has the culprit as its top site.
// Exits with 1 if there are fewer than 19 of 20. Where no control group can be made a supervisor kills, at the
// same size.
import { spawn } from 'node:child_process';
import {
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmdirSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { machine, quantile, share, table } from './lib.mjs';

const { Snapshot } = createRequire(import.meta.url)('..');
const here = dirname(fileURLToPath(import.meta.url));
const server = join(here, 'black-box-server.cjs');
const register = join(here, '..', 'register.js');

const CULPRIT = 'keepOrders';
const MIB = 2 ** 20;
const LONGEST_MS = 10_000;
const MOST_SHARE = 0.1;
const GOAL = 0.95;
/** MiB per second: the slowest takes a minute to the limit. */
const RATES = [4, 40];
const LIMIT = 256 * MIB;
/** V8 alone ends the process. */
const HEAP_MIB = 192;
/** The kernel must come first. */
const LARGE_HEAP_MIB = 1024;

/** Of each death: the heap's limit in MiB, and what kills. */
const DEATHS = {
  kill: { heapMib: HEAP_MIB, limit: HEAP_MIB * MIB, watch: killAtRandom, part: 'rss' },
  cgroup: { heapMib: LARGE_HEAP_MIB, limit: LIMIT, watch: inGroup, part: 'rss' },
  abort: { heapMib: HEAP_MIB, limit: HEAP_MIB * MIB, watch: () => {}, part: 'heapUsed' },
};

const [runs = 20, ...asked] = process.argv.slice(2);
const temporary = mkdtempSync(join(tmpdir(), 'black-box-'));

function random(low, high) {
  return low + Math.random() * (high - low);
}

/** The rate is as likely slow as fast. */
function anyRate() {
  return Math.exp(random(...RATES.map(Math.log)));
}

/** Bytes that a process has in memory, 0 when it is gone. */
function rssOf(pid) {
  try {
    const [, kib] = /VmRSS:\s+(\d+) kB/.exec(readFileSync(`/proc/${pid}/status`, 'utf8')) ?? [];
    return Number(kib ?? 0) * 1024;
  } catch {
    return 0;
  }
}

/** SIGKILL at some size between half of the limit and almost all of it. */
async function killAtRandom(child, { limit }) {
  await killAt(child, random(0.5, 1) * limit);
}

async function killAt(child, bytes) {
  while (child.exitCode === null && child.signalCode === null && rssOf(child.pid) < bytes)
    await delay(20);
  child.kill('SIGKILL');
}

async function inGroup(child, { group, limit }) {
  if (group === undefined) await killAt(child, limit);
}

/** A control group below ours with the limit, if the machine lets us; version 1 or 2. */
function makeGroup(limit) {
  const lines = readFileSync('/proc/self/cgroup', 'utf8').split('\n');
  for (const line of lines) {
    const [, controllers, path] = line.split(':');
    if (controllers !== 'memory' && controllers !== '') continue;
    const [top, file] =
      controllers === 'memory'
        ? ['/sys/fs/cgroup/memory', 'memory.limit_in_bytes']
        : ['/sys/fs/cgroup', 'memory.max'];
    const group = join(
      top,
      path,
      `black-box-${process.pid}-${Math.random().toString(36).slice(2)}`,
    );
    try {
      mkdirSync(group);
      writeFileSync(join(group, file), String(limit));
      return group;
    } catch {
      rmSync(group, { force: true, recursive: true });
    }
  }
  return undefined;
}

function removeGroup(group) {
  try {
    rmdirSync(group);
  } catch {}
}

/** Runs one to its death; what is left. */
async function dieOnce(death) {
  const { heapMib, limit, watch } = DEATHS[death];
  const directory = mkdtempSync(join(temporary, 'run-'));
  const group = death === 'cgroup' ? makeGroup(limit) : undefined;
  const rate = anyRate();
  const node = [
    process.execPath,
    `--max-old-space-size=${heapMib}`,
    '--require',
    register,
    server,
    `${rate}`,
  ];
  const enter = group === undefined ? '' : `echo $$ > ${group}/cgroup.procs; `;
  const env = {
    ...process.env,
    HEAP_PROFILE_DIR: directory,
    HEAP_PROFILE_EVERY: '1h',
    HEAP_PROFILE_RULES: '1',
  };
  const child = spawn('sh', ['-c', `${enter}exec "$@"`, 'sh', ...node], {
    env,
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  let stderr = '';
  child.stderr.on('data', (text) => {
    stderr += text;
  });
  let size = 0;
  const looking = setInterval(() => {
    size = rssOf(child.pid) || size;
  }, 50);
  const ended = new Promise((resolve) =>
    child.once('close', (code, signal) => resolve(signal ?? code)),
  );
  await watch(child, { group, limit });
  const end = await ended;
  const diedAt = Date.now();
  clearInterval(looking);
  if (group !== undefined) removeGroup(group);
  const message = /(Ineffective mark-compacts|Reached heap limit)/.exec(stderr)?.[1];
  const how = message ?? (group === undefined ? `${end}` : `${end} by the kernel`);
  return { death, rate, how, diedAt, size, directory };
}

/** What the newest profile says. */
async function judge({ death, how, rate, diedAt, size, directory }) {
  const names = readdirSync(directory)
    .filter((name) => name.endsWith('.heapprofile'))
    .sort();
  const result = { death, how, rate, files: names.length, isGood: false, why: 'no profile' };
  if (names.length === 0) return result;
  const { limit, part } = DEATHS[death];
  try {
    const last = await Snapshot.read(join(directory, names[names.length - 1]));
    const ageMs = diedAt - last.takenAt.getTime();
    const atDeath = part === 'rss' ? size : limit;
    const share = (atDeath - last.memoryUsage[part]) / limit;
    const [top] = (await last.top({ limit: 1 })).sites;
    const isFresh = ageMs <= LONGEST_MS || share <= MOST_SHARE;
    const isNamed = top?.functionName === CULPRIT;
    const why = isFresh ? (isNamed ? '' : `names ${top?.functionName}`) : 'too old';
    return { ...result, ageMs, share, isGood: isFresh && isNamed, why };
  } catch (error) {
    return { ...result, why: error.message };
  }
}

const deaths = asked.length > 0 ? asked : Object.keys(DEATHS);
console.log(`${machine()}\n`);
let isMissed = false;
for (const death of deaths) {
  const results = [];
  for (let run = 0; run < Number(runs); run++) {
    const left = await dieOnce(death);
    const result = await judge(left);
    results.push(result);
    if (!result.isGood)
      console.log(`  ${death}, ${result.rate.toFixed(1)} MiB/s, ${result.how}: ${result.why}`);
    rmSync(left.directory, { recursive: true });
  }
  const good = results.filter(({ isGood }) => isGood);
  isMissed ||= good.length < GOAL * results.length;
  const ways = [...new Set(results.map(({ how }) => how))].map(
    (how) => `${results.filter((one) => one.how === how).length} ${how}`,
  );
  const told = results.filter(({ ageMs }) => ageMs !== undefined);
  const middle = (values, format) =>
    values.length === 0
      ? '-'
      : `${format(quantile(values, 0.5))}, at most ${format(Math.max(...values))}`;
  console.log(`${death}: ${share(good.length, results.length)} (${ways.join(', ')})`);
  console.log(
    table([
      [
        'age of the last profile',
        middle(
          told.map(({ ageMs }) => ageMs),
          (ms) => `${(ms / 1000).toFixed(1)} s`,
        ),
      ],
      [
        'what it lacks of the limit',
        middle(
          told.map(({ share }) => share),
          (part) => `${(100 * part).toFixed(1)} %`,
        ),
      ],
      [
        'profiles',
        middle(
          results.map(({ files }) => files),
          (count) => `${count}`,
        ),
      ],
    ]),
  );
}
rmSync(temporary, { recursive: true });
if (isMissed) process.exitCode = 1;
