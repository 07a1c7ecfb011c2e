// Captures for those who ask over HTTP: one at a time, shared by all who ask within a second, and seldom enough
// that they take no more than a twentieth of the thread's time. What they are encoded into is held once, and let go
// of when the next one is taken: who reads slower than that is cut off.
'use strict';

const { performance } = require('node:perf_hooks');
const { takeSnapshot } = require('../snapshot.js');
const { collectGarbage } = require('./collect.js');
const { busy } = require('./refusal.js');
const { ensureSampling, unavailable } = require('./sampling.js');

/** @import { Snapshot } from '../../index.d.ts' */

/** Who asks within this time of a capture gets that one, milliseconds. */
const SHARED_MS = 1000;
/** So much longer than a capture, or a forced garbage collection, took the thread has until the next. */
const REST = 20;
/** Forced garbage collections are not more frequent than this. */
const COLLECTION_GAP_MS = 10_000;
/** How long one may read before another one's capture cuts it off. */
const PATIENCE_MS = 10_000;

/** A snapshot, what it was encoded into, and who still needs it. */
class Capture {
  /** @type {Map<string, Promise<Buffer>>} */
  #encoded = new Map();
  #holders = 1;

  #work;

  /**
   * @param {Snapshot} snapshot
   * @param {boolean} isCollected whether garbage was collected first
   * @param {{ count: number }} work encodings under way, of all captures
   */
  constructor(snapshot, isCollected, work) {
    this.snapshot = snapshot;
    this.isCollected = isCollected;
    this.#work = work;
  }

  /**
   * Encodes once what is asked for under one name.
   * @param {string} name
   * @param {(snapshot: Snapshot) => Promise<Buffer>} encode
   */
  encoded(name, encode) {
    const known = this.#encoded.get(name);
    if (known !== undefined) return known;
    this.#work.count += 1;
    const encoded = encode(this.snapshot).finally(() => {
      this.#work.count -= 1;
    });
    this.#encoded.set(name, encoded);
    return encoded;
  }

  hold() {
    this.#holders += 1;
    return this;
  }

  /** The memory is given back with the last who needs it, or when what was asked of it is done. */
  release() {
    this.#holders -= 1;
    if (this.#holders === 0) this.snapshot[Symbol.dispose]?.();
  }

  /** Nobody else gets this one. */
  retire() {
    this.#encoded.clear();
    this.release();
  }
}

class Captures {
  /** @type {Capture | undefined} */
  #last;
  #work = { count: 0 };
  /** @type {Set<import('node:http').ServerResponse>} */
  #readers = new Set();
  #takenAt = -Infinity;
  #notBefore = -Infinity;
  #collectionNotBefore = -Infinity;

  /**
   * A capture of this second; throws a Refusal with the time to wait.
   * @param {boolean} isCollected whether garbage is to be collected first
   */
  take(isCollected) {
    const now = performance.now();
    const last = this.#last;
    if (last !== undefined && (!isCollected || last.isCollected)) return last;
    const collectionNotBefore = isCollected ? this.#collectionNotBefore : -Infinity;
    const notBefore = Math.max(this.#notBefore, collectionNotBefore);
    if (now < notBefore) throw busy(notBefore - now);
    this.#makeRoom(now);
    return this.#take(isCollected);
  }

  /** A capture in any case: the second one of a pair. */
  takeAnyway() {
    return this.#last ?? this.#take(false);
  }

  /**
   * Remembers that an answer is being read.
   * @param {import('node:http').ServerResponse} response
   */
  reads(response) {
    this.#readers.add(response);
    response.once('close', () => this.#readers.delete(response));
  }

  #take(isCollected) {
    ensureSampling();
    const start = performance.now();
    if (isCollected) collectGarbage();
    const collected = performance.now();
    const capture = new Capture(captured(), isCollected, this.#work);
    const end = performance.now();
    this.#notBefore = start + Math.max(SHARED_MS, REST * (end - collected));
    if (isCollected) {
      this.#collectionNotBefore = end + Math.max(COLLECTION_GAP_MS, REST * (end - start));
    }
    this.#takenAt = end;
    this.#last = capture;
    setTimeout(() => this.#retire(capture), SHARED_MS).unref();
    return capture;
  }

  #retire(capture) {
    if (this.#last === capture) this.#last = undefined;
    capture.retire();
  }

  /** Only one capture's encodings are held: those who read others are done, or are cut off. */
  #makeRoom(now) {
    const isPatient = this.#readers.size > 0 && now < this.#takenAt + PATIENCE_MS;
    if (this.#work.count > 0 || isPatient) throw busy(SHARED_MS);
    for (const response of this.#readers) response.destroy();
    this.#readers.clear();
  }
}

function captured() {
  try {
    return takeSnapshot();
  } catch (error) {
    throw unavailable(error);
  }
}

module.exports = { Captures };
