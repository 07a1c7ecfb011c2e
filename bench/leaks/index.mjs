// How often leaks are named, and sound programs left alone, on programs that nobody has seen before:
// they are made from a seed. `node bench/leaks/index.mjs [--seed 1] [--runs 330] [--node PATH]` takes
// about 15 minutes on two cores; `--only N` runs one program of them and tells all of it; with
// `--exact-stacks` the programs are sampled so, and the function itself and the line have to be named. Exits
// with 1 if a goal is missed, or a program is not what it is meant to be.
import { execFileSync } from 'node:child_process';
import { availableParallelism, loadavg } from 'node:os';
import { parseArgs } from 'node:util';
import { machine } from '../lib.mjs';
import { draw } from './draw.mjs';
import { run } from './run.mjs';
import { describe, goals, isRight, report, score } from './score.mjs';

const { values } = parseArgs({
  options: {
    seed: { type: 'string', default: '1' },
    // 150 that leak, 150 that are sound, 30 that are filling a cache.
    runs: { type: 'string', default: '330' },
    node: { type: 'string', default: process.execPath },
    only: { type: 'string' },
    'exact-stacks': { type: 'boolean', default: false },
  },
});
const exactStacks = values['exact-stacks'];
const seed = wholeNumber('seed');
const only = values.only === undefined ? null : wholeNumber('only');
const indices = only === null ? Array.from({ length: wholeNumber('runs') }, (_, i) => i) : [only];
const records = [];
let failures = 0;

function wholeNumber(option) {
  const value = Number(values[option]);
  if (Number.isInteger(value) && value >= 0) return value;
  console.error(`error: --${option} needs a whole number, got "${values[option]}"`);
  process.exit(2);
}

async function runOne(index) {
  const description = draw(seed, index);
  try {
    const result = await run(description, values.node, exactStacks);
    const record = score(description, result);
    records.push(record);
    if (only !== null) console.dir({ description, ...result }, { depth: null });
    if (only !== null || record.fault !== null || !isRight(record)) console.log(describe(record));
  } catch (error) {
    failures++;
    console.log(`--seed ${seed} --only ${index}: ${error.message}`);
  }
}

async function work() {
  for (let index = indices.shift(); index !== undefined; index = indices.shift()) {
    await runOne(index);
  }
}

const load = () => `load ${loadavg()[0].toFixed(1)}`;

console.log(machine());
const version = execFileSync(values.node, ['--version'], { encoding: 'utf8' }).trim();
const stacks = exactStacks ? 'exact stacks' : "V8's stacks";
console.log(`programs of seed ${seed}, run by Node.js ${version} with ${stacks}; ${load()}`);
// One program per core at most: more would only watch one another.
await Promise.all(Array.from({ length: availableParallelism() }, work));
console.log(report(records));
const faulty = records.filter(({ fault }) => fault !== null).length;
console.log(
  `\n${faulty} programs are not what they are meant to be, ${failures} failed; ${load()}`,
);
const met = goals(records, exactStacks).map(({ text, isMet }) => {
  console.log(`${isMet ? 'met' : 'MISSED'}: ${text}`);
  return isMet;
});
if (faulty + failures > 0 || met.includes(false)) process.exitCode = 1;
