// However the package is loaded - not at all, twice, in another realm - the program goes on.
import assert from 'node:assert/strict';
import { cpSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { test } from 'node:test';
import { fixture, root, runChild, temporaryDirectory } from './helpers.mjs';

const directory = temporaryDirectory();
const major = Number(process.versions.node.split('.')[0]);

async function runCase(name, packageRoot = root, execArgv = []) {
  const args = [name, packageRoot];
  const options = { cwd: directory, execArgv };
  const { code, stdout, stderr } = await runChild(fixture('host', 'load.js'), args, options);
  assert.deepEqual([code, stdout], [0, 'fine\n'], stderr);
}

test('a binary that cannot be loaded: only start() and captures throw', async () => {
  const copy = join(directory, 'broken');
  for (const part of ['index.js', 'package.json', 'lib']) {
    cpSync(join(root, part), join(copy, part), { recursive: true });
  }
  const { binaryPaths } = createRequire(import.meta.url)(join(copy, 'lib/native.js'));
  for (const path of binaryPaths()) writeFileSync(path, 'not a shared object');
  await runCase('a binary that cannot be loaded', copy);
});

const skip = major < 20 && 'Node.js 18 has no permission model';

test('addons are forbidden by the permission model', { skip }, async () => {
  const permission = major < 24 ? '--experimental-permission' : '--permission';
  const execArgv = [permission, '--allow-fs-read=*', '--no-warnings'];
  await runCase('a binary that cannot be loaded', root, execArgv);
});

test('loaded anew after the module cache was cleared', () =>
  runCase('loaded anew, the old one kept'));

test('loaded in vm contexts, as jest does', () => runCase('loaded in vm contexts, as jest does'));
