// What a monitor says: 'profile' and 'error' events, the diagnostics channel, warnings.
'use strict';

const { channel } = require('node:diagnostics_channel');

/** @import { EventEmitter } from 'node:events' */
/** @import { MonitorProfile } from '../../index.d.ts' */

const written = channel('heap-profile:profile');

class Voice {
  #emitter;
  /** What was warned of last, so that nobody reads it each minute. */
  #warned;

  /** @param {EventEmitter} emitter the monitor */
  constructor(emitter) {
    this.#emitter = emitter;
  }

  /** Whether anybody listens to profiles. */
  isHeard() {
    return this.#emitter.listenerCount('profile') > 0 || written.hasSubscribers;
  }

  /** @param {MonitorProfile} profile */
  publish(profile) {
    written.publish(profile);
    this.#emitter.emit('profile', profile);
  }

  /**
   * From a fresh stack: what a listener throws is the program's own uncaught exception.
   * @param {MonitorProfile} profile
   */
  publishLater(profile) {
    return new Promise((resolve) => {
      process.nextTick(() => {
        try {
          this.publish(profile);
        } finally {
          resolve(undefined);
        }
      });
    });
  }

  /**
   * An 'error' that nobody listens to is a warning, no uncaught exception.
   * @param {Error & { code?: string }} error
   * @param {boolean} isLost whether a profile was not written for it
   */
  complain(error, isLost) {
    process.nextTick(() => {
      if (this.#emitter.listenerCount('error') > 0) return this.#emitter.emit('error', error);
      const consequence = isLost ? 'no profile was written' : 'the monitor goes on';
      const what = `${consequence}: ${error.code ?? error.message}`;
      if (what === this.#warned) return;
      this.#warned = what;
      process.emitWarning(`${consequence}: ${error.message}`, 'HeapProfileWarning');
    });
  }

  /** All is well again: what goes wrong from now on is news. */
  calmDown() {
    this.#warned = undefined;
  }
}

module.exports = { Voice };
