// What exact stacks cost beside V8's and beside none: `node exact.mjs [cost] [json] [compiler] [server] [start]
// [memory]`, all but memory unless some are named; `--node 20 --node 26` (those of `npm run test:matrix`, else 20, 24
// and 26), `--rounds 5`, `--minutes 10`, `--without-exact`. About a quarter of an hour a Node. No goal and no exit code:
// what one sees of a few per cent depends on what else the machine does.
import { execFileSync } from 'node:child_process';
import { loadavg } from 'node:os';
import { parseArgs } from 'node:util';
import { installNodes } from '../scripts/nodes.mjs';
import { cost } from './exact/cost.mjs';
import { memory, startUp, workloads } from './exact/workloads.mjs';
import { machine } from './lib.mjs';

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    node: { type: 'string', multiple: true, default: ['20', '24', '26'] },
    rounds: { type: 'string', default: '5' },
    minutes: { type: 'string', default: '10' },
    'without-exact': { type: 'boolean', default: false },
  },
});
const asked =
  positionals.length > 0 ? positionals : ['cost', 'json', 'compiler', 'server', 'start'];
const options = {
  rounds: Number(values.rounds),
  minutes: Number(values.minutes),
  kinds: values['without-exact'] ? ['none', 'v8'] : ['none', 'v8', 'exact'],
  which: asked,
};

console.log(machine());
for (const node of installNodes(values.node.map(Number))) {
  const version = execFileSync(node, ['--version'], { encoding: 'utf8' }).trim();
  console.log(`\nNode.js ${version}, load ${loadavg()[0].toFixed(1)}`);
  if (asked.includes('cost')) await cost(node, options);
  await workloads(node, options);
  if (asked.includes('start')) await startUp(node, options);
  if (asked.includes('memory')) await memory(node, options);
  console.log(`load ${loadavg()[0].toFixed(1)} at the end`);
}
