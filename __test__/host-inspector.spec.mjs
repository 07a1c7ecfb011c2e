// V8's one sampler is shared with the inspector and Node itself: we neither take it away nor lose
// it silently. Each case of the fixture runs in a process of its own.
import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import v8 from 'node:v8';
import { fixture, runChild, temporaryDirectory } from './helpers.mjs';

const program = fixture('host', 'inspector.js');
const cwd = temporaryDirectory();
const names = JSON.parse((await runChild(program)).stdout);
const major = Number(process.versions.node.split('.')[0]);
const missing = 'this Node has no v8.startHeapProfile';

/** Why a case cannot run here, else false. */
function reasonToSkip(name) {
  return name.startsWith('v8.') && v8.startHeapProfile === undefined && missing;
}

/** The flags that a case needs. */
function flagsFor(name) {
  return name.startsWith('node --heap-prof') ? ['--heap-prof', '--heap-prof-dir', cwd] : [];
}

assert.ok(names.length >= 10);
for (const name of names) {
  test(name, { skip: reasonToSkip(name) }, async () => {
    const options = { cwd, execArgv: flagsFor(name) };
    const { code, stdout, stderr } = await runChild(program, [name], options);
    assert.deepEqual([code, stdout], [0, 'fine\n'], stderr);
  });
}

test('what is skipped above is not there', () => {
  assert.equal(v8.startHeapProfile !== undefined, major >= 26);
});

test('node --heap-prof wrote its profile nevertheless', () => {
  const files = readdirSync(cwd).filter((name) => name.endsWith('.heapprofile'));
  assert.equal(files.length, 1);
  assert.ok(readFileSync(join(cwd, files[0]), 'utf8').includes('"theirFunction'));
});
