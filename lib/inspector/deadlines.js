// How long attaching waits for the other process, which may be stopped, busy or no inspector at all.
'use strict';

const { CommandError } = require('../errors.js');

/**
 * Each step's milliseconds, and how many of them are left once somebody wants to end (Ctrl-C):
 * none where nothing would be lost. doc/cli.md tells them.
 */
const DEADLINES = {
  find: { limit: 1000, afterSignal: 0 },
  // A process that got the signal opens its inspector; who has seen it can close it again.
  open: { limit: 5000, afterSignal: 1000 },
  connect: { limit: 5000, afterSignal: 1000 },
  answer: { limit: 10_000, afterSignal: 0 },
  // V8 collects all garbage before, and large profiles take long.
  profile: { limit: 30_000, afterSignal: 5000 },
  close: { limit: 2000, afterSignal: 2000 },
  /** For the WebSocket's own closing, in milliseconds. */
  goodbye: 1000,
};

/** The user ended what there was no reason to wait for. */
class Interruption extends CommandError {}

/** The process did not answer in time. */
class Overdue extends CommandError {
  constructor(what, milliseconds) {
    const seconds = milliseconds / 1000;
    super(
      `${what}: no answer within ${seconds} s, as the process is stopped or busy; try again once it answers`,
    );
  }
}

/**
 * Resolves to what `work(signal)` does, or rejects when its time is up. The signal tells `work` that
 * nobody waits for it any more. `interruption` is the AbortSignal of Ctrl-C.
 */
async function within({ limit, afterSignal }, what, interruption, work) {
  const waiting = new AbortController();
  const timers = [];
  const endAfter = (milliseconds, error) => {
    timers.push(setTimeout(() => waiting.abort(error), milliseconds));
  };
  const interrupt = () => {
    const isLoss = afterSignal > 0;
    endAfter(afterSignal, isLoss ? new Overdue(what, afterSignal) : new Interruption(what));
  };
  endAfter(limit, new Overdue(what, limit));
  if (interruption.aborted) interrupt();
  else interruption.addEventListener('abort', interrupt);
  try {
    return await unlessAborted(waiting.signal, work);
  } finally {
    for (const timer of timers) clearTimeout(timer);
    interruption.removeEventListener('abort', interrupt);
    waiting.abort();
  }
}

function unlessAborted(signal, work) {
  return new Promise((resolve, reject) => {
    signal.addEventListener('abort', () => reject(signal.reason));
    work(signal).then(resolve, reject);
  });
}

module.exports = { DEADLINES, Interruption, Overdue, within };
