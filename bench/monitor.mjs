// What a monitor costs the main thread while nothing happens: one look at the rules, as every two seconds and as after
// a full garbage collection, with heaps of several sizes. `node monitor.mjs`; exits with 1 where a median is over 50
// microseconds.
import { createRequire } from 'node:module';
import { machine, quantile, SUMMARY_COLUMNS, summary, table } from './lib.mjs';

const require = createRequire(import.meta.url);
const { Machine } = require('../lib/monitor/machine.js');
const { checkMonitorOptions } = require('../lib/monitor/options.js');
const { Rules } = require('../lib/monitor/rules.js');

const GOAL_MICROSECONDS = 50;
const ROUNDS = 2000;
const HEAPS_MIB = [10, 300, 1000];
/** Bytes of one of the arrays of 1,000 numbers that fill the heap. */
const ARRAY = 8016;

const kept = [];

function fillTo(mib) {
  while (process.memoryUsage().heapUsed < mib * 2 ** 20) {
    for (let i = 0; i < 2 ** 20 / ARRAY; i++) kept.push(new Array(1000).fill(i + 0.5));
  }
}

/** As lib/monitor/triggers.js looks. */
function look(rules, host, isCollected) {
  const { rss, heapUsed } = isCollected ? host.usage() : { rss: host.rss(), heapUsed: undefined };
  const limits = { memoryLimit: host.memoryLimit(), heapLimit: host.heapLimit() };
  return rules.evaluate({ now: host.now(), rss, ...limits, live: heapUsed });
}

function time(isCollected) {
  const rules = new Rules(checkMonitorOptions({ rules: true }).rules);
  const host = new Machine();
  const microseconds = [];
  for (let round = 0; round < ROUNDS; round++) {
    const start = process.hrtime.bigint();
    look(rules, host, isCollected);
    microseconds.push(Number(process.hrtime.bigint() - start) / 1000);
  }
  return microseconds;
}

const format = (value) => `${value.toFixed(1)} us`;
const rows = [['one look', ...SUMMARY_COLUMNS]];
let isMissed = false;
for (const mib of HEAPS_MIB) {
  fillTo(mib);
  for (const isCollected of [false, true]) {
    const microseconds = time(isCollected);
    isMissed ||= quantile(microseconds, 0.5) > GOAL_MICROSECONDS;
    const when = isCollected ? 'after a collection' : 'every two seconds';
    rows.push([`${mib} MiB, ${when}`, ...summary(microseconds, format)]);
  }
}
console.log(`${machine()}\n\n${table(rows)}`);
if (isMissed) process.exitCode = 1;
