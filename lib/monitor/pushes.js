// Profiles that a monitor sends elsewhere: taken at intervals of their own, no file is written of them here.
'use strict';

const { createPush } = require('../push/index.js');
const session = require('../session.js');
const { takeSnapshot } = require('../snapshot.js');

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

  /** Takes one now, and resolves when what waits was tried. */
  async flush() {
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
    try {
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
