// What makes a monitor take a profile: time, full collections, rules, a signal. One timer for all.
'use strict';

const { isMainThread } = require('node:worker_threads');
const { Rules } = require('./rules.js');
const { Schedule } = require('./schedule.js');

/** How often the rules are asked at least, milliseconds; they are on each full collection, too. */
const TICK = 2000;

/** What timers take. */
const LONGEST = 2 ** 31 - 1;

class Triggers {
  #machine;
  #schedule;
  /** @type {InstanceType<typeof Rules> | undefined} */
  #rules;
  #ask;
  #onError;
  #isOver = false;
  #callOffTimer = () => {};
  /** @type {(() => void)[]} */
  #ends = [];

  /**
   * @param {{ intervalMs: number, rules: any, signal: { name?: NodeJS.Signals } }} options checked
   * @param {InstanceType<typeof import('./machine.js').Machine>} machine
   * @param {(reason: import('../../index.d.ts').ProfileReason) => void} ask
   * @param {(error: Error) => void} onError for what nobody expects: these are calls from the event loop
   */
  constructor({ intervalMs, rules, signal }, machine, ask, onError) {
    this.#machine = machine;
    this.#schedule = new Schedule(intervalMs, machine.now());
    this.#rules = rules ? new Rules(rules) : undefined;
    this.#ask = ask;
    this.#onError = onError;
    this.#ends.push(machine.onFullCollection(() => this.#look(true)));
    // Workers get no signals.
    if (signal.name !== undefined && isMainThread) this.#listen(signal.name);
    this.#arm();
  }

  /** A profile was taken, for whatever reason: the rules ask what grew since. */
  taken(rss) {
    this.#rules?.taken(rss);
  }

  stop() {
    this.#isOver = true;
    this.#callOffTimer();
    for (const end of this.#ends) end();
  }

  #listen(signal) {
    const listener = () => this.#ask('signal');
    process.on(signal, listener);
    this.#ends.push(() => process.off(signal, listener));
  }

  /** The timer, once more: Node's takes no process's end away. */
  #arm() {
    const left = this.#schedule.due - this.#machine.now();
    const delay = Math.min(left, this.#rules === undefined ? LONGEST : TICK);
    if (left === Infinity && this.#rules === undefined) return;
    this.#callOffTimer = this.#machine.after(Math.max(1, Math.ceil(delay)), () => {
      this.#look(false);
      if (!this.#isOver) this.#arm();
    });
  }

  #look(isCollected) {
    // One call may still come after the end.
    if (this.#isOver) return;
    try {
      const now = this.#machine.now();
      const rule = this.#rules?.evaluate(this.#moment(now, isCollected));
      const isDue = this.#schedule.isDue(now, isCollected);
      if (isDue) this.#schedule.advance(now);
      if (rule !== undefined) this.#ask(rule);
      else if (isDue) this.#ask('interval');
    } catch (error) {
      this.#onError(error);
    }
  }

  /** @returns {import('./rules.js').Moment} */
  #moment(now, isCollected) {
    const machine = this.#machine;
    const [memoryLimit, heapLimit] = [machine.memoryLimit(), machine.heapLimit()];
    if (!isCollected) return { now, rss: machine.rss(), memoryLimit, heapLimit, live: undefined };
    const { rss, heapUsed } = machine.usage();
    return { now, rss, memoryLimit, heapLimit, live: heapUsed };
  }
}

module.exports = { Triggers };
