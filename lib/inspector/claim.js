// Who is attached to a process, and whether its inspector is ours to close: a note in the process
// itself, on its global object. The one thread that it has makes reading and writing it atomic, and
// the note goes with the process. What a killed attach left is told by its owner being gone.
'use strict';

const { readFileSync } = require('node:fs');
const { CommandError } = require('../errors.js');
const { noProtocol } = require('./session.js');

const KEY = "Symbol.for('heap-profile.attach')";
const NOTE = `globalThis[${KEY}]`;
const CLOSE = "require('node:inspector').close()";

/** { pid, startTime } of this process. */
const SELF = { pid: process.pid, startTime: startTimeOf(process.pid) };

class Claim {
  #session;
  #isOpener;
  #isAsked = false;

  /** `isOpener` says that we had the inspector opened. */
  constructor(session, isOpener) {
    this.#session = session;
    this.#isOpener = isOpener;
  }

  /**
   * Throws if another attach has the process. Resolves to whether a dead one left it open. `waiting`
   * is the AbortSignal of who waits for it.
   */
  async take(waiting) {
    const found = await this.#write();
    if (isSame(found.owner, SELF)) return false;
    if (isAlive(found.owner)) throw refusal(found.owner);
    waiting.throwIfAborted();
    const { owner } = await this.#write(found.owner);
    if (!isSame(owner, SELF)) throw refusal(owner);
    return found.isOpener === true;
  }

  /** Removes the note and closes what an attach opened. The answer is that the connection ends. */
  async release() {
    if (this.#isAsked) await this.#session.evaluate(releasing(this.#isOpener));
    else if (this.#isOpener) await this.#session.evaluate(CLOSE);
  }

  /** The note after it: ours, if there was none or that of `dead`. */
  async #write(dead) {
    this.#isAsked = true;
    const note = await this.#session.evaluate(claiming(this.#isOpener, dead));
    if (typeof note?.owner !== 'object') throw noProtocol();
    return note;
  }
}

function refusal(owner) {
  return new CommandError(
    `process ${owner?.pid} is attached to it already: wait until it is done, or end it`,
  );
}

/** Whoever has it closes the inspector, also one that we opened at the same time. */
function claiming(isOpener, dead) {
  return `(() => {
    const held = ${NOTE};
    const isFree = held === undefined || JSON.stringify(held?.owner) === ${asText(dead)};
    if (!isFree) {
      if (${isOpener}) held.isOpener = true;
      return held;
    }
    const value = { owner: ${JSON.stringify(SELF)}, isOpener: ${isOpener} || held?.isOpener === true };
    // A global object that is frozen takes no note: that is no reason not to sample.
    Reflect.defineProperty(globalThis, ${KEY}, { value, configurable: true });
    return value;
  })()`;
}

/** Another's note stays, and so does its inspector. */
function releasing(isOpener) {
  return `(() => {
    const held = ${NOTE};
    if (held !== undefined && JSON.stringify(held?.owner) !== ${asText(SELF)}) return;
    Reflect.deleteProperty(globalThis, ${KEY});
    if (${isOpener} || held?.isOpener === true) ${CLOSE};
  })()`;
}

/** An expression that is worth the value's JSON. */
function asText(value) {
  return JSON.stringify(JSON.stringify(value));
}

function isSame(one, other) {
  return one?.pid === other.pid && one.startTime === other.startTime;
}

/** The same number may have become another process. */
function isAlive(owner) {
  if (!Number.isSafeInteger(owner?.pid)) return false;
  return owner.startTime !== undefined && startTimeOf(owner.pid) === owner.startTime;
}

/** In the system's ticks since it started; undefined if there is no such process any more. */
function startTimeOf(pid) {
  try {
    // The name before may contain anything, parentheses too.
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    const [state, ...rest] = stat.slice(stat.lastIndexOf(') ') + 2).split(' ');
    return state === 'Z' ? undefined : rest[18];
  } catch {
    return undefined;
  }
}

module.exports = { Claim };
