// `heap-profile attach`: profiles of a process that was started without us, through its inspector.
'use strict';

const { mkdirSync } = require('node:fs');
const { basename, dirname, extname, join } = require('node:path');
const { setTimeout: sleep } = require('node:timers/promises');
const { Claim } = require('../../inspector/claim.js');
const { DEADLINES, Interruption, within } = require('../../inspector/deadlines.js');
const { attachWorkers, connect } = require('../../inspector/session.js');
const { startSampling } = require('../../inspector/sampling.js');
const { checkTarget, openInspector } = require('../../inspector/target.js');
const {
  readDuration,
  readInteger,
  readSampleInterval,
  readStackDepth,
  readThreadId,
} = require('../../text-options.js');
const { countDown } = require('../countdown.js');
const { CommandError } = require('../../errors.js');
const { checkDestination } = require('../../snapshot.js');
const { UsageError } = require('../errors.js');
const { checkName, STANDARD, writeProfile } = require('../output.js');
const { complain } = require('../printable.js');
const { checkReport, print, printFiles, REPORT_OPTIONS } = require('../report.js');

const SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP'];

/** What says the format; other names may end as they like. */
const FORMAT_ENDING = /\.(?:heapprofile|pb\.gz|folded)$/;

/** As one that is made up, to see whether there may be one. */
const DEFAULT_NAME = 'heap-profile-0.heapprofile';

const readPid = (name, text) => readInteger(name, text, 2 ** 31 - 1);

const options = {
  duration: {
    value: 'TIME',
    description: 'How long to sample: 500ms, 60s, 5m, 1h',
    read: readDuration,
    default: '60s',
  },
  every: {
    value: 'TIME',
    description: 'Write a profile each TIME too, not only at the end',
    read: readDuration,
  },
  'sample-interval': {
    value: 'SIZE',
    description: 'Average bytes of allocation between two samples',
    read: readSampleInterval,
    default: '64KiB',
  },
  depth: {
    value: 'FRAMES',
    description: 'Frames kept of each stack, else 128; Node.js before 26 always keeps 128',
    read: readStackDepth,
  },
  output: {
    short: 'o',
    value: 'FILE',
    description:
      'File to write, - for stdout; with --every FILE-1, …; else heap-profile-TIME, here',
  },
  thread: {
    value: 'ID',
    description: 'Worker thread to sample instead of the main one',
    read: readThreadId,
    default: '0',
  },
  'list-threads': { description: 'Show the threads instead' },
  ...REPORT_OPTIONS,
};

async function run(given, [pid]) {
  checkReport(given);
  if (given.output === STANDARD && given.every !== undefined) {
    throw new UsageError('--every makes more than one file: they cannot all go to stdout');
  }
  checkTarget(pid);
  if (!given.listThreads) prepareOutput(given);
  const interrupting = new AbortController();
  const stopListening = abortOnSignal(interrupting);
  const { signal } = interrupting;
  try {
    await withInspector(pid, signal, async (session) => {
      if (given.listThreads) await printThreads(session, given, signal);
      else await sample(session, given, pid, signal);
    });
  } catch (error) {
    if (!signal.aborted) throw error;
    if (!(error instanceof Interruption)) complain(`error: ${error.message}`);
  } finally {
    stopListening();
  }
  // As the signal would have ended us.
  if (signal.aborted) process.kill(process.pid, signal.reason);
}

/** What could not be written in an hour is said now. */
function prepareOutput({ output = DEFAULT_NAME, every }) {
  if (output === STANDARD) return;
  checkName(output);
  mkdirSync(dirname(output), { recursive: true });
  checkDestination(every === undefined ? output : numbered(output, 1));
}

/** Leaves the process as it was, whatever happens to `work`. */
async function withInspector(pid, interruption, work) {
  const target = await openInspector(pid, interruption);
  const { session, close } = await connect(target.url, interruption);
  const claim = new Claim(session, !target.wasOpen);
  try {
    const wasLeft = await within(DEADLINES.answer, 'attaching', interruption, async (waiting) => {
      await session.watchEnd();
      // A note that is left after the release would stay.
      waiting.throwIfAborted();
      return claim.take(waiting);
    });
    if (wasLeft) complain('warning: an attach that was killed left the inspector open; closing it');
    await work(session);
  } finally {
    await within(DEADLINES.close, 'closing', interruption, () => claim.release()).catch(() => {});
    await close();
  }
}

