// Estimates of real sessions against what was allocated: how far off, and whether the 95 % interval
// holds it in 95 of 100 runs. Seeded, so that what fails once fails again; with any other seed too
// each assertion of chance fails in less than one run of a million.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import heapProfile from '../index.js';
import { COMBINATIONS, measureAccuracy, percent, RUNS } from './accuracy.mjs';

/** Enough for some 40 samples at the longest interval and 2,500 at the shortest. */
const BYTES = { 4096: 10e6, 65536: 8e6, 524288: 20e6 };
/** 1,000 arrays where they are not sampled one and all: so the mean error has 2 % to itself. */
const BYTES_OF_ARRAYS = { 4096: 30e6, 65536: 30e6, 524288: 600e6 };

const held = [];

for (const combination of COMBINATIONS) {
  const { kind, interval } = combination;
  const isArrays = kind === 'large arrays';
  const bytes = (isArrays ? BYTES_OF_ARRAYS : BYTES)[interval];
  // Up to 64 KiB every array is sampled, and chance is left to the 32 bytes that head each of them.
  const isChance = !isArrays || interval === 524_288;

  test(`${kind} at ${interval} bytes`, async (t) => {
    const result = await measureAccuracy(combination, bytes);
    t.diagnostic(describe(result));
    assert.ok(Math.abs(result.heapError) < 0.01, `truth is off: ${percent(result.heapError)}`);
    // 2 % is more than 5 standard errors for all kinds at 4 KiB, and for arrays.
    const tolerance = Math.max(0.02, 5 * result.standardError);
    assert.ok(Math.abs(result.error) < tolerance, `the mean is off: ${percent(result.error)}`);
    if (isArrays && interval === 524_288) {
      assert.ok(tolerance === 0.02, `too few arrays: ${percent(result.standardError)}`);
      assert.ok(result.v8Error < -0.1, `V8 is not off: ${percent(result.v8Error)}`);
    }
    if (!isChance) return;
    // Of 30 runs less than 20 hold the truth with a probability of 1.1e-7 where 95 of 100 do.
    assert.ok(result.held >= 20, `${result.held} of ${RUNS} intervals hold the truth`);
    held.push(result.held);
  });
}

test('of all runs together 95 of 100 intervals hold the truth', (t) => {
  const all = held.reduce((sum, count) => sum + count, 0);
  const runs = held.length * RUNS;
  t.diagnostic(`${all} of ${runs}`);
  // Of 390 runs less than 347 do with a probability of 5.7e-7.
  assert.equal(runs, 390);
  assert.ok(all >= 347, `${all} of ${runs} intervals hold the truth`);
});

/** A capture with objects of many sizes, some of them larger than the interval. */
function capture() {
  heapProfile.start({ sampleIntervalBytes: 4096 });
  const retained = Array.from({ length: 2000 }, (_, i) => new Array((i * i) % 1777).fill(i));
  const snapshot = heapProfile.snapshot();
  heapProfile.stop();
  assert.equal(retained.length, 2000);
  return snapshot;
}

/** All numbers of an estimate, which must be as good as equal: sums depend on the order. */
function assertSameEstimate(actual, expected) {
  assert.equal(actual.sampleCount, expected.sampleCount);
  for (const total of ['bytes', 'objects']) {
    for (const [name, value] of Object.entries(expected[total])) {
      const ratio = actual[total][name] / value;
      assert.ok(Math.abs(ratio - 1) < 1e-9, `${total}.${name}: ${actual[total][name]}, ${value}`);
    }
  }
}

for (const format of ['heapprofile', 'pprof']) {
  test(`estimates survive a ${format} file`, async () => {
    const snapshot = capture();
    const read = await heapProfile.Snapshot.parse(await snapshot.encode(format));
    assert.ok(snapshot.estimate().sampleCount > 500);
    assertSameEstimate(read.estimate(), snapshot.estimate());
  });
}

test('a file without the interval and the object sizes keeps its numbers, without an estimate', async () => {
  const { head, samples } = capture().toJSON();
  for (const sample of samples) sample.size = Math.round(sample.size);
  const bytes = Buffer.from(JSON.stringify({ head, samples }));
  const read = await heapProfile.Snapshot.parse(bytes);
  assert.equal(read.estimate(), null);
  assert.equal(read.sampleIntervalBytes, null);
  assert.deepEqual(read.toJSON().samples, samples);
});

function describe({ held, sampleCount, error, standardError, v8Error }) {
  const samples = `${sampleCount.toFixed(0)} samples`;
  const ours = `mean ${percent(error)} (standard error ${percent(standardError)})`;
  return `${held} of ${RUNS}, ${samples}, ${ours}, V8 ${percent(v8Error)}`;
}
