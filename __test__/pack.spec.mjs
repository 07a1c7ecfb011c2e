// What `npm pack` makes works in an empty project, without install scripts; the command line too.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { after, test } from 'node:test';
import { fileURLToPath } from 'node:url';

const root = join(dirname(fileURLToPath(import.meta.url)), '..');
const directory = mkdtempSync(join(tmpdir(), 'heap-profile-'));

after(() => rmSync(directory, { recursive: true, force: true }));

function npm(args, cwd) {
  const options = { cwd, encoding: 'utf8', stdio: ['ignore', 'pipe', 'inherit'] };
  return execFileSync('npm', [...args, '--loglevel=error'], options);
}

function node(args) {
  return execFileSync(process.execPath, args, { cwd: directory, encoding: 'utf8' });
}

test('a packed package, installed into an empty project, works', () => {
  // Built already: packing for real builds first, which the test of the build does.
  const packed = npm(['pack', '--ignore-scripts', '--pack-destination', directory], root);
  const tarball = join(directory, packed.trim().split('\n').pop());
  writeFileSync(join(directory, 'package.json'), '{ "private": true }');
  npm(['install', '--prefer-offline', '--no-package-lock', tarball], directory);

  const manifest = JSON.parse(
    readFileSync(join(directory, 'node_modules/heap-profile/package.json'), 'utf8'),
  );
  assert.deepEqual(Object.keys(manifest.dependencies), ['picocolors', 'simple-wcswidth', 'ws']);
  // Those of the dependencies, too: every server that installs us gets them.
  const installed = readdirSync(join(directory, 'node_modules')).filter((name) => name[0] !== '.');
  assert.deepEqual(installed.sort(), ['heap-profile', 'picocolors', 'simple-wcswidth', 'ws']);
  for (const { types } of Object.values(manifest.exports)) {
    if (types !== undefined) readFileSync(join(directory, 'node_modules/heap-profile', types));
  }
  assert.deepEqual(
    ['preinstall', 'install', 'postinstall'].filter((name) => name in manifest.scripts),
    [],
  );

  writeFileSync(
    join(directory, 'app.mjs'),
    `import heapProfile, { start, write } from 'heap-profile';
    start();
    console.log(heapProfile.isSupported, await write('app.heapprofile'));`,
  );
  assert.equal(node(['app.mjs']), 'true app.heapprofile\n');
  const { head } = JSON.parse(readFileSync(join(directory, 'app.heapprofile'), 'utf8'));
  assert.equal(head.callFrame.functionName, '(root)');

  const status = "console.log(require('heap-profile').status().active)";
  assert.equal(node(['--require', 'heap-profile/register', '-e', status]), 'true\n');
  assert.equal(node(['--import', 'heap-profile/register', '-e', status]), 'true\n');

  const cli = join(directory, 'node_modules/.bin/heap-profile');
  assert.equal(execFileSync(cli, ['--version'], { encoding: 'utf8' }), `${manifest.version}\n`);
  assert.match(node([cli, 'convert', 'app.heapprofile', '-o', '-']), /^{"head":/);
  // Its page is made by the build, and not in the repository.
  assert.match(node([cli, 'flamegraph', 'app.heapprofile', '-o', '-']), /^<!doctype html>/i);

  const sampled = `const sh = require('heap-profile/sample-heap-allocations');
    sh.startSampling();
    console.log(sh.collectAllocations({}).name);`;
  assert.equal(node(['-e', sampled]), '(root)\n');
});