/** The first signal ends the sampling; a second one ends us, as it would without a listener. */
function abortOnSignal(interrupting) {
  const stopListening = () => {
    for (const signal of SIGNALS) process.off(signal, abort);
  };
  const abort = (signal) => {
    stopListening();
    interrupting.abort(signal);
  };
  for (const signal of SIGNALS) process.on(signal, abort);
  return stopListening;
}

async function printThreads(main, given, interruption) {
  const workers = await within(DEADLINES.answer, 'listing threads', interruption, () =>
    attachWorkers(main),
  );
  const threads = [{ threadId: 0, title: 'main thread', url: '' }, ...workers];
  const answer = { threads: threads.map(({ threadId, title, url }) => ({ threadId, title, url })) };
  print(answer, describeThreads, given);
}

function describeThreads({ threads }) {
  const count = threads.length === 1 ? '1 thread' : `${threads.length} threads`;
  return {
    lines: [`${count}; --thread ID samples one`],
    columns: [{ title: 'ID', isNumber: true }, { title: 'name' }, { title: 'file' }],
    rows: threads.map(({ threadId, title, url }) => [String(threadId), title, url]),
  };
}

async function sample(main, given, pid, interruption) {
  const ending = new AbortController();
  main.on('NodeRuntime.waitingForDisconnect', () => ending.abort());
  interruption.addEventListener('abort', () => ending.abort());
  const start = async () => {
    const session = given.thread === 0 ? main : await findWorker(main, given.thread);
    session.on('end', () => ending.abort());
    return startSampling(session, given);
  };
  const sampling = await within(DEADLINES.answer, 'starting to sample', interruption, start);
  if (given.depth !== undefined && sampling.stackDepth !== given.depth) {
    complain(`warning: this Node.js keeps ${sampling.stackDepth} frames of each stack`);
  }
  const take = (how) => within(DEADLINES.profile, 'getting the profile', interruption, how);
  await writeAll(takeSnapshots(sampling, take, given, pid, ending.signal), given);
}

/** The last one is that of the end. */
async function* takeSnapshots(sampling, take, { duration, every }, pid, signal) {
  const startedAt = Date.now();
  const wait = async (milliseconds) => {
    const stopCounting = countDown(`sampling process ${pid}`, startedAt + duration);
    await waitUntil(startedAt + milliseconds, signal);
    stopCounting();
  };
  for (let after = every; after < duration; after += every) {
    await wait(after);
    if (signal.aborted) break;
    yield await take(sampling.snapshot);
  }
  await wait(duration);
  yield await take(sampling.stop);
}

/** People see each file when it is there, programs get one answer. */
async function writeAll(snapshots, { output, every, json, markdown }) {
  const files = [];
  const isForPeople = !json && !markdown && output !== STANDARD;
  try {
    for await (const snapshot of snapshots) {
      const name = every === undefined ? output : numbered(output, files.length + 1);
      const file = await writeProfile(snapshot, name);
      files.push(file);
      if (isForPeople) printFiles([file], {});
    }
  } finally {
    // Also those that were written before something went wrong.
    if ((json || markdown) && files.length > 0) printFiles(files, { json, markdown });
  }
}

async function findWorker(main, threadId) {
  const worker = (await attachWorkers(main)).find((one) => one.threadId === threadId);
  if (worker !== undefined) return worker.session;
  throw new CommandError(`there is no thread ${threadId}; --list-threads shows them`);
}

async function waitUntil(time, signal) {
  // An abort is no error: it is the time.
  await sleep(Math.max(0, time - Date.now()), undefined, { signal }).catch(() => {});
}

/** `a.pb.gz` as `a-1.pb.gz`; undefined, for a name that is made up, as it is. */
function numbered(file, count) {
  if (file === undefined) return undefined;
  const ending = FORMAT_ENDING.exec(file)?.[0] ?? extname(file);
  return join(dirname(file), `${basename(file, ending)}-${count}${ending}`);
}

module.exports = {
  name: 'attach',
  summary: 'Samples a Node.js process that runs, and leaves it as it was',
  operands: { text: 'PID', min: 1, max: 1, read: readPid },
  options,
  examples: [
    'attach 4711 -o app.heapprofile',
    'attach 4711 --duration 1h --every 5m -o app.heapprofile',
    'attach 4711 --list-threads',
    'attach 4711 --thread 2 --sample-interval 16KiB -o worker.pb.gz',
  ],
  run,
};
