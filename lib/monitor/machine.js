// What a monitor asks of the process and the machine: clocks, a timer, memory. Specs put another in its place.
'use strict';

const { totalmem } = require('node:os');
const { load } = require('../native.js');
const { readMemoryLimit } = require('./cgroup.js');
const { oldGenerationLimit } = require('./heap-size.js');

/** Limits of control groups change while a process runs. */
const REREAD_MS = 30_000;

class Machine {
  /** Until it is read. */
  #memoryLimit = totalmem();
  #readAt = -Infinity;
  #isReading = false;
  /** Stays what it is. */
  #heapLimit = oldGenerationLimit();

  constructor() {
    // For the first profile.
    this.#read();
  }

  /** Milliseconds of a clock that nobody sets. */
  now() {
    return performance.now();
  }

  /**
   * Once, and the process does not wait for it.
   * @param {() => void} callback
   * @param {number} delay milliseconds
   * @returns {() => void} what calls it off
   */
  after(delay, callback) {
    const timer = setTimeout(callback, delay).unref();
    return () => clearTimeout(timer);
  }

  /**
   * Has `callback` called soon after each full garbage collection of this thread.
   * @returns {() => void} what ends that
   */
  onFullCollection(callback) {
    const watch = new (load().CollectionWatch)(callback);
    return () => watch.stop();
  }

  /** Bytes that the whole process has in memory. */
  rss() {
    return process.memoryUsage.rss();
  }

  /** Bytes: of the process, and of this thread's heap. */
  usage() {
    const { rss, heapUsed } = process.memoryUsage();
    return { rss, heapUsed };
  }

  /** Bytes that this thread's live objects may have. */
  heapLimit() {
    return this.#heapLimit;
  }

  /** Bytes that the process may have, as last read: reading is asynchronous. */
  memoryLimit() {
    if (!this.#isReading && this.now() - this.#readAt >= REREAD_MS) this.#read();
    return this.#memoryLimit;
  }

  async #read() {
    this.#isReading = true;
    this.#readAt = this.now();
    try {
      this.#memoryLimit = await readMemoryLimit();
    } catch {
      // The last one known is as good as any.
    }
    this.#isReading = false;
  }
}

module.exports = { Machine };
