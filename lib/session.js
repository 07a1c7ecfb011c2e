// The sampling session of this thread, for all who need one: started if nobody has, and stopped with the last of them
// if it was they who did. One rule for all: after the program's own stop() nobody starts anew, until it calls start()
// or makes another monitor, handler or server.
'use strict';

const { bare } = require('./bare.js');
const { load, tryLoad } = require('./native.js');

/** @typedef {'monitor' | 'handler'} User */

/** @type {Record<User, number>} */
const users = { monitor: 0, handler: 0 };
/** When the session that they started began; another may run by now. */
let startedAt;
/** Whether the program called stop(). */
let isStopped = false;

/**
 * Counts one more.
 * @param {User} user
 */
function join(user) {
  users[user] += 1;
  isStopped = false;
}

/** Whether this thread has a monitor. */
function isMonitored() {
  return users.monitor > 0;
}

/** Whether the program stopped sampling: nothing is to be captured, and that is no fault. */
function isHalted() {
  return isStopped;
}

/** The program's own start(): what runs is the program's, whoever started it. */
function claim() {
  isStopped = false;
  startedAt = undefined;
}

/** The program's own stop(). */
function halt() {
  isStopped = true;
  startedAt = undefined;
  // Where nothing can be started there is nothing to stop.
  tryLoad()?.stop();
}

/**
 * Sees to it that this thread is sampled; throws what start() does. Not for who finds it halted.
 * @param {import('../target/native.d.ts').JsStartOptions} [options] of a session that is started
 */
function ensureSampling(options = bare({})) {
  const native = load();
  if (native.status() !== null) return;
  native.start(options);
  startedAt = native.status()?.startedAt;
}

/** What a session in another thread is started with to be like this one's. */
function options() {
  const status = tryLoad()?.status();
  if (!status) return bare({});
  const { sampleIntervalBytes, stackDepth, forceGC, include } = status;
  return bare({ sampleIntervalBytes, stackDepth, forceGC, include });
}

/**
 * One less.
 * @param {User} user
 */
function leave(user) {
  users[user] -= 1;
  const native = tryLoad();
  if (users.monitor + users.handler > 0 || startedAt === undefined) return;
  if (native !== undefined && native.status()?.startedAt === startedAt) native.stop();
  startedAt = undefined;
}

module.exports = { claim, ensureSampling, halt, isHalted, isMonitored, join, leave, options };
