// A process that ends while it is sampled ends as it would without us.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { fixture, runChild } from './helpers.mjs';

const program = fixture('host', 'exit.js');
const RUNS = 20;

for (const where of ['main', 'worker']) {
  for (const how of ['normal', 'exit', 'throw']) {
    test(`${how} in the ${where} thread, ${RUNS} times`, async () => {
      const without = await runChild(program, [how, where, 'not']);
      for (let run = 0; run < RUNS; run += 2) {
        const twice = [1, 2].map(() => runChild(program, [how, where, 'sampled']));
        for (const { code, signal, stderr } of await Promise.all(twice)) {
          assert.deepEqual([code, signal], [without.code, without.signal], stderr);
        }
      }
    });
  }
}
