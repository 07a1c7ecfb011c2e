// The worker threads of a monitor's thread: monitored with it, and captured together with it.
'use strict';

const { isMainThread, threadId } = require('node:worker_threads');
const { load } = require('../native.js');
const session = require('../session.js');
const { mergedSnapshot, takeSnapshot } = require('../snapshot.js');
const { leaveOwn } = require('./in-worker.js');
const { Workers } = require('./workers.js');

/** How long threads have to answer, milliseconds. */
const ANSWER_MS = 5000;

class Threads {
  /** @type {InstanceType<typeof Workers> | undefined} */
  #workers;

  /**
   * Monitors them, if the options say so.
   * @param {any} options the monitor's, checked; its directory is absolute, as workers may be started elsewhere
   * @param {(error: Error) => void} onError
   */
  begin(options, onError) {
    if (!options.workers) return;
    // Signals are for the main thread.
    const theirs = { ...options, signal: {}, push: undefined, workers: false };
    this.#workers = new Workers({ options: theirs, start: session.options() }, onError);
  }

  async snapshotAll() {
    // First, as what is asked for is kept until it is merged, and this may throw.
    const snapshot = takeSnapshot();
    const request = load().askThreads();
    const name = isMainThread ? '(main thread)' : `(worker ${threadId})`;
    const own = leaveOwn(request, name, snapshot);
    const leftOut = [...own, ...((await this.#workers?.ask(request, ANSWER_MS)) ?? [])];
    return { snapshot: await mergedSnapshot(request), leftOut };
  }

  stop() {
    this.#workers?.stop();
  }
}

module.exports = { Threads };
