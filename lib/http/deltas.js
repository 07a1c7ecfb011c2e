// `?seconds=N`: what changed from now on. One wait at a time, which those who ask for the same in the same second
// share; it ends when all of them have gone, and early, with what there is, when their server closes.
'use strict';

const { performance } = require('node:perf_hooks');
const { encodeWindow } = require('../snapshot.js');
const { busy, Refusal } = require('./refusal.js');

const SHARED_MS = 1000;
/** How often is looked whether a server closes. */
const LOOK_MS = 250;

class Wait {
  #seconds;
  #since = performance.now();
  #end;
  /** @type {Set<import('node:http').ServerResponse>} */
  #askers = new Set();

  /**
   * @param {number} seconds
   * @param {(isWanted: boolean) => void} end called once
   */
  constructor(seconds, end) {
    this.#seconds = seconds;
    this.#end = end;
    this.#timer = setInterval(() => this.#look(), LOOK_MS).unref();
  }
  #timer;

  get leftMs() {
    return this.#since + this.#seconds * 1000 - performance.now();
  }

  isSharedBy(seconds) {
    return seconds === this.#seconds && performance.now() - this.#since < SHARED_MS;
  }

  /** @param {import('node:http').ServerResponse} response */
  join(response) {
    this.#askers.add(response);
    response.once('close', () => {
      this.#askers.delete(response);
      if (this.#askers.size === 0) this.#finish(false);
    });
  }

  #look() {
    const isClosing = ({ socket }) => socket?.server?.listening === false;
    if (this.leftMs <= 0 || [...this.#askers].some(isClosing)) this.#finish(true);
  }

  #finish(isWanted) {
    if (this.#timer === undefined) return;
    clearInterval(this.#timer);
    this.#timer = undefined;
    this.#end(isWanted);
  }
}

class Deltas {
  #captures;
  #count = 0;
  /** @type {{ wait: Wait, bytes: Promise<Buffer | undefined> } | undefined} */
  #current;

  /** @param {any} captures a Captures */
  constructor(captures) {
    this.#captures = captures;
  }

  /**
   * The profile of the next seconds; undefined if nobody waits for it any more.
   * @param {number} seconds
   * @param {boolean} isCollected
   * @param {import('node:http').ServerResponse} response
   */
  take(seconds, isCollected, response) {
    if (this.#current !== undefined && !this.#current.wait.isSharedBy(seconds)) {
      throw busy(this.#current.wait.leftMs);
    }
    this.#current ??= this.#begin(seconds, this.#captures.take(isCollected).hold());
    this.#current.wait.join(response);
    return this.#current.bytes;
  }

  #begin(seconds, base) {
    let end = (_isWanted) => {};
    const ended = new Promise((resolve) => {
      end = resolve;
    });
    const bytes = ended.then((isWanted) => this.#end(base, isWanted));
    return { wait: new Wait(seconds, end), bytes };
  }

  async #end(base, isWanted) {
    this.#current = undefined;
    try {
      if (!isWanted) return undefined;
      const capture = this.#captures.takeAnyway();
      const { snapshot } = capture;
      if (snapshot.sessionId !== base.snapshot.sessionId) {
        throw new Refusal(503, 'sampling was started anew meanwhile');
      }
      this.#count += 1;
      const name = `delta ${this.#count}`;
      return await capture.encoded(name, () => encodeDelta(snapshot, base.snapshot));
    } finally {
      base.release();
    }
  }
}

async function encodeDelta(snapshot, base) {
  return (await encodeWindow(snapshot, { base, isWhole: true })).bytes;
}

module.exports = { Deltas };
