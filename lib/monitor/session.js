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

/** Sees to it that this thread is sampled; throws what start() does. */
function ensureSampling() {
  const native = load();
  if (native.status() !== null) return;
  native.start(bare({}));
  startedAt = native.status()?.startedAt;
}

/** One monitor less. */
function leave() {
  monitors -= 1;
  const native = tryLoad();
  if (monitors > 0 || startedAt === undefined) return;
  if (native !== undefined && native.status()?.startedAt === startedAt) native.stop();
  startedAt = undefined;
}

module.exports = { ensureSampling, join, leave };
