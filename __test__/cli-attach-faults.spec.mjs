// `heap-profile attach` when things go wrong: processes that are stopped, do not answer or answer
// garbage, several attaches at once, and killed ones.
import assert from 'node:assert/strict';
import { mkdtempSync, readdirSync, readFileSync } from 'node:fs';
import { constants } from 'node:os';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { setTimeout as sleep, setImmediate as turn } from 'node:timers/promises';
import { attach, attachShortly, CLOSED, startProgram, startTarget } from './attach.mjs';
import { fixture, readDirectory, temporaryDirectory } from './helpers.mjs';

const temporary = temporaryDirectory();

function emptyDirectory() {
  return mkdtempSync(join(temporary, 'attach-'));
}

async function startFake(t, behaviour) {
  const fake = startProgram(
    t,
    [],
    [fixture('cli', 'fake-inspector.js'), JSON.stringify(behaviour)],
  );
  assert.equal(await fake.line(), 'ready');
  return fake;
}

/** An error of one line, without a stack. */
function assertFailed({ code, stdout, stderr }, message) {
  assert.match(stderr, message);
  assert.match(stderr, /^error: [^\n]+\n$/);
  assert.deepEqual([code, stdout], [1, '']);
}

/** The child of `attach`, when it has written its first profile. */
function whenSampling(start) {
  return new Promise((resolve, reject) => {
    const result = start((child) => {
      child.stdout.once('data', () => resolve({ child, result }));
    });
    result.then(({ stderr }) => reject(new Error(`ended before: ${stderr}`)), reject);
  });
}

const UNTIL_KILLED = ['--duration', '1h', '--every', '200ms'];

function startAttach(pid, cwd = emptyDirectory()) {
  return whenSampling((onSpawn) => attach(pid, UNTIL_KILLED, { cwd, onSpawn }));
}

const STEPS = [
  'NodeRuntime.notifyWhenWaitingForDisconnect',
  'Runtime.evaluate',
  'HeapProfiler.getSamplingProfile',
  'HeapProfiler.startSampling',
];
const STOP = 'HeapProfiler.stopSampling';
const ANSWER = { answer: { limit: 700, afterSignal: 0 } };
const PROFILE = { profile: { limit: 700, afterSignal: 300 } };

/** A promise and, before it settles, the child that it is of. */
function spawned(start) {
  let child;
  const promise = start((one) => {
    child = one;
  });
  return { promise, child: () => child };
}

/** Waits until the target is asked for that; fails if attach ends before. */
async function untilAsked(line, method, attached) {
  const isAsked = async () => {
    for (let told = await line(); told !== method; told = await line()) {
      assert.notEqual(told, undefined, `the target ended before ${method}`);
    }
  };
  const ended = attached.then(({ stderr }) =>
    assert.fail(`attach ended before ${method}: ${stderr}`),
  );
  await Promise.race([isAsked(), ended]);
  // What comes of it is the test's now.
  ended.catch(() => {});
}

