// A monitor: takes profiles when its triggers ask for them, one at a time, and goes on whatever fails.
'use strict';

const { EventEmitter } = require('node:events');
const { bare } = require('../bare.js');
const { tryLoad } = require('../native.js');
const { onExit } = require('../on-exit.js');
const session = require('../session.js');
const { Snapshot, takeSnapshot } = require('../snapshot.js');
const { Files } = require('./files.js');
const { watchHeapLimit } = require('./heap-limit.js');
const { Machine } = require('./machine.js');
const { leadingSites, summaryOf } = require('./summary.js');
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
  #stats = { written: 0, failed: 0, skipped: 0 };
  /** @type {{ file: string | null, error: Error | null, reasons: Record<string, number> }} */
  #last = { file: null, error: null, reasons: Object.create(null) };

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
    const { file, error, reasons } = this.#last;
    return {
      ...this.#stats,
      isWriting: this.#work !== undefined,
      reasons: { ...reasons },
      lastFile: file,
      lastError: error,
      push: this.#pushes?.stats() ?? null,
    };
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
    const { signal, onExit: atExit } = this.#options;
    this.#triggers = new Triggers(
      this.#options,
      this.#machine,
      (reason) => this.#ask(reason),
      (error) => this.#report(error),
    );
    if (atExit) this.#ends.push(onExit((hasEnded) => this.#writeLast(hasEnded)));
    if (signal.abort !== undefined) this.#stopWith(signal.abort);
    this.#attempt(() => this.#beginPushes());
    this.#attempt(() => this.#watchHeapLimit());
    this.#attempt(() => this.#threads.begin(this.#options, (error) => this.#report(error)));
    this.#ends.push(() => this.#threads.stop());
  }

  #watchHeapLimit() {
    const { heapLimit, format, keep, labels } = this.#options;
    if (heapLimit === undefined) return;
    const { directory, writer } = this.#files;
    const plan = { ...heapLimit, directory, writer, format, keep, labels };
    const onWritten = (path) => void this.#survived(path);
    this.#ends.push(watchHeapLimit(plan, onWritten, (error) => this.#report(error)));
  }

  /** Native code wrote it when the heap was nearly full, and the thread lives on. */
  async #survived(file) {
    try {
      this.#files.add(file);
      this.#count(file, 'heapLimit');
      if (!this.#voice.isHeard()) return;
      const snapshot = await Snapshot.read(file);
      const summary = summaryOf(snapshot, this.#machine);
      summary.sites = await leadingSites(snapshot);
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
    this.#triggers?.stop();
    this.#callOffRetry();
    this.#waiting = undefined;
    for (const end of this.#ends) end();
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
      this.#stats.skipped += 1;
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
    if (session.isHalted()) return;
    try {
      const snapshot = takeSnapshot(hasEnded);
      const file = this.#files.writeSync(snapshot);
      this.#count(file, 'exit');
      const summary = summaryOf(snapshot, this.#machine);
      this.#voice.publish({ file, reason: 'exit', summary });
    } catch (error) {
      // Warnings come a tick later, and there is none.
      console.error(`HeapProfileWarning: no profile was written: ${error.message}`);
    }
  }

  #count(file, reason) {
    this.#failures = 0;
    this.#notBefore = -Infinity;
    this.#voice.calmDown();
    this.#stats.written += 1;
    this.#last.reasons[reason] = (this.#last.reasons[reason] ?? 0) + 1;
    this.#last.file = file;
    this.#onWritten(file);
  }

  /** Tries again after a while, which grows. */
  #fail(error, reason) {
    this.#report(error);
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

  #report(error) {
    this.#stats.failed += 1;
    this.#last.error = error;
    this.#voice.complain(error);
  }
}

// Node.js before 18.18 has no such symbol, and the method would be called that.
Reflect.deleteProperty(Monitor.prototype, 'undefined');

module.exports = { Monitor };
