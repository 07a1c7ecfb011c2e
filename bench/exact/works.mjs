// What the measured processes do. Each gives { warmUp, run }; `run` resolves to what it allocated where that is known.
import { createRequire } from 'node:module';

const require = createRequire(import.meta.url);
const turn = () => new Promise(setImmediate);

/** Objects of 72 bytes, with the array's slot for those that stay. */
const OBJECT_BYTES = 24 + 6 * 8;
const SLICE = 20_000;

const make = (i) => ({ a: i, b: i, c: i, d: i, e: i, f: i });

/** At the bottom of as many functions; recursion is what V8 inlines least. */
function descend(depth, does, from, to) {
  if (depth > 1) return 1 + descend(depth - 1, does, from, to);
  for (let i = from; i < to; i++) does(i);
  return 1;
}

function allocating(mebibytes, depth, keep) {
  const count = Math.ceil((mebibytes * 2 ** 20) / OBJECT_BYTES);
  const kept = new Array(keep ? count : 1).fill(null);
  const mask = keep ? -1 : 0;
  const does = (i) => {
    kept[i & mask] = make(i);
  };
  const run = async (objects) => {
    for (let from = 0; from < objects; from += SLICE) {
      descend(depth, does, from, Math.min(from + SLICE, objects));
      await turn();
    }
    return { bytes: objects * OBJECT_BYTES };
  };
  return { warmUp: () => run(count >> 3), run: () => run(count) };
}

function json(rounds) {
  const rows = Array.from({ length: 2000 }, (_, i) => ({
    id: i,
    name: `user${i}`,
    tags: ['a', 'b', 'c'],
    nested: { x: i, y: [i, i + 1] },
  }));
  const text = JSON.stringify(rows);
  const round = () => {
    const users = new Map();
    for (const user of JSON.parse(text)) {
      const keys = user.tags.map((tag) => tag + user.name);
      users.set(user.id, { ...user, keys, back: user.name.split('').reverse().join('') });
    }
    return JSON.stringify([...users.values()]).length;
  };
  const run = async (times) => {
    for (let i = 0; i < times; i++) {
      round();
      await turn();
    }
  };
  return { warmUp: () => run(rounds >> 2), run: () => run(rounds) };
}

/** TypeScript's own compiler, as long as it was JavaScript, checking its own declarations. */
function compiler(rounds) {
  const ts = require('typescript');
  if (!/^[45]\./.test(ts.version)) throw new Error('bench has no typescript of its own: npm ci');
  const declarations = require.resolve('typescript').replace(/typescript\.js$/, 'typescript.d.ts');
  const run = async (times) => {
    for (let i = 0; i < times; i++) {
      const options = { noEmit: true, strict: true, types: [] };
      ts.getPreEmitDiagnostics(ts.createProgram([declarations], options));
      await turn();
    }
  };
  return { warmUp: async () => {}, run: () => run(rounds) };
}

/** As much in each tenth of a second, code that is thrown away among it, however fast the machine is. */
function paced(seconds) {
  const rss = [];
  const documents = json(3);
  let made = 0;
  const tick = async () => {
    await documents.run();
    for (let i = 0; i < 20; i++) {
      made++;
      const text = `const q = { v: i }; function inner${made}(a) { return [a, q]; } return inner${made}(i);`;
      for (let j = 0; j < 10; j++) new Function('i', text)(j);
    }
  };
  const run = async () => {
    const [start, ticks] = [Date.now(), seconds * 10];
    for (let i = 0; i < ticks; i++) {
      await tick();
      if (i % Math.ceil(ticks / 12) === 0) rss.push(Math.round(process.memoryUsage().rss / 1e6));
      await new Promise((resolve) =>
        setTimeout(resolve, Math.max(0, start + 100 * (i + 1) - Date.now())),
      );
    }
    globalThis.gc?.();
    rss.push(Math.round(process.memoryUsage().rss / 1e6));
    return { rss };
  };
  return { warmUp: async () => {}, run };
}

export const works = {
  dies: (mebibytes, depth) => allocating(mebibytes, depth, false),
  stays: (mebibytes, depth) => allocating(mebibytes, depth, true),
  nothing: () => ({ warmUp: async () => {}, run: async () => {} }),
  json,
  compiler,
  paced,
};
