// The verdicts on recorded programs of which the truth is known: each set is the files of one session, as
// JSON in one brotli stream. The shop is an express server under load, without forceGC; the others are
// programs of bench/leaks on which the method was wrong once.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { test } from 'node:test';
import { brotliDecompressSync } from 'node:zlib';
import { fixture, root } from './helpers.mjs';

const { Snapshot } = createRequire(import.meta.url)(root);

/** The functions that may be named: that allocates what stays, or one that V8 had compiled it into. */
const LEAKING = {
  'shop-cache': ['lookup', 'renderProduct', '(anonymous) app.js'],
  'shop-listener': ['onUpdate'],
  'inlined-leak': ['makeMessage', 'keepMessage', 'tickMessage'],
  'growing-array': ['keepProduct'],
};

/** From so many snapshots on a bounded one has been full for a third of the time that it took. */
const SOUND = {
  'shop-lru5500': 6,
  'shop-lru8000': 9,
  'shop-ttl': 6,
  'shop-queue': 4,
  'shop-window': 3,
  'warm-up': 16,
  'lazy-modules': 6,
  'inlined-ring': 7,
  'ttl-turns-over': 2,
};

async function snapshotsOf(name) {
  const text = brotliDecompressSync(readFileSync(fixture(join('recorded', `${name}.json.br`))));
  const profiles = JSON.parse(text);
  return Promise.all(
    profiles.map((profile) => Snapshot.parse(Buffer.from(JSON.stringify(profile)))),
  );
}

function nameOf({ functionName, url }) {
  return functionName === '' ? `(anonymous) ${url.split('/').at(-1)}` : functionName;
}

for (const [name, functions] of Object.entries(LEAKING)) {
  test(`${name} leaks, and is hardly lost again`, async () => {
    const snapshots = await snapshotsOf(name);
    const verdicts = [];
    for (let count = 2; count <= snapshots.length; count++) {
      const { verdict, leaks, sites } = await Snapshot.leaks(snapshots.slice(0, count));
      verdicts.push(verdict);
      if (verdict !== 'leaking') continue;
      const named = nameOf(sites[leaks[0].sites[0]]);
      assert.ok(functions.includes(named), `${count} snapshots: ${named}`);
    }
    const found = verdicts.indexOf('leaking');
    const kept = verdicts.slice(found).filter((verdict) => verdict === 'leaking').length;
    assert.ok(found >= 0 && kept >= 0.8 * (verdicts.length - found), verdicts.join(' '));
    assert.equal(verdicts.at(-1), 'leaking');
  });
}

for (const [name, full] of Object.entries(SOUND)) {
  test(`${name} does not leak`, async () => {
    const snapshots = await snapshotsOf(name);
    const alarms = [];
    for (let count = full; count <= snapshots.length; count++) {
      const { verdict, leaks } = await Snapshot.leaks(snapshots.slice(0, count));
      if (verdict === 'leaking') alarms.push(`${count}: ${nameOf(leaks[0].through)}`);
    }
    assert.deepEqual(alarms, []);
  });
}

test('shop-buffers grows outside the heap, and the answer says where', async () => {
  const { process, verdict, leaks, sites } = await Snapshot.leaks(
    await snapshotsOf('shop-buffers'),
  );
  assert.equal(process.elsewhere, 'array-buffers');
  const [mib, { before, after }] = [2 ** 20, process];
  assert.ok(before.arrayBuffers < 20 * mib && after.arrayBuffers > 500 * mib);
  // What holds them on the heap is the route's handler, not Node's HTTP parser.
  assert.equal(verdict, 'leaking');
  assert.equal(nameOf(sites[leaks[0].sites[0]]), '(anonymous) app.js');
});
