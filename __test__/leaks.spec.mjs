// Leaks in real programs are named and sound programs raise no alarm: a part of the corpus, the whole
// of which is bench/leaks.mjs.
import assert from 'node:assert/strict';
import { readdirSync } from 'node:fs';
import { describe, it } from 'node:test';
import { fixture } from './helpers.mjs';
import { LEAKING, observe, outcome, SOUND } from './leaks-corpus.mjs';

// A verdict is right in 95 of 100 runs or more: three in a row are wrong in one of 8000 at most.
const TRIES = 3;

async function judge(program, expected) {
  const outcomes = [];
  while (outcomes.length < TRIES && !outcomes.includes(expected)) {
    outcomes.push(outcome(program, await observe(program)));
  }
  assert.equal(outcomes.at(-1), expected, `${program}: ${outcomes}`);
}

describe('Snapshot.leaks() on real programs', { concurrency: 2 }, () => {
  for (const program of ['map-cache', 'listeners', 'worker-thread']) {
    it(`names the leak of ${program}`, () => judge(program, 'right'));
  }
  for (const program of ['lru-cache', 'sawtooth', 'heavy-garbage']) {
    it(`finds none in ${program}`, () => judge(program, 'quiet'));
  }
});

describe('the corpus', () => {
  it('is what is in fixtures/leaks', () => {
    const parts = ['session.js', 'traffic.js'];
    const files = readdirSync(fixture('leaks')).filter((name) => name.endsWith('.js'));
    const programs = files.filter((name) => !parts.includes(name)).map((name) => name.slice(0, -3));
    assert.deepEqual(programs, [...Object.keys(LEAKING), ...SOUND].sort());
  });
});
