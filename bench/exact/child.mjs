// A process whose processor time is measured: `child.mjs WORK [amount] [depth]`, in one of the ways of works.mjs.
import { performance } from 'node:perf_hooks';
import { works } from './works.mjs';

const [name, ...numbers] = process.argv.slice(2);
const work = works[name](...numbers.map(Number));

function cpuMs(since) {
  const { user, system } = process.cpuUsage(since);
  return (user + system) / 1000;
}

// V8 compiles what it does in the first run.
await work.warmUp();
const [before, start] = [process.cpuUsage(), performance.now()];
const done = await work.run();
const told = { cpuMs: cpuMs(before), ms: performance.now() - start, ...done };
process.send({ ...told, start: globalThis.benchStart, capture: globalThis.benchCapture() });
process.disconnect();
