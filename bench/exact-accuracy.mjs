// How often samples name the function and the line that allocated, by the sizes of objects, with exact
// stacks and with V8's: `node exact-accuracy.mjs [20 26] [--late] [--v8] [--no-opt] [--program calls.js]
// [--interval 2048] [--rounds 3]`. All Node.js majors unless some are named; about two minutes each. Exits
// with 1 if the goals of doc/accuracy.md are missed. `--v8` needs no exact stacks; with `--no-opt` V8's
// functions have to be right, or the programs claim what is not true.
import { execFileSync, spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { loadavg, tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { judgeProgram, PROGRAMS, total, writePrograms } from '../__test__/exact-truth.mjs';
import { installNodes, MAJORS } from '../scripts/nodes.mjs';
import { machine, table } from './lib.mjs';

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    late: { type: 'boolean', default: false },
    v8: { type: 'boolean', default: false },
    'no-opt': { type: 'boolean', default: false },
    program: { type: 'string' },
    interval: { type: 'string', default: '2048' },
    rounds: { type: 'string', default: '1' },
    wrong: { type: 'string', default: '12' },
  },
});
/** Of all samples `exact`, of those with an exact stack the others. */
const GOALS = { exact: 0.98, exactName: 0.99, exactLine: 0.97 };
const COLUMNS = ['', 'samples', 'exact stack', 'function', 'line', "function or V8's, of all"];

const majors = positionals.length > 0 ? positionals.map(Number) : MAJORS;
const programs = values.program === undefined ? PROGRAMS : [values.program];
const nodes = installNodes(majors);
const directory = writePrograms(mkdtempSync(join(tmpdir(), 'heap-profile-exact-')));

const percent = (count, of) => (of === 0 ? '-' : `${((100 * count) / of).toFixed(2)} %`);

function rowOf({ kind, samples, name, exact, exactName, exactLine }) {
  const shares = [percent(exact, samples), percent(exactName, exact), percent(exactLine, exact)];
  return [kind, String(samples), ...shares, percent(name, samples)];
}

/** Rows of the same kind from several rounds as one. */
function merged(rows) {
  const kinds = [...new Set(rows.map(({ kind }) => kind))];
  return kinds.map((kind) =>
    total(
      rows.filter((row) => row.kind === kind),
      kind,
    ),
  );
}

/** Newer V8s have a second optimizing compiler, of which older ones know no flag. */
function notOptimizing(node) {
  const { status } = spawnSync(node, ['--no-maglev', '--version']);
  return status === 0 ? ['--no-opt', '--no-maglev'] : ['--no-opt'];
}

async function observe(node) {
  const rows = [];
  const wrong = new Map();
  const start = {
    sampleIntervalBytes: Number(values.interval),
    ...(values.v8 ? {} : { exactStacks: true }),
  };
  const execArgv = values['no-opt'] ? notOptimizing(node) : [];
  const options = { node, start, isLate: values.late, execArgv };
  for (const program of programs) {
    for (let round = 0; round < Number(values.rounds); round++) {
      const judged = await judgeProgram(program, directory, options);
      rows.push(...judged.kinds);
      for (const [text, count] of judged.wrong) wrong.set(text, (wrong.get(text) ?? 0) + count);
    }
  }
  return { rows: merged(rows), wrong };
}

function report({ rows, wrong }) {
  const all = total(rows);
  console.log(table([COLUMNS, ...rows.map(rowOf), rowOf(all)]));
  console.log(`  named inside of the function that V8 may have named rightly: ${all.worse}`);
  const most = [...wrong].sort(([, left], [, right]) => right - left);
  for (const [text, count] of most.slice(0, Number(values.wrong)))
    console.log(`  ${count} x ${text}`);
  return isGood(all);
}

function isGood({ samples, name, exact, exactName, exactLine }) {
  if (values.v8) return !values['no-opt'] || name / samples >= 0.998;
  const part = {
    exact: exact / samples,
    exactName: exactName / exact,
    exactLine: exactLine / exact,
  };
  // What was compiled before is not known to the profiler, but for what it has to be right.
  if (values.late) part.exact = 1;
  return Object.entries(GOALS).every(([key, goal]) => part[key] >= goal);
}

try {
  for (const node of nodes) {
    const version = execFileSync(node, ['--version'], { encoding: 'utf8' }).trim();
    console.log(`\nNode.js ${version}, ${loadavg()[0].toFixed(1)} other jobs`);
    if (!report(await observe(node))) process.exitCode = 1;
  }
  console.log(`\n${machine()}`);
} finally {
  rmSync(directory, { recursive: true, force: true });
}
