// Runs the tests of a directory, __test__ unless another is named, with the Node that runs this
// script. The files are named one by one, as Node 18 and 20 know no patterns.
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { mustRun, root } from './run.mjs';

const directory = process.argv[2] ?? '__test__';
const names = readdirSync(join(root, directory)).filter((name) => name.endsWith('.spec.mjs'));
const specs = names.sort().map((name) => join(directory, name));

mustRun(process.execPath, ['--test', ...specs]);
