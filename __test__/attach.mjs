// What the specs of `heap-profile attach` share: processes to attach to.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { cli, fixture } from './helpers.mjs';

/** A program of fixtures/cli that prints JSON or text, line by line; it ends with the test. */
export function startProgram(t, execArgv, args) {
  const child = spawn(process.execPath, [...execArgv, ...args], {
    stdio: ['pipe', 'pipe', 'ignore'],
  });
  const ended = once(child, 'close');
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  t.after(async () => {
    child.kill('SIGKILL');
    await ended;
  });
  return { child, ended, pid: String(child.pid), line: async () => (await lines.next()).value };
}

/** A process of fixtures/cli/target.js, which ends with the test. */
export async function startTarget(t, execArgv = ['--inspect-port=0']) {
  const { child, ended, pid, line } = startProgram(t, execArgv, [fixture('cli', 'target.js')]);
  const answer = async () => JSON.parse(await line());
  const order = async (text) => {
    child.stdin.write(`${text}\n`);
    return answer();
  };
  assert.equal(await answer(), 'online');
  return { child, ended, order, pid };
}

export function attach(pid, args, options) {
  return cli(['attach', pid, '--sample-interval', '1KiB', ...args], options);
}

/** attach, where some deadlines are shorter. */
export function attachShortly(pid, deadlines, args, options) {
  const env = {
    NODE_OPTIONS: `--require ${fixture('cli', 'short-deadlines.js')}`,
    TEST_DEADLINES: JSON.stringify({
      close: { limit: 300, afterSignal: 300 },
      goodbye: 100,
      ...deadlines,
    }),
  };
  return attach(pid, args, { timeout: 30_000, env, ...options });
}

/** What target.js says while nobody is attached. */
export const CLOSED = { url: null, isSampled: false };
