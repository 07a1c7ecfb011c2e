// The sampling session that monitors of this thread share: started if nobody has, and stopped with the last of
// them if it was they who did.
'use strict';

const { bare } = require('../bare.js');
const { load, tryLoad } = require('../native.js');

let monitors = 0;
/** When the session that they started began; another may run by now. */
let startedAt;

/** Counts one more monitor. */
function join() {
  monitors += 1;
}

/** Whether this thread has a monitor. */
function isMonitored() {
  return monitors > 0;
}

/**
 * Sees to it that this thread is sampled; throws what start() does.
 * @param {import('../../target/native.d.ts').JsStartOptions} [options] of a session that is started
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

/** One monitor less. */
function leave() {
  monitors -= 1;
  const native = tryLoad();
  if (monitors > 0 || startedAt === undefined) return;
  if (native !== undefined && native.status()?.startedAt === startedAt) native.stop();
  startedAt = undefined;
}

module.exports = { ensureSampling, isMonitored, join, leave, options };
