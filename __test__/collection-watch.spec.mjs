// The addon tells soon after a full garbage collection, once for several, and keeps nobody from ending.
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { test } from 'node:test';
import { root, runChild } from './helpers.mjs';

/** What a program prints. */
async function run(program) {
  const head = `
    const { CollectionWatch } = require(${JSON.stringify(join(root, 'lib', 'native.js'))}).load();
    const { Worker, isMainThread } = require('node:worker_threads');
    const { setTimeout: sleep } = require('node:timers/promises');
    let calls = 0;
    const watch = new CollectionWatch(() => calls++);
    const until = async (isTrue) => {
      for (let tries = 0; tries < 1000 && !isTrue(); tries++) await sleep(10);
    };`;
  const args = [`${head}\n(async () => {${program}})();`];
  const { code, stdout, stderr } = await runChild('-e', args, { execArgv: ['--expose-gc'] });
  assert.equal(code, 0, stderr);
  return stdout.trim();
}

test('full collections that are close together are told once, and not while they run', async () => {
  const told = await run(`
    for (let i = 0; i < 5; i++) gc();
    const atOnce = calls;
    await until(() => calls > 0);
    await sleep(50);
    const together = calls;
    gc();
    await until(() => calls > together);
    console.log(atOnce, together, calls);`);
  assert.equal(told, '0 1 2');
});

test('a scavenge is not told', async () => {
  const told = await run(`
    gc({ type: 'minor' });
    await sleep(100);
    console.log(calls);`);
  assert.equal(told, '0');
});

test('what was stopped, twice, tells no more, and others go on', async () => {
  const told = await run(`
    let others = 0;
    const other = new CollectionWatch(() => others++);
    watch.stop();
    watch.stop();
    gc();
    await until(() => others > 0);
    console.log(calls, others);`);
  assert.equal(told, '0 1');
});

test('a watch keeps no process alive', async () => {
  // Ends by itself, or runChild() says that it hangs.
  assert.equal(await run("gc(); console.log('ends');"), 'ends');
});

test('threads are told of their own, and end while they are told', async () => {
  const told = await run(`
    const work = \`
      const { CollectionWatch } = require(${JSON.stringify(join(root, 'lib', 'native.js'))}).load();
      let told = 0;
      globalThis.watch = new CollectionWatch(() => told++);
      gc();
      const wait = setInterval(() => {
        if (told === 0) return;
        gc();
        if (process.argv[2] === 'exit') process.exit();
        clearInterval(wait);
      }, 1);\`;
    const workers = Array.from({ length: 40 }, (_, index) => {
      const how = ['exit', 'end', 'terminate'][index % 3];
      const worker = new Worker(work, { eval: true, argv: [how] });
      if (how === 'terminate') setTimeout(() => worker.terminate(), 5 * index);
      return new Promise((resolve) => worker.on('exit', resolve));
    });
    await Promise.all(workers);
    console.log(calls);`);
  // 40 workers may have the main thread collect, too; it must not be told of theirs.
  assert.ok(Number(told) < 20, told);
});

test('a watch that nobody holds goes away', async () => {
  const told = await run(`
    for (let i = 0; i < 100; i++) new CollectionWatch(() => {});
    for (let i = 0; i < 10; i++) {
      gc();
      await sleep(5);
    }
    console.log('fine');`);
  assert.equal(told, 'fine');
});
