// V8's one sampler is shared with the inspector and Node itself: we neither take it away nor lose
// it silently. Each case of the fixture runs in a process of its own.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { fixture, runChild, temporaryDirectory } from './helpers.mjs';

const program = fixture('host', 'inspector.js');
const cwd = temporaryDirectory();
const names = JSON.parse((await runChild(program)).stdout);

assert.ok(names.length >= 8);
for (const name of names) {
  test(name, async () => {
    const { code, stdout, stderr } = await runChild(program, [name], { cwd });
    assert.deepEqual([code, stdout], [0, 'fine\n'], stderr);
  });
}
