// The real speedscope opens our files and shows what leaks.
import assert from 'node:assert/strict';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { fixture, root, runChild, temporaryDirectory } from '../helpers.mjs';
import { findChromium } from './browser.mjs';
import { openInSpeedscope } from './speedscope.mjs';

const { Snapshot } = createRequire(import.meta.url)(root);
const leak = join(dirname(fileURLToPath(import.meta.url)), 'fixtures', 'leak.js');

test('speedscope shows the leaking function with its estimate', async () => {
  findChromium();
  const directory = temporaryDirectory();
  const { code, stdout, stderr } = await runChild(leak, [root, 'live', directory]);
  assert.equal(code, 0, stderr);
  const totalBytes = JSON.parse(stdout).live.bytes.estimate;

  for (const name of ['after.heapprofile', 'after.pb.gz']) {
    const rows = await openInSpeedscope(join(directory, name));
    assert.equal(rows[0].name, 'leakOrders', name);
    const [, megabytes, percent] = /^([\d.]+) MB \(([\d.]+)%\)$/.exec(rows[0].self);
    const bytes = Number(megabytes) * 2 ** 20;
    // 21,000 arrays of 848 bytes are 18 MB.
    assert.ok(bytes > 14e6 && bytes < 22e6, rows[0].self);
    assert.ok(Math.abs(bytes / totalBytes - Number(percent) / 100) < 0.01, rows[0].self);
  }
});

test('speedscope has one row for a function with lines, called from two', async () => {
  findChromium();
  for (const format of ['heapprofile', 'pprof']) {
    const file = join(temporaryDirectory(), format === 'pprof' ? 'a.pb.gz' : 'a.heapprofile');
    const snapshot = await Snapshot.read(fixture('lines', 'cache.heapprofile'));
    const names = (await openInSpeedscope(await snapshot.write(file))).map(({ name }) => name);
    assert.equal(names.filter((name) => name === 'remember').length, 1, format);
  }
});
