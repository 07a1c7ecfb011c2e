// Runs specs with the Node that runs this script, those of __test__ unless files or directories are
// named: one more at once than there are cores, as they wait much. `node --test` takes one fewer, on
// two cores one, and older Nodes cannot be told another number.
import { readdirSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import { run } from 'node:test';
import { spec, tap } from 'node:test/reporters';
import { root } from './run.mjs';

/** The longest spec takes a tenth of it: one that hangs is to fail, not to stand still. */
const MOST_MS = 600_000;

const named = process.argv.slice(2);
const files = (named.length > 0 ? named : ['__test__']).flatMap(specsOf);

if (files.length === 0) {
  fail(`no spec in ${named.join(', ')}`);
  process.exit();
}
const events = run({ files, concurrency: availableParallelism() + 1, timeout: MOST_MS });
events.on('test:fail', () => {
  process.exitCode = 1;
});
events.on('test:pass', ({ name, file }) => {
  // So Node tells of a file without a test, whose name it gives to one of its own.
  if (name === file) fail(`no test in ${file}`);
});
events.compose(process.stdout.isTTY ? new spec() : tap).pipe(process.stdout);

/** The path of a spec, or those of a directory's. */
function specsOf(path) {
  if (path.endsWith('.spec.mjs')) return [join(root, path)];
  const names = readdirSync(join(root, path)).filter((name) => name.endsWith('.spec.mjs'));
  return names.sort().map((name) => join(root, path, name));
}

function fail(message) {
  console.error(`error: ${message}`);
  process.exitCode = 1;
}
