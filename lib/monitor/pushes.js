// Profiles that a monitor sends elsewhere: taken at intervals of their own, no file is written of them here.
'use strict';

const { createPush } = require('../push/index.js');
const session = require('../session.js');
const { takeSnapshot } = require('../snapshot.js');

/** So long does flush() wait for disk and server. */
const LONGEST_FLUSH_MS = 30_000;

class Pushes {
  #push;
  #interval;
  #machine;
  #onError;
  /** When the window that the next profile is about began. */
  #from = new Date();
  #callOff = () => {};

  /**
   * @param {any} options the monitor's, checked
   * @param {string} directory where what is not sent yet waits
   * @param {InstanceType<typeof import('./machine.js').Machine>} machine
   * @param {(error: Error) => void} onError
   */
  constructor({ push, labels }, directory, machine, onError) {
    this.#push = createPush(push, { directory, labels });
    this.#interval = push.intervalMs;
    this.#machine = machine;
    this.#onError = onError;
    this.#arm();
  }

  stats() {
    return this.#push.stats();
  }

  /** Takes one now, and resolves when what waits was tried, or takes too long. */
  async flush() {
    let callOff = () => {};
    const isLong = new Promise((resolve) => {
      callOff = this.#machine.after(LONGEST_FLUSH_MS, () => resolve(undefined));
    });
    await Promise.race([this.#flush(), isLong]);
    callOff();
  }

  async #flush() {
    await this.#push.adding;
    this.#take();
    await this.#push.flush();
  }

  async stop() {
    this.#callOff();
    await this.#push.stop();
  }

  #arm() {
    this.#callOff = this.#machine.after(this.#interval, () => {
      this.#take();
      this.#arm();
    });
  }

  #take() {
    if (session.isHalted()) return;
    if (this.#push.adding !== undefined) return this.#push.skip();
    try {
      // Another agent may have stopped it.
      session.ensureSampling();
      const snapshot = takeSnapshot();
      const until = snapshot.takenAt ?? new Date();
      // It has a share of what the snapshot holds, and never rejects.
      this.#push.add(snapshot, { from: this.#from, until });
      this.#from = until;
      snapshot[Symbol.dispose]?.();
    } catch (error) {
      this.#onError(error);
    }
  }
}

module.exports = { Pushes };
