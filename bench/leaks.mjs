// How well leaks are named: runs each program of __test__/fixtures/leaks a few times, two at a time,
// and prints the confusion table of doc/leaks.md: `node leaks.mjs [runs] [program…]`. Exits with 1 if
// a goal is missed.
import { LEAKING, observe, outcome, SOUND } from '../__test__/leaks-corpus.mjs';
import { machine, table } from './lib.mjs';

const AT_A_TIME = 2;
const NAMED_GOAL = 0.95;
const ALARM_GOAL = 0.02;

const [runs = 5, ...asked] = process.argv.slice(2);
const programs = asked.length > 0 ? asked : [...Object.keys(LEAKING), ...SOUND];
const jobs = programs.flatMap((program) => Array(Number(runs)).fill(program));
const found = Object.fromEntries(programs.map((program) => [program, []]));

async function work() {
  for (let program = jobs.shift(); program !== undefined; program = jobs.shift()) {
    const leaks = await observe(program);
    const result = outcome(program, leaks);
    found[program].push(result);
    if (result !== 'right' && result !== 'quiet') console.log(program, result, leaks.sites[0]);
  }
}

const count = (results, outcome) => results.filter((result) => result === outcome).length;
const share = (results, outcome) => count(results, outcome) / results.length;

function report(names, outcomes) {
  const known = names.filter((name) => programs.includes(name));
  const all = known.flatMap((name) => found[name]);
  const row = (name, results) => [name, ...outcomes.map((of) => String(count(results, of)))];
  const rows = known.map((name) => row(name, found[name]));
  console.log(table([['', ...outcomes], ...rows, row('all', all)]));
  return all;
}

await Promise.all(Array.from({ length: AT_A_TIME }, work));
console.log(machine());
const leaking = report(Object.keys(LEAKING), ['right', 'wrong', 'missed']);
const sound = report(SOUND, ['quiet', 'alarm']);
const isGood = !(share(leaking, 'right') < NAMED_GOAL || share(sound, 'alarm') > ALARM_GOAL);
if (!isGood) process.exitCode = 1;
