// What is captured and dropped goes away: V8's profile, our copy, the JavaScript around it.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { fixture, runChild } from './helpers.mjs';

/** Of the measurements from one share of the run to another. */
function median(values, from, to) {
  const part = values.slice(values.length * from, values.length * to).sort((a, b) => a - b);
  return part[part.length >> 1];
}

test('2,000 snapshots of a steady heap: RSS stays flat', async () => {
  const { code, stdout, stderr } = await runChild(fixture('host', 'memory.js'), [], {
    timeout: 300_000,
  });
  assert.equal(code, 0, stderr);
  const { nodeCount, rss } = JSON.parse(stdout);
  assert.ok(nodeCount > 4000 && nodeCount < 10_000, String(nodeCount));
  const growth = median(rss, 0.8, 1) - median(rss, 0.2, 0.4);
  // A snapshot is more than 500 kB; 1,200 lie between the medians. A leak of a twentieth of each
  // would be 30 MB.
  assert.ok(growth < 25e6, `${growth} bytes more, of ${rss.at(-1)}`);
});
