// Runs the JavaScript tests, __test__/*.spec.mjs, with the Node that runs this script.
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { mustRun, root } from './run.mjs';

const names = readdirSync(join(root, '__test__')).filter((name) => name.endsWith('.spec.mjs'));
const specs = names.sort().map((name) => join('__test__', name));

mustRun(process.execPath, ['--test', ...specs]);