// Most of them wait most of the time.
describe('attach', { concurrency: 3 }, () => {
  for (const at of [...STEPS, STOP]) {
    test(`no answer to ${at}`, async (t) => {
      const { pid } = await startFake(t, { at, answer: null });
      const deadlines = at === STOP ? PROFILE : ANSWER;
      const result = await attachShortly(pid, deadlines, ['--duration', '100ms']);
      assertFailed(result, /no answer within 0\.7 s, as the process is stopped or busy; try again/);
    });

    test(`Ctrl-C while there is no answer to ${at}`, async (t) => {
      const { pid, line } = await startFake(t, { at, answer: null });
      const { promise, child } = spawned((onSpawn) =>
        attachShortly(
          pid,
          { profile: { limit: 60_000, afterSignal: 300 } },
          ['--duration', '100ms'],
          {
            onSpawn,
          },
        ),
      );
      await untilAsked(line, at, promise);
      child().kill('SIGINT');
      const { signal, stderr } = await promise;
      assert.equal(signal, 'SIGINT');
      const told = /^error: getting the profile: no answer within 0\.3 s[^\n]*\n$/;
      assert.match(stderr, at === STOP ? told : /^$/);
    });
  }

  test('Ctrl-C before the note is left: it is not left later', async (t) => {
    const [at] = STEPS;
    const { child: fake, ended, pid, line } = await startFake(t, { at, answer: 'late' });
    const { promise, child } = spawned((onSpawn) => attachShortly(pid, {}, [], { onSpawn }));
    await untilAsked(line, at, promise);
    child().kill('SIGINT');
    const { signal, stderr } = await promise;
    assert.deepEqual([signal, stderr], ['SIGINT', '']);
    fake.kill();
    await ended;
    // What closes the inspector, and no more.
    assert.deepEqual([await line(), await line()], ['Runtime.evaluate', undefined]);
  });

  test('a second Ctrl-C ends at once', async (t) => {
    const { pid, line } = await startFake(t, { at: STOP, answer: null });
    const endless = { profile: { limit: 1e9, afterSignal: 1e9 } };
    const { promise, child } = spawned((onSpawn) =>
      attachShortly(pid, endless, ['--duration', '100ms'], { onSpawn }),
    );
    await untilAsked(line, STOP, promise);
    // The first one waits for the profile as long as that takes. Two at once would be one to the system.
    const impatient = setInterval(() => child().kill('SIGINT'), 100);
    const { signal, stderr } = await promise;
    clearInterval(impatient);
    assert.deepEqual([signal, stderr], ['SIGINT', '']);
  });

  for (const [what, answer] of Object.entries({
    'no JSON': '<html>',
    'an array': '[]',
    null: 'null',
    'an empty object': '{}',
    'a method that is a number': '{"method":5}',
    'no result': '{"id":ID}',
    'a result that is a number': '{"id":ID,"result":5}',
    'an error that is null': '{"id":ID,"error":null}',
    'an error without a message': '{"id":ID,"error":5}',
    'a message of 2^40 bytes': 'huge',
  })) {
    test(`a peer that answers with ${what}`, async (t) => {
      const { pid } = await startFake(t, { at: STEPS[0], answer });
      const expected = /breaks the protocol|the connection broke: Max payload/;
      assertFailed(await attachShortly(pid, {}, []), expected);
    });
  }

  for (const [at, answer] of [
    ['Runtime.evaluate', '{"id":ID,"result":{}}'],
    ['Runtime.evaluate', '{"id":ID,"result":{"result":{"value":{"owner":7}}}}'],
    ['HeapProfiler.stopSampling', '{"id":ID,"result":{}}'],
    ['HeapProfiler.stopSampling', '{"id":ID,"result":{"profile":{"head":[]}}}'],
  ]) {
    test(`${at} is answered with ${answer}`, async (t) => {
      const { pid } = await startFake(t, { at, answer });
      assertFailed(await attachShortly(pid, {}, ['--duration', '10ms']), /^error: /);
    });
  }

  for (const args of [['--list-threads'], ['--thread', '1']]) {
    test(`an event of the wrong shape (${args})`, async (t) => {
      const answer = '{"method":"NodeWorker.attachedToWorker"}';
      const { pid } = await startFake(t, { at: 'NodeWorker.enable', answer });
      assertFailed(await attachShortly(pid, {}, args), /breaks the protocol/);
    });
  }

  for (const http of [
    'garbage',
    'silence',
    'halfOpen',
    'drip',
    'endless',
    'wrongTypes',
    'noList',
  ]) {
    test(`HTTP of a peer that is no inspector: ${http}`, async (t) => {
      const { pid } = await startFake(t, { http });
      const deadlines = {
        find: { limit: 300, afterSignal: 0 },
        open: { limit: 1000, afterSignal: 0 },
      };
      assertFailed(
        await attachShortly(pid, deadlines, []),
        /inspector of process \d+ cannot be opened/,
      );
    });
  }

  test('an inspector that refuses the WebSocket', async (t) => {
    const { pid } = await startFake(t, { http: 'noWebSocket' });
    assertFailed(await attachShortly(pid, {}, []), /^error: no connection to ws:/);
  });

  test('Ctrl-C while a stopped process does not open its inspector', async (t) => {
    const { child: target, pid } = await startTarget(t);
    target.kill('SIGSTOP');
    const { promise, child } = spawned((onSpawn) =>
      attachShortly(pid, { open: { limit: 60_000, afterSignal: 100 } }, [], { onSpawn }),
    );
    const isPending = () => {
      const [, pending] = /^ShdPnd:\s*(\w+)$/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'));
      return (BigInt(`0x${pending}`) & (1n << BigInt(constants.signals.SIGUSR1 - 1))) !== 0n;
    };
    while (!isPending()) await turn();
    child().kill('SIGINT');
    const { signal, stderr } = await promise;
    assert.equal(signal, 'SIGINT');
    assert.match(stderr, /^error: [^\n]* does not respond yet[^\n]*\n$/);
  });

  test('Ctrl-C while a process is stopped that was sampled; the next attach closes what stays open', async (t) => {
    const { child: target, order, pid } = await startTarget(t);
    const deadlines = { profile: { limit: 60_000, afterSignal: 300 } };
    const { child, result } = await whenSampling((onSpawn) =>
      attachShortly(pid, deadlines, UNTIL_KILLED, { cwd: emptyDirectory(), onSpawn }),
    );
    target.kill('SIGSTOP');
    child.kill('SIGINT');
    const { signal, stderr } = await result;
    assert.equal(signal, 'SIGINT');
    assert.match(stderr, /^error: getting the profile: no answer within 0\.3 s[^\n]*\n$/);
    target.kill('SIGCONT');
    const { code } = await attach(pid, ['--duration', '100ms'], { cwd: emptyDirectory() });
    assert.equal(code, 0);
    assert.deepEqual(await order('state'), CLOSED);
  });

  test('a thread that only computes answers', async (t) => {
    const { order, pid } = await startTarget(t);
    assert.equal(await order('spin'), 'spinning');
    const cwd = emptyDirectory();
    const { code, stderr } = await attach(pid, ['--duration', '100ms'], { cwd });
    assert.deepEqual([code, stderr], [0, '']);
    assert.equal(readDirectory(cwd).profiles.length, 1);
  });

  test('a second attach is refused, and the first one has its profile', async (t) => {
    const { order, pid } = await startTarget(t);
    const cwd = emptyDirectory();
    const first = await startAttach(pid, cwd);
    const refused = new RegExp(
      `^error: process ${first.child.pid} is attached to it already: wait`,
    );
    assertFailed(await attach(pid, [], { cwd: emptyDirectory() }), refused);
    assertFailed(await attach(pid, ['--thread', '1'], { cwd: emptyDirectory() }), refused);
    assertFailed(await attach(pid, ['--list-threads']), refused);
    const before = readdirSync(cwd).length;
    first.child.kill('SIGINT');
    const { signal, stderr } = await first.result;
    assert.deepEqual([signal, stderr], ['SIGINT', '']);
    assert.ok(readDirectory(cwd).profiles.length > before);
    assert.deepEqual(await order('state'), CLOSED);
  });

  test('of two that start at the same time one samples', async (t) => {
    const { order, pid } = await startTarget(t);
    const children = [];
    const results = [0, 1].map(async (index) => {
      const onSpawn = (child) => children.push(child);
      const cwd = emptyDirectory();
      return { ...(await attach(pid, UNTIL_KILLED, { cwd, onSpawn })), index, cwd };
    });
    const refused = await Promise.race(results);
    assertFailed(refused, /is attached to it already/);
    children[1 - refused.index].kill('SIGINT');
    const other = await results[1 - refused.index];
    assert.deepEqual([other.signal, other.stderr], ['SIGINT', '']);
    assert.deepEqual(await order('state'), CLOSED);
  });

  test('who is refused leaves the inspector that it opened to the other one', async (t) => {
    const { order, pid } = await startTarget(t);
    assert.equal(await order('note'), process.pid);
    assertFailed(await attach(pid, []), /is attached to it already/);
    assert.notEqual((await order('state')).url, null);
    assert.equal(await order('isNoteOfOpener'), true);
  });

  test('what a killed attach left open is closed by the next', async (t) => {
    const { order, pid } = await startTarget(t);
    const first = await startAttach(pid);
    first.child.kill('SIGKILL');
    await first.result;
    // That its connection is gone the target learns a moment later; a spec that waits for ever fails.
    while ((await order('state')).isSampled) await sleep(10);
    assert.notEqual((await order('state')).url, null);
    const next = await attach(pid, ['--duration', '100ms'], { cwd: emptyDirectory() });
    const warning = 'warning: an attach that was killed left the inspector open; closing it\n';
    assert.deepEqual([next.code, next.stderr], [0, warning]);
    assert.deepEqual(await order('state'), CLOSED);
    assert.equal(await order('isNoteOfOpener'), null);
  });

  test('after a killed attach an inspector of the user stays open', async (t) => {
    const { order, pid } = await startTarget(t, ['--inspect=0']);
    const before = await order('state');
    const first = await startAttach(pid);
    first.child.kill('SIGKILL');
    await first.result;
    const next = await attach(pid, ['--duration', '100ms'], { cwd: emptyDirectory() });
    assert.deepEqual([next.code, next.stderr], [0, '']);
    assert.deepEqual(await order('state'), before);
  });
});
