// Pushes profiles to a Pyroscope server: into a spool on disk first, from there one after the other. Whatever the server
// does, memory stays as it is, nothing waits for it and no process lives for it; what is lost is counted.
'use strict';

const { join } = require('node:path');
const { encodeWindow, shareSnapshot } = require('../snapshot.js');
const { bare } = require('../bare.js');
const { nameOf, post } = require('./request.js');
const { Spool } = require('./spool.js');

/** @import { Snapshot } from '../../index.d.ts' */

/** Pyroscope's defaults, the bytes before they are compressed. */
const LIMITS = { maxSamples: 16_000, maxBytes: 4 * 2 ** 20 };

/** How long after a failure the next attempt is, at first and at most; a server may ask for as long. */
const RETRY_MS = 1000;
const LONGEST_RETRY_MS = 300_000;

/** The first requests in vain, and those that may yet go well. */
const RETRIED = new Set([408, 425, 429]);

class Push {
  #options;
  #spool;
  #labels;
  /** The capture that the next window starts from. @type {Snapshot | undefined} */
  #base;
  #failures = 0;
  /** @type {NodeJS.Timeout | undefined} */
  #timer;
  /** @type {Promise<void> | undefined} */
  #sending;
  /** @type {Promise<void> | undefined} */
  #adding;
  #end = new AbortController();
  #stats = {
    sent: 0,
    retries: 0,
    skipped: 0,
    lost: { expired: 0, full: 0, rejected: 0, failed: 0 },
    foldedSamples: 0,
    foldedBytes: 0,
  };
  /** @type {Error | null} */
  #lastError = null;

  /**
   * @param {any} options what checkPush() returned
   * @param {{ directory: string, labels?: Record<string, string> }} inside the labels of the profiles' samples
   */
  constructor(options, { directory, labels = bare({}) }) {
    this.#options = options;
    this.#labels = labels;
    const name = `${options.url} ${nameOf(options.app, options.labels)}`;
    this.#spool = new Spool(join(directory, 'push'), name, (reason) => {
      this.#stats.lost[reason] += 1;
    });
    // What the process before has left is sent whether or not there is anything new.
    this.#send();
  }

  /** While a profile is encoded and written: until that is done no other is taken, or memory had no bound. */
  get adding() {
    return this.#adding;
  }

  /** One is left out; the window of the next is longer. */
  skip() {
    this.#stats.skipped += 1;
  }

  /**
   * Spools what a capture tells since the one before, and sends it in time; never rejects. One at a time.
   * @param {Snapshot} snapshot
   * @param {{ from: Date, until: Date }} window
   */
  async add(snapshot, { from, until }) {
    if (this.#adding !== undefined) return this.skip();
    try {
      // The caller may dispose its own.
      const own = shareSnapshot(snapshot);
      this.#adding = this.#add(own, Number(from), Number(until)).finally(() => {
        this.#adding = undefined;
      });
      await this.#adding;
    } catch (error) {
      this.#fail(error);
    }
  }

  /** Sends all that can be sent now; one attempt each. */
  async flush() {
    await this.#adding;
    this.#failures = 0;
    clearTimeout(this.#timer);
    await this.#send();
  }

  /** What is not sent by now the next process sends. */
  async stop() {
    this.#end.abort();
    clearTimeout(this.#timer);
    await Promise.all([this.#adding, this.#sending]);
    this.#base?.[Symbol.dispose]?.();
    this.#base = undefined;
  }

  stats() {
    const { lost, ...rest } = this.#stats;
    return {
      ...rest,
      lost: { ...lost },
      pending: this.#spool.length,
      pendingBytes: this.#spool.bytes,
      lastError: this.#lastError,
    };
  }

  async #add(snapshot, from, until) {
    try {
      if (this.#end.signal.aborted) return;
      const window = await this.#encode(snapshot);
      await this.#spool.put(window.bytes, from, until);
    } catch (error) {
      return this.#fail(error);
    } finally {
      if (this.#base !== snapshot) snapshot[Symbol.dispose]?.();
    }
    if (this.#timer === undefined) this.#send();
  }

  async #encode(snapshot) {
    const base = this.#base?.sessionId === snapshot.sessionId ? this.#base : undefined;
    const changes = bare({ labels: this.#labels });
    const window = await encodeWindow(snapshot, { base, ...LIMITS }, changes);
    this.#stats.foldedSamples += window.foldedSamples;
    this.#stats.foldedBytes += window.foldedBytes;
    this.#base?.[Symbol.dispose]?.();
    // What is live is told as it is: only of what was allocated there is something to subtract.
    this.#base = snapshot.estimate('allocated') === null ? undefined : snapshot;
    return window;
  }

  /** One at a time, until nothing is left or one has to wait. */
  #send() {
    this.#sending ??= this.#sendAll().finally(() => {
      this.#sending = undefined;
    });
    return this.#sending;
  }

  async #sendAll() {
    this.#timer = undefined;
    try {
      while (!this.#end.signal.aborted) {
        const entry = await this.#spool.first();
        const wait = entry && (await this.#sendOne(entry));
        if (wait !== undefined) this.#timer = setTimeout(() => this.#send(), wait).unref();
        if (entry === undefined || wait !== undefined) return;
      }
    } catch (error) {
      this.#note(error);
    }
  }

  /** How long to wait if it has to be sent again. */
  async #sendOne(entry) {
    let answer;
    try {
      const bytes = await this.#spool.read(entry);
      if (bytes === undefined) return this.#lose(entry);
      answer = await post(this.#options, { ...entry, bytes }, this.#end.signal);
    } catch (error) {
      return this.#retry(error);
    }
    const { status, retryAfter } = answer;
    if (status >= 200 && status < 300) {
      this.#failures = 0;
      this.#stats.sent += 1;
      await this.#spool.remove(entry);
      return undefined;
    }
    const error = new Error(
      `${this.#options.url} answered ${status}: ${answer.text.slice(0, 200)}`,
    );
    if (status >= 500 || RETRIED.has(status)) return this.#retry(error, retryAfter);
    this.#stats.lost.rejected += 1;
    this.#note(error);
    await this.#spool.remove(entry);
    return undefined;
  }

  async #lose(entry) {
    this.#fail(new Error(`somebody removed or changed ${entry.name}`));
    await this.#spool.remove(entry);
  }

  /** Longer each time, not at once with all the others that it failed for, and not before the server wants it. */
  #retry(error, retryAfter = '') {
    if (this.#end.signal.aborted) return undefined;
    this.#note(error);
    this.#stats.retries += 1;
    const longest = Math.min(LONGEST_RETRY_MS, RETRY_MS * 2 ** this.#failures);
    this.#failures += 1;
    const asked = /^\d{1,5}$/.test(retryAfter) ? Number(retryAfter) * 1000 : 0;
    return Math.min(LONGEST_RETRY_MS, Math.max(asked, longest * (0.5 + Math.random())));
  }

  #fail(error) {
    this.#stats.lost.failed += 1;
    this.#note(error);
  }

  #note(error) {
    this.#lastError = error;
  }
}

/**
 * @param {any} options what checkPush() returned
 * @param {{ directory: string, labels?: Record<string, string> }} inside
 */
function createPush(options, inside) {
  return new Push(options, inside);
}

module.exports = { createPush };
