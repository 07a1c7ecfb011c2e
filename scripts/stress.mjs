// Tries to crash processes that are sampled with exact stacks: `npm run stress [-- 20 26] [--seconds 30] [--seed 1]
// [--case churn] [--v8]`, about ten minutes for each Node.js. With `--v8` it is V8's sampler alone, which has to
// pass as well. Prints for each case how its process ended, and exits with 1 if that is not as it should be.
import { execFileSync } from 'node:child_process';
import { loadavg } from 'node:os';
import { parseArgs } from 'node:util';
import { CASES, runCase } from '../__test__/exact-stress.mjs';
import { installNodes, MAJORS } from './nodes.mjs';

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    seconds: { type: 'string', default: '30' },
    cycles: { type: 'string', default: '100' },
    seed: { type: 'string', default: '1' },
    case: { type: 'string', default: '' },
    v8: { type: 'boolean', default: false },
  },
});
const majors = positionals.length > 0 ? positionals.map(Number) : MAJORS;
const cases = CASES.filter(({ name }) => name.includes(values.case));
const options = {
  seed: Number(values.seed),
  amount: { seconds: Number(values.seconds), cycles: Number(values.cycles) },
  exactStacks: !values.v8,
};
let failures = cases.length === 0 ? 1 : 0;

for (const node of installNodes(majors)) {
  const version = execFileSync(node, ['--version'], { encoding: 'utf8' }).trim();
  console.log(
    `\nNode.js ${version}, ${values.v8 ? "V8's stacks" : 'exact stacks'}, seed ${values.seed}`,
  );
  for (const one of cases) await tell(one, node);
}
console.log(failures === 0 ? '\nall passed' : `\n${failures} failed`);
process.exitCode = failures === 0 ? 0 : 1;

async function tell(one, node) {
  const { isGood, ended, seconds, told, stderr } = await attempt(one, node);
  const exactStacks = told?.exactStacks;
  const what = exactStacks
    ? `exact: ${exactStacks.enabled ? 'yes' : exactStacks.reason}`
    : 'exact: no';
  const time = `${seconds.toFixed(0)} s, load ${loadavg()[0].toFixed(1)}`;
  console.log(
    `  ${isGood ? 'ok    ' : 'FAILED'} ${one.name}: ended with ${ended}; ${time}; ${what}`,
  );
  if (told !== null) console.log(`         ${JSON.stringify({ ...told, exactStacks: undefined })}`);
  if (isGood) return;
  failures++;
  console.log(stderr.replaceAll(/^/gm, '         '));
}

/** One that hangs is a failure like others. */
async function attempt(one, node) {
  try {
    return await runCase(one, { ...options, node });
  } catch (error) {
    return { isGood: false, ended: 'a time-out', seconds: NaN, told: null, stderr: error.message };
  }
}
