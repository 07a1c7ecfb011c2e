// Runs the JavaScript tests of the one built binary on every supported Node, each from npm.
// `npm run test:matrix -- 20 26` runs some of them.
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { installNodes, MAJORS } from './nodes.mjs';
import { root, run } from './run.mjs';

// What `npm test` runs once and the matrix does not: long, and about our numbers rather than about V8 or
// Node, whose part in them other specs see on all. A new spec is in the matrix unless it is named here.
const once = {
  'accuracy.spec.mjs': '400 sessions against the truth: the estimator is the same on all',
  'leaks.spec.mjs': 'verdicts on real programs: the judge is the same on all',
  'exact-accuracy.spec.mjs': 'shares of samples: bench/exact-accuracy.mjs has them of all',
  'leaks-generator.spec.mjs': 'the programs of bench/leaks, which the bench runs',
};
const names = readdirSync(join(root, '__test__')).filter((name) => name.endsWith('.spec.mjs'));
const specs = names.filter((name) => !(name in once)).map((name) => `__test__/${name}`);
for (const name of Object.keys(once)) {
  if (!names.includes(name)) throw new Error(`there is no ${name} in __test__`);
}

const asked = process.argv.slice(2).map(Number);
const majors = asked.length > 0 ? asked : MAJORS;

const nodes = installNodes(majors);
const failed = majors.filter((major, index) => {
  console.log(`\n=== Node.js ${major} ===`);
  const node = nodes[index];
  return !run(node, ['--version']) || !run(node, ['scripts/test.mjs', ...specs]);
});
if (failed.length > 0) {
  console.error(`error: failed on Node.js ${failed.join(', ')}`);
  process.exitCode = 1;
} else {
  console.log(`\npassed on Node.js ${majors.join(', ')}`);
}
