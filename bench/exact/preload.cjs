// Starts a session before everything else, as the benchmark's children are told by their environment.
'use strict';

const heapProfile = require('../..');

const { BENCH_STACKS: stacks, BENCH_INTERVAL: interval } = process.env;

/** Processor time in ms, of all threads, and of the clock. */
function measured(does) {
  const [cpu, clock] = [process.cpuUsage(), process.hrtime.bigint()];
  does();
  const { user, system } = process.cpuUsage(cpu);
  return { cpuMs: (user + system) / 1000, ms: Number(process.hrtime.bigint() - clock) / 1e6 };
}

if (stacks !== 'none') {
  const exact = stacks === 'exact' ? { exactStacks: true } : {};
  const options = { sampleIntervalBytes: Number(interval), ...exact };
  const start = measured(() => heapProfile.start(options));
  const { exactStacks } = heapProfile.status();
  // Otherwise it would be V8's cost.
  if (stacks === 'exact' && !exactStacks?.enabled) {
    throw new Error(`no exact stacks: ${exactStacks?.reason}`);
  }
  globalThis.benchStart = start;
}

/** The pause of a capture, and how many samples there were until then: of the living the last one's number. */
globalThis.benchCapture = () => {
  if (stacks === 'none') return { ms: 0, cpuMs: 0, samples: 0 };
  let snapshot;
  const pause = measured(() => {
    snapshot = heapProfile.snapshot();
  });
  return { ...pause, samples: snapshot.toJSON().samples.at(-1)?.ordinal ?? 0 };
};
