// Sampling for those who ask over HTTP, and why there is none.
'use strict';

const { load } = require('../native.js');
const session = require('../session.js');
const { Refusal } = require('./refusal.js');

/** Starts if nobody has. */
function ensureSampling() {
  if (session.isHalted()) {
    throw new Refusal(503, 'sampling was stopped: call start() of heap-profile');
  }
  try {
    session.ensureSampling();
  } catch (error) {
    throw unavailable(error);
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
