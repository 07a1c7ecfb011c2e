// A monitor: takes profiles when its triggers ask for them, one at a time, and goes on whatever fails.
'use strict';

const { EventEmitter } = require('node:events');
const { bare } = require('../bare.js');
const { tryLoad } = require('../native.js');
const { onExit } = require('../on-exit.js');
const session = require('../session.js');
const { takeSnapshot } = require('../snapshot.js');
const { Files } = require('./files.js');
const { watchHeapLimit } = require('./heap-limit.js');
const { Machine } = require('./machine.js');
const { Records } = require('./records.js');
const { leadingSites, summaryOf, summaryOfFile } = require('./summary.js');
const { Threads } = require('./threads.js');
const { Triggers } = require('./triggers.js');
const { Voice } = require('./voice.js');

/** @import { MonitorStats, ProfileReason } from '../../index.d.ts' */

/** Between two profiles that signals ask for, milliseconds. */
const SIGNAL_GAP = 1000;

/** How long after a failure the next attempt is, at first and at most: each takes a profile anew. */
const RETRY_MS = 1000;
const LONGEST_RETRY_MS = 60_000;

/** How long `stop()` waits for the profile that is being written. */
const LONGEST_STOP_MS = 5000;

class Monitor extends EventEmitter {
  #options;
  #machine;
  #files;
  /** @type {InstanceType<typeof Triggers> | undefined} */
  #triggers;
  /** @type {(() => void)[]} */
  #ends = [];
  /** @type {InstanceType<typeof import('./pushes.js').Pushes> | undefined} */
  #pushes;
  /**
   * The profile that is being written: resolves to its path or, if that failed, to undefined.
   * @type {Promise<string | undefined> | undefined}
   */
  #work;
  /** @type {ProfileReason | undefined} what asked meanwhile */
  #waiting;
  #callOffRetry = () => {};
  #threads = new Threads();
  #voice = new Voice(this);
  #notBefore = -Infinity;
  #lastSignal = -Infinity;
  #failures = 0;
  /** @type {Promise<string | undefined> | undefined} */
  #flushing;
  /** @type {Promise<void> | undefined} */
  #stopped;
  #records = new Records();

  /**
   * Not for callers: `monitor()` checks the options.
   * @param {any} options checked
   * @param {{ machine?: InstanceType<typeof Machine>, onWritten?: (path: string) => void }} [inside]
   */
  constructor(options, inside = {}) {
    super();
    const { machine = new Machine(), onWritten = () => {} } = bare(inside);
    this.#options = options;
    this.#machine = machine;
    this.#files = new Files(options);
    this.#onWritten = onWritten;
    session.join('monitor');
    this.#attempt(() => session.ensureSampling());
    // Where nothing can be sampled nothing is to be waited for.
    if (tryLoad() === undefined) return;
    this.#attempt(() => this.#files.prepare());
    this.#attempt(() => this.#begin());
  }
  #onWritten;

  files() {
    return this.#files.list();
  }

