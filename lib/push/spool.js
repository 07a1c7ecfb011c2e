// What is to be sent, on disk: a file for each profile, the oldest first, bounded in bytes and in age. Names tell all,
// so that a process that starts anew, in the same container or on the same machine, sends what the one before left.
'use strict';

const { createHash } = require('node:crypto');
const { mkdir, open, readdir, readFile, rename, stat, unlink } = require('node:fs/promises');
const { hostname } = require('node:os');
const { join } = require('node:path');
const { threadId } = require('node:worker_threads');

/** Pyroscope takes nothing that is older. */
const MAX_AGE_MS = 3_600_000;
/** Of this thread, on disk. */
const MAX_BYTES = 32 * 2 ** 20;

/** until, from, what it is of, host, process, thread, number. */
const NAME = /^push-(\d+)-(\d+)-([0-9a-f]{8})-([0-9a-f]{8})-(\d+)-(\d+)-(\d+)\.pb\.gz$/;

const HOST = hashOf(hostname());
/** Several of one thread, one after the other or side by side, do not share names. */
let lastNumber = 0;

function hashOf(text) {
  return createHash('sha256').update(text).digest('hex').slice(0, 8);
}

/** @typedef {{ name: string, from: number, until: number, bytes: number }} Entry */

class Spool {
  #directory;
  #name;
  #onDrop;
  /** @type {Entry[]} the oldest first */
  #entries = [];
  /** @type {Promise<void> | undefined} */
  #ready;

  /**
   * @param {string} directory made when something is put into it
   * @param {string} name what the profiles are of
   * @param {(reason: 'expired' | 'full') => void} onDrop called for each that is lost
   */
  constructor(directory, name, onDrop) {
    this.#directory = directory;
    this.#name = hashOf(name);
    this.#onDrop = onDrop;
  }

  get length() {
    return this.#entries.length;
  }

  get bytes() {
    return this.#entries.reduce((sum, { bytes }) => sum + bytes, 0);
  }

  /** Makes the directory, and takes over what a process that is gone has left. */
  prepare() {
    this.#ready ??= this.#prepare().catch((error) => {
      this.#ready = undefined;
      throw error;
    });
    return this.#ready;
  }

  /**
   * @param {Buffer} bytes
   * @param {number} from milliseconds since 1970
   * @param {number} until milliseconds since 1970
   */
  async put(bytes, from, until) {
    await this.prepare();
    const name = this.#newName(from, until);
    await this.#write(name, bytes);
    this.#entries.push({ name, from, until, bytes: bytes.length });
    while (this.bytes > MAX_BYTES && this.#entries.length > 1) await this.#drop('full');
  }

  /**
   * The oldest that is not too old.
   * @returns {Promise<Entry | undefined>}
   */
  async first() {
    await this.prepare();
    while (this.#entries.length > 0 && this.#entries[0].until < Date.now() - MAX_AGE_MS) {
      await this.#drop('expired');
    }
    return this.#entries[0];
  }

  /** @param {Entry} entry */
  read({ name }) {
    return readFile(join(this.#directory, name));
  }

  /**
   * It is sent, or never will be.
   * @param {Entry} entry
   */
  async remove(entry) {
    this.#entries = this.#entries.filter((other) => other !== entry);
    await unlink(join(this.#directory, entry.name)).catch(() => {});
  }

  async #drop(reason) {
    this.#onDrop(reason);
    await this.remove(this.#entries[0]);
  }

  #newName(from, until) {
    lastNumber += 1;
    const parts = [until, from, this.#name, HOST, process.pid, threadId, lastNumber];
    return `push-${parts.join('-')}.pb.gz`;
  }

  /** Whole under its name, or not there. */
  async #write(name, bytes) {
    const temporary = join(this.#directory, `.${name}.tmp`);
    try {
      const file = await open(temporary, 'wx', 0o600);
      try {
        await file.writeFile(bytes);
      } finally {
        await file.close();
      }
      await rename(temporary, join(this.#directory, name));
    } catch (error) {
      await unlink(temporary).catch(() => {});
      throw error;
    }
  }

  async #prepare() {
    await mkdir(this.#directory, { recursive: true, mode: 0o700 });
    const names = (await readdir(this.#directory)).sort();
    for (const name of names) await this.#takeOver(name);
  }

  /** Of several processes that start, the one that renames it has it. */
  async #takeOver(old) {
    const parts = NAME.exec(old.replace(/^\.(.*)\.tmp$/, '$1'));
    if (parts === null) return;
    const [until, from] = [Number(parts[1]), Number(parts[2])];
    const [, , , name, host, pid, thread] = parts;
    const place = join(this.#directory, old);
    const isOld = until < Date.now() - MAX_AGE_MS;
    const isOurs = name === this.#name && host === HOST && isGone(Number(pid), Number(thread));
    // Too late for whoever put it there, or half written.
    if (isOld || (isOurs && old.startsWith('.'))) return void (await unlink(place).catch(() => {}));
    if (!isOurs) return;
    const entry = { name: this.#newName(from, until), from, until };
    try {
      await rename(place, join(this.#directory, entry.name));
      const { size } = await stat(join(this.#directory, entry.name));
      this.#entries.push({ ...entry, bytes: size });
    } catch {
      // Somebody else has it.
    }
  }
}

/** Whether no process of that number runs; one of our own number was before us, in a container that started anew. */
function isGone(pid, thread) {
  if (pid === process.pid) return thread === threadId && lastNumber === 0;
  try {
    process.kill(pid, 0);
    return false;
  } catch (error) {
    return error.code === 'ESRCH';
  }
}

module.exports = { Spool };
