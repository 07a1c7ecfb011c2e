// Sampling for those who ask over HTTP: started if nobody has, once.
'use strict';

const { bare } = require('../bare.js');
const { load } = require('../native.js');
const { Refusal } = require('./refusal.js');

/** Whether this thread has been sampled since somebody asked. */
let wasSampled = false;

/** Starts if nobody has. Who stopped it later had a reason. */
function ensureSampling() {
  try {
    const native = load();
    if (native.status() === null) {
      if (wasSampled) throw new Refusal(503, 'sampling was stopped: call start() of heap-profile');
      native.start(bare({}));
    }
    wasSampled = true;
  } catch (error) {
    throw error instanceof Refusal ? error : unavailable(error);
  }
}

/** The reason may name paths: the code has to do. */
function unavailable({ code = 'ERR_INTERNAL' }) {
  const reasons = {
    ERR_SAMPLER_IN_USE: 'another profiler samples this thread',
    ERR_NOT_SAMPLING: 'another agent stopped the sampling',
    ERR_UNSUPPORTED_RUNTIME: 'this runtime cannot be sampled, see unsupportedReason',
  };
  const reason = Object.hasOwn(reasons, code) ? `${reasons[code]} (${code})` : code;
  return new Refusal(503, `no profile can be taken: ${reason}`);
}

/** What a session keeps. */
function includesCollected() {
  return load().status()?.include === 'allocated';
}

module.exports = { ensureSampling, includesCollected, unavailable };
