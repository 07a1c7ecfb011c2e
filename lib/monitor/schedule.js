// When the regular profiles are due: on a grid from the start on, by a clock that nobody sets.
'use strict';

/** In the last part of an interval a full collection is waited for: what a profile then calls live, is. */
const LAST_PART = 0.1;

class Schedule {
  #interval;
  #due;

  /** @param {number} interval milliseconds, Infinity for never */
  constructor(interval, now) {
    this.#interval = interval;
    this.#due = now + interval;
  }

  /** When the next is due at the latest. */
  get due() {
    return this.#due;
  }

  /** Whether it is time, also just after a full collection. */
  isDue(now, isCollected) {
    if (this.#due === Infinity) return false;
    return now >= this.#due - (isCollected ? this.#interval * LAST_PART : 0);
  }

  /** Goes on to the next; those that were missed are left out. */
  advance(now) {
    this.#due += this.#interval;
    if (this.#due <= now) this.#due = now + this.#interval;
  }
}

module.exports = { Schedule };
