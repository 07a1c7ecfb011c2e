// Runs in the program: gives it its traffic step by step, captures, and tells the truth about it.
//
// What happens depends on the number of the step alone. A step takes `stepMs`, or longer where the
// machine is slower.
'use strict';

const { writeFileSync } = require('node:fs');
const { join } = require('node:path');
const heapProfile = require('../../index.js');

module.exports = async function drive(observation, held, garbage) {
  const [directory] = process.argv.slice(2);
  const { sampleIntervalBytes, forceGC, warmUpSteps } = observation;
  const parts = [...held, ...garbage].map((part) => ({ ...part, credit: 0 }));
  // Not even named where it is not wanted.
  const exactStacks = process.env.BENCH_EXACT_STACKS ? { exactStacks: true } : {};
  heapProfile.start({ sampleIntervalBytes, forceGC, ...exactStacks });
  for (let step = 0; step < warmUpSteps; step++) await take(parts, step);
  const truth = await observe(directory, observation, parts, held);
  heapProfile.stop();
  truth.bytesPerEntry = await measure(held[0]);
  writeFileSync(join(directory, 'truth.json'), JSON.stringify(truth));
  process.exit();
};

/** Captures as often as is asked for; resolves to what the parts held then. */
async function observe(directory, observation, parts, held) {
  const { snapshots, stepMs, stepsPerSnapshot, collectEverySteps, warmUpSteps } = observation;
  // Outside V8's heap, so that the truth is no leak itself; nor are files that have been written.
  const writing = new Set();
  const times = new Float64Array(snapshots);
  const counts = held.map(() => ({
    added: new Float64Array(snapshots),
    dropped: new Float64Array(snapshots),
  }));
  const start = performance.now();
  for (let snapshot = 0, step = 0; ; step++) {
    if (step % stepsPerSnapshot === 0) {
      const name = `${String(snapshot).padStart(3, '0')}.heapprofile`;
      times[snapshot] = performance.now();
      for (const [index, part] of held.entries()) {
        counts[index].added[snapshot] = part.added();
        counts[index].dropped[snapshot] = part.dropped();
      }
      const done = heapProfile.write(join(directory, name)).then(() => writing.delete(done));
      writing.add(done);
      if (++snapshot === snapshots) break;
    }
    if (step % collectEverySteps === collectEverySteps >> 1) gc();
    await take(parts, warmUpSteps + step);
    await until(start + (step + 1) * stepMs);
  }
  await Promise.all(writing);
  const plain = ({ added, dropped }) => ({ added: [...added], dropped: [...dropped] });
  return { timesMs: [...times], parts: counts.map(plain) };
}

/** One step: each part in a task of its own, as if its requests had come by themselves. */
async function take(parts, step) {
  for (const part of parts) {
    part.credit += part.perStep * load(part.traffic, step);
    const count = Math.floor(part.credit);
    part.credit -= count;
    setImmediate(part.tick, count, step);
  }
  await new Promise(setImmediate);
}

/** How much more traffic there is than on average. */
function load({ shape, period }, step) {
  if (shape === 'bursts') return step % period < period / 4 ? 3.4 : 0.2;
  if (shape === 'wave') return 1 + 0.9 * Math.sin((2 * Math.PI * step) / period);
  return 1;
}

async function until(time) {
  const early = time - performance.now();
  if (early > 0) await new Promise((resolve) => setTimeout(resolve, early));
}

/**
 * What an entry really costs, with what holds it: by going on after the observation. Null for parts
 * that let go.
 */
async function measure({ tick, added, operationsToMeasure }) {
  if (operationsToMeasure === undefined) return null;
  const [usedBefore, addedBefore] = [await heapUsed(), added()];
  for (let done = 0; done < operationsToMeasure; done += 100) {
    setImmediate(tick, 100, 0);
    await new Promise(setImmediate);
  }
  return ((await heapUsed()) - usedBefore) / (added() - addedBefore);
}

async function heapUsed() {
  // What the first collection finds to be finished with, the second frees.
  for (let i = 0; i < 2; i++) {
    await new Promise((resolve) => setTimeout(resolve, 50));
    gc();
  }
  return process.memoryUsage().heapUsed;
}
