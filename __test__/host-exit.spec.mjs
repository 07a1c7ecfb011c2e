// A process that ends while it is sampled ends as it would without us.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { fixture, runChild } from './helpers.mjs';

const program = fixture('host', 'exit.js');
const RUNS = 20;

/** The expected ends: [code, signal]. */
const ENDS = { normal: [0, null], exit: [3, null], throw: [1, null] };

for (const where of ['main', 'worker', 'main beside workers']) {
  for (const how of Object.keys(ENDS)) {
    // With workers that never end, neither does the program.
    if (how === 'normal' && where === 'main beside workers') continue;
    test(`${how} in thread: ${where}, ${RUNS} times`, async () => {
      const without = await runChild(program, [how, where, 'not']);
      assert.deepEqual([without.code, without.signal], ENDS[how], without.stderr);
      for (let run = 0; run < RUNS; run += 2) {
        const twice = [1, 2].map(() => runChild(program, [how, where, 'sampled']));
        for (const { code, signal, stderr } of await Promise.all(twice)) {
          assert.deepEqual([code, signal], [without.code, without.signal], stderr);
        }
      }
    });
  }
}
