// A process that ends while it is sampled ends as it would without us.
import assert from 'node:assert/strict';
import { readdirSync } from 'node:fs';
import { test } from 'node:test';
import { fixture, root, runChild, temporaryDirectory } from './helpers.mjs';

const program = fixture('host', 'exit.js');
const RUNS = 20;

/** The expected ends: [code, signal]. */
const ENDS = { normal: [0, null], exit: [3, null], throw: [1, null] };

for (const where of ['main', 'worker', 'main beside workers']) {
  for (const how of Object.keys(ENDS)) {
    // With workers that never end, neither does the program.
    if (how === 'normal' && where === 'main beside workers') continue;
    test(`${how} in thread: ${where}, ${RUNS} times`, async () => {
      const without = await runChild(program, [how, where, 'not']);
      assert.deepEqual([without.code, without.signal], ENDS[how], without.stderr);
      for (let run = 0; run < RUNS; run += 2) {
        const twice = [1, 2].map(() => runChild(program, [how, where, 'sampled']));
        for (const { code, signal, stderr } of await Promise.all(twice)) {
          assert.deepEqual([code, signal], [without.code, without.signal], stderr);
        }
      }
    });
  }
}

for (const order of ['before', 'after']) {
  test(`a signal that the program listens to ${order} us is delivered once`, {
    skip: process.platform === 'win32' && 'no such signals',
  }, async () => {
    const program = `
      const { monitor } = require(${JSON.stringify(root)});
      const watch = () => monitor({ dir: process.argv[1], intervalMs: Infinity, onExit: true });
      const listen = () => process.on('SIGTERM', () => {
        console.log('heard', process.listenerCount('SIGTERM'));
        // Whatever came twice is there by then.
        setTimeout(() => process.exit(5), 200);
      });
      if (${order === 'before'}) { listen(); watch(); } else { watch(); listen(); }
      setImmediate(() => process.kill(process.pid, 'SIGTERM'));
      setInterval(() => {}, 1000);`;
    const { code, stdout, stderr } = await runChild('-e', [program, temporaryDirectory()]);
    assert.deepEqual([code, stdout, stderr], [5, 'heard 1\n', '']);
  });
}

test('two monitors, and a signal that nobody listens to: both write, and it ends the process', {
  skip: process.platform === 'win32' && 'no such signals',
}, async () => {
  const program = `
    const { monitor } = require(${JSON.stringify(root)});
    for (const dir of process.argv.slice(1)) monitor({ dir, intervalMs: Infinity, onExit: true });
    process.kill(process.pid, 'SIGTERM');
    setInterval(() => {}, 1000);`;
  const directories = [temporaryDirectory(), temporaryDirectory()];
  const { signal, stderr } = await runChild('-e', [program, ...directories]);
  assert.deepEqual([signal, stderr], ['SIGTERM', '']);
  assert.deepEqual(
    directories.map((directory) => readdirSync(directory).length),
    [1, 1],
  );
});

test('a signal that asks for profiles ends nothing', {
  skip: process.platform === 'win32' && 'no such signals',
}, async () => {
  const program = `
    const { monitor } = require(${JSON.stringify(root)});
    const options = { dir: process.argv[1], intervalMs: Infinity, signal: 'SIGHUP', onExit: true };
    const watched = monitor(options);
    watched.on('profile', ({ reason }) => {
      console.log(reason, process.listenerCount('SIGHUP'));
      if (reason === 'signal') setImmediate(() => process.exit());
    });
    process.kill(process.pid, 'SIGHUP');
    setInterval(() => {}, 1000);`;
  const { code, stdout, stderr } = await runChild('-e', [program, temporaryDirectory()]);
  assert.deepEqual([code, stdout, stderr], [0, 'signal 1\nexit 1\n', '']);
});
