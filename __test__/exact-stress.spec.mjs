// Processes under stress that are sampled with exact stacks end as they should: a short form of `npm run stress`,
// which says what the cases are.
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { CASES, runCase } from './exact-stress.mjs';
import { hasExactStacks } from './helpers.mjs';

describe('a process under stress', { concurrency: 3 }, () => {
  for (const one of CASES) {
    it(`survives exact stacks: ${one.name}`, async () => {
      const { isGood, ended, told, stderr } = await runCase(one, { exactStacks: true });
      assert.ok(isGood, `ended with ${ended}\n${stderr}`);
      // Where they are not to be had it says so, and goes on with V8's. Beside a CPU profile it depends on which
      // was first.
      if (one.exact === 'sometimes') return;
      const isExact = hasExactStacks && one.exact !== 'never';
      assert.equal(told.exactStacks.enabled, isExact, told.exactStacks.reason);
    });
  }
});
