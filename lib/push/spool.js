// What is to be sent, on disk: a file for each profile, the oldest first, bounded in bytes and in age. Names tell all,
// so that a process that starts anew, in the same container or on the same machine, sends what the one before left.
'use strict';

const { createHash } = require('node:crypto');
const { constants } = require('node:fs');
const { chmod, lstat, mkdir, open, readdir, rename, unlink } = require('node:fs/promises');
const { hostname } = require('node:os');
const { join } = require('node:path');
const { threadId } = require('node:worker_threads');
const { codedError } = require('../errors.js');

/** Pyroscope takes nothing that is older. */
const MAX_AGE_MS = 3_600_000;
/** Of this thread, on disk. */
const MAX_BYTES = 32 * 2 ** 20;
/** No file of ours is larger. */
const MAX_FILE_BYTES = 8 * 2 ** 20;
/** What is younger is left to whoever wrote it: containers that share a host name each have a process 1. */
const SETTLED_MS = 60_000;

/** No link is followed, and no FIFO waited for. */
const READ = constants.O_RDONLY | (constants.O_NOFOLLOW ?? 0) | (constants.O_NONBLOCK ?? 0);

/** until, from, what it is of, host, process, thread, number. */
const NAME = /^push-(\d+)-(\d+)-([0-9a-f]{8})-([0-9a-f]{8})-(\d+)-(\d+)-(\d+)\.pb\.gz$/;

const HOST = hashOf(hostname());
/** Names of this thread have numbers above; those up to here are of one that had our ids before. */
const FIRST_NUMBER = Date.now();
/** Several of one thread, one after the other or side by side, do not share names. */
let lastNumber = FIRST_NUMBER;

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
  /** When what was too young to be taken over no longer is. */
  #nextLook = Infinity;

  /**
   * @param {string} directory made when something is put into it, of this user's own
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

  /** Takes over what a process that is gone has left. */
  #prepare() {
    if (Date.now() >= this.#nextLook) this.#ready = undefined;
    this.#ready ??= this.#takeOverAll().catch((error) => {
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
    await mkdir(this.#directory, { recursive: true, mode: 0o700 });
    await this.#checkDirectory();
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
    await this.#prepare();
    while (this.#entries.length > 0 && this.#entries[0].until < Date.now() - MAX_AGE_MS) {
      await this.#drop('expired');
    }
    return this.#entries[0];
  }

  /**
   * Undefined where it is not what was put there, or is no more.
   * @param {Entry} entry
   */
  async read({ name, bytes }) {
    const file = await open(join(this.#directory, name), READ).catch((error) => {
      if (!['ENOENT', 'ELOOP'].includes(error.code)) throw error;
    });
    try {
      const status = await file?.stat();
      return status !== undefined && isOwnFile(status) && status.size === bytes
        ? await file?.readFile()
        : undefined;
    } finally {
      await file?.close();
    }
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

  /** What is sent is read from here: nobody else may have put it there. */
  async #checkDirectory() {
    const status = await lstat(this.#directory);
    if (!status.isDirectory() || !isOwn(status)) {
      throw codedError('ERR_ACCESS_DENIED', `${this.#directory} is no directory of this user`);
    }
    // Volumes of containers may open it to a group.
    if (process.getuid !== undefined && status.mode & 0o022) await chmod(this.#directory, 0o700);
  }

  async #takeOverAll() {
    this.#nextLook = Infinity;
    const names = await readdir(this.#directory).catch((error) => {
      if (error.code === 'ENOENT') return [];
      throw error;
    });
    if (names.length === 0) return;
    await this.#checkDirectory();
    for (const name of names) await this.#takeOver(name);
    this.#entries.sort((a, b) => a.until - b.until);
  }

  /** Of several processes that start, the one that renames it has it. */
  async #takeOver(old) {
    const parts = NAME.exec(old.replace(/^\.(.*)\.tmp$/, '$1'));
    if (parts === null) return;
    const [until, from] = [Number(parts[1]), Number(parts[2])];
    const [, , , name, host, ...ids] = parts;
    const place = join(this.#directory, old);
    const age = Date.now() - until;
    const isOurs = name === this.#name && host === HOST && isGone(...ids.map(Number));
    if (age > MAX_AGE_MS) return void (await unlink(place).catch(() => {}));
    if (!isOurs) return;
    if (age < SETTLED_MS) {
      this.#nextLook = Math.min(this.#nextLook, until + SETTLED_MS);
      return;
    }
    // Half written.
    if (old.startsWith('.')) return void (await unlink(place).catch(() => {}));
    await this.#take(place, { name: this.#newName(from, until), from, until });
  }

  async #take(place, entry) {
    try {
      const status = await lstat(place);
      if (!isOwnFile(status) || status.size > MAX_FILE_BYTES) return;
      await rename(place, join(this.#directory, entry.name));
      this.#entries.push({ ...entry, bytes: status.size });
    } catch {
      // Somebody else has it.
    }
  }
}

function isOwn({ uid }) {
  return process.getuid === undefined || uid === process.getuid();
}

function isOwnFile(status) {
  return status.isFile() && isOwn(status);
}

/** Whether no process of that number runs; one of our own number was before us, in a container that started anew. */
function isGone(pid, thread, number) {
  if (pid === process.pid) return thread === threadId && number <= FIRST_NUMBER;
  try {
    process.kill(pid, 0);
    return false;
  } catch (error) {
    return error.code === 'ESRCH';
  }
}

module.exports = { Spool };