  /** @returns {MonitorStats} */
  stats() {
    const isWriting = this.#work !== undefined;
    return { ...this.#records.stats(), isWriting, push: this.#pushes?.stats() ?? null };
  }

  async snapshotAll() {
    return this.#threads.snapshotAll();
  }

  async flush() {
    // What is being written was taken before; those who ask meanwhile share the next.
    if (this.#work !== undefined) this.#flushing ??= this.#flushLater();
    const file = await (this.#flushing ?? this.#flushNow());
    await this.#pushes?.flush();
    return file;
  }

  async stop() {
    this.#stopped ??= this.#end();
    return this.#stopped;
  }

  async [Symbol.asyncDispose]() {
    return this.stop();
  }

  #begin() {
    const options = { ...this.#options, dir: this.#files.directory };
    const { signal, onExit: atExit } = options;
    const ask = (reason) => this.#ask(reason);
    const onError = (error) => this.#report(error);
    this.#triggers = new Triggers(options, this.#machine, ask, onError);
    if (atExit) this.#ends.push(onExit((hasEnded) => this.#writeLast(hasEnded)));
    if (signal.abort !== undefined) this.#stopWith(signal.abort);
    this.#attempt(() => this.#beginPushes());
    this.#attempt(() => this.#watchHeapLimit());
    this.#attempt(() => this.#threads.begin(options, onError));
    this.#ends.push(() => this.#threads.stop());
  }

  #watchHeapLimit() {
    if (this.#options.heapLimit === undefined) return;
    const onWritten = (path) => void this.#survived(path);
    const onError = (error) => this.#report(error, true);
    this.#ends.push(watchHeapLimit(this.#options, this.#files, onWritten, onError));
  }

  /** Native code wrote it when the heap was nearly full, and the thread lives on. */
  async #survived(file) {
    try {
      this.#files.add(file);
      this.#count(file, 'heapLimit');
      if (!this.#voice.isHeard()) return;
      const summary = await summaryOfFile(file, this.#machine);
      await this.#voice.publishLater({ file, reason: 'heapLimit', summary });
    } catch (error) {
      this.#report(error);
    }
  }

  #beginPushes() {
    if (this.#options.push === undefined) return;
    // Not loaded by who pushes nothing.
    const { Pushes } = require('./pushes.js');
    const onError = (error) => this.#report(error);
    this.#pushes = new Pushes(this.#options, this.#files.directory, this.#machine, onError);
  }

  /** @param {AbortSignal} abort */
  #stopWith(abort) {
    const stop = () => void this.stop();
    if (abort.aborted) return stop();
    abort.addEventListener('abort', stop, { once: true });
    this.#ends.push(() => abort.removeEventListener('abort', stop));
  }

  async #end() {
    this.#attempt(() => this.#triggers?.stop());
    this.#callOffRetry();
    this.#waiting = undefined;
    for (const end of this.#ends) this.#attempt(end);
    // A disk that hangs must not keep the program from its end.
    const isLong = new Promise((resolve) => this.#machine.after(LONGEST_STOP_MS, () => resolve(0)));
    await Promise.race([Promise.all([this.#work, this.#pushes?.stop()]), isLong]);
    this.#attempt(() => session.leave('monitor'));
  }

  async #flushLater() {
    while (this.#work !== undefined) await this.#work;
    this.#flushing = undefined;
    return this.#flushNow();
  }

  #flushNow() {
    if (this.#stopped !== undefined || session.isHalted()) return undefined;
    this.#start('flush');
    return this.#work;
  }

  /** @param {ProfileReason} reason */
  #ask(reason) {
    if (this.#stopped !== undefined || session.isHalted()) return;
    const isBusy = this.#work !== undefined || this.#waiting !== undefined;
    if (reason === 'interval' && isBusy) {
      this.#records.skipped();
    } else if (this.#work === undefined && this.#earliest(reason) <= this.#machine.now()) {
      this.#start(reason);
    } else {
      this.#waiting ??= reason;
      this.#askLater();
    }
  }

  #earliest(reason) {
    return Math.max(this.#notBefore, reason === 'signal' ? this.#lastSignal + SIGNAL_GAP : 0);
  }

  /** Has what waits asked for as soon as it may be; while something is written that is after it. */
  #askLater() {
    const reason = this.#waiting;
    if (reason === undefined || this.#work !== undefined) return;
    const wait = this.#earliest(reason) - this.#machine.now();
    this.#callOffRetry();
    this.#callOffRetry = this.#machine.after(Math.max(1, wait), () => {
      this.#waiting = undefined;
      this.#ask(reason);
    });
  }

  /** Whoever waits for a profile gets this one. */
  #start(reason) {
    this.#callOffRetry();
    this.#waiting = undefined;
    if (reason === 'signal') this.#lastSignal = this.#machine.now();
    this.#work = this.#takeAndWrite(reason).finally(() => {
      this.#work = undefined;
      this.#askLater();
    });
  }

  /** Captures at once, writes meanwhile; never rejects. */
  async #takeAndWrite(reason) {
    let snapshot;
    try {
      snapshot = takeSnapshot();
      this.#triggers?.taken(this.#machine.rss());
      const summary = summaryOf(snapshot, this.#machine);
      const file = await this.#files.write(snapshot, (error) => this.#report(error));
      this.#count(file, reason);
      if (this.#voice.isHeard()) summary.sites = await leadingSites(snapshot);
      await this.#voice.publishLater({ file, reason, summary });
      return file;
    } catch (error) {
      this.#fail(error, reason);
      return undefined;
    } finally {
      snapshot?.[Symbol.dispose]?.();
    }
  }

  /** For the end of the thread. */
  #writeLast(hasEnded) {
    let file;
    try {
      const snapshot = takeSnapshot(hasEnded);
      file = this.#files.writeSync(snapshot);
      this.#count(file, 'exit');
      const summary = summaryOf(snapshot, this.#machine);
      this.#voice.publish({ file, reason: 'exit', summary });
    } catch (error) {
      // Warnings come a tick later, and there is none.
      const what = file === undefined ? 'no profile was written' : `after ${file} was written`;
      console.error(`HeapProfileWarning: ${what}: ${error.message}`);
    }
  }

  #count(file, reason) {
    this.#failures = 0;
    this.#notBefore = -Infinity;
    this.#voice.calmDown();
    this.#records.written(file, reason);
    this.#onWritten(file);
  }

  /** Tries again after a while, which grows. */
  #fail(error, reason) {
    this.#report(error, true);
    const longest = Math.min(LONGEST_RETRY_MS, RETRY_MS * 2 ** this.#failures);
    this.#failures += 1;
    const wait = Math.min(longest, this.#options.intervalMs);
    this.#notBefore = this.#machine.now() + wait;
    if (error.code === 'ERR_NOT_SAMPLING') this.#attempt(() => session.ensureSampling());
    // Who flushes is told, and may ask again.
    if (this.#stopped === undefined && reason !== 'flush') this.#waiting ??= reason;
  }

  #attempt(work) {
    try {
      work();
    } catch (error) {
      this.#report(error);
    }
  }

  #report(error, isLost = false) {
    this.#records.failed(error);
    this.#voice.complain(error, isLost);
  }
}

// Node.js before 18.18 has no such symbol, and the method would be called that.
Reflect.deleteProperty(Monitor.prototype, 'undefined');

module.exports = { Monitor };
