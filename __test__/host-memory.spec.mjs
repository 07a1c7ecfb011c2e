// What is captured and dropped goes away: V8's profile, our copy, the JavaScript around it.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { fixture, runChild } from './helpers.mjs';

/** Of the measurements from one share of the run to another. */
function median(values, from, to) {
  const part = values.slice(values.length * from, values.length * to).sort((a, b) => a - b);
  return part[part.length >> 1];
}

/** The RSS after each 10th of the snapshots that were taken in this way. */
async function measure(way, snapshots) {
  const args = [way, String(snapshots)];
  const options = { execArgv: ['--expose-gc'], timeout: 300_000 };
  const { code, stdout, stderr } = await runChild(fixture('host', 'memory.js'), args, options);
  assert.equal(code, 0, stderr);
  const { nodeCount, rss } = JSON.parse(stdout);
  assert.ok(nodeCount > 4000 && nodeCount < 10_000, String(nodeCount));
  assert.equal(rss.length, snapshots / 10);
  return rss;
}

test('2,000 snapshots of a steady heap: RSS stays flat', async () => {
  const rss = await measure('collected', 2000);
  const growth = median(rss, 0.8, 1) - median(rss, 0.2, 0.4);
  // A snapshot is more than 500 kB; 1,200 lie between the medians. A leak of a twentieth of each
  // would be 30 MB.
  assert.ok(growth < 12e6, `${growth} bytes more, of ${rss.at(-1)}`);
});

test('600 snapshots in bursts of 10 are collected before they add up', async () => {
  const rss = await measure('bursts', 600);
  const growth = Math.max(...rss) - rss[0];
  // V8 is told what they hold outside its heap, and collects some 100 at a time. It would leave the
  // small objects that stand for them alone for long: all of them are more than 300 MB.
  assert.ok(growth < 180e6, `${growth} bytes more, of ${rss.at(-1)}`);
});

test('2,000 snapshots that are held but disposed: RSS stays flat', {
  skip: Symbol.dispose === undefined && 'Node.js before 18.18 has no Symbol.dispose',
}, async () => {
  const rss = await measure('disposed', 2000);
  const growth = median(rss, 0.8, 1) - median(rss, 0.2, 0.4);
  // As above: 1,200 of more than 500 kB lie between the medians.
  assert.ok(growth < 12e6, `${growth} bytes more, of ${rss.at(-1)}`);
});
