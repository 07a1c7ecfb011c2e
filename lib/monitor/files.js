// The profiles that a monitor writes: their names, the directory, and which of them are still there.
'use strict';

const { existsSync, mkdirSync } = require('node:fs');
const { mkdir } = require('node:fs/promises');
const { resolve } = require('node:path');
const { threadId } = require('node:worker_threads');
const { bare } = require('../bare.js');
const { writeInto, writeIntoSync } = require('../snapshot.js');
const { writerName } = require('./options.js');

/** For nobody but the owner, as the files. */
const PRIVATE = { recursive: true, mode: 0o700 };

/** Of this thread's files, those of all monitors together. */
let lastNumber = 0;

class Files {
  /** Where it is at the start: the program may change the current directory. */
  directory;
  writer = writerName(process.pid, threadId);
  #how;
  #keep;
  /** @type {string[]} */
  #written = [];

  constructor({ dir, format, sourceMaps, labels, keep }) {
    this.directory = resolve(dir);
    this.#how = { format, changes: bare({ sourceMaps, labels }) };
    this.#keep = keep;
  }

  /** Makes the directory if it is missing. */
  prepare() {
    mkdirSync(this.directory, PRIVATE);
  }

  /** Resolves to the path; `onMissing` gets the error if the directory had to be made anew. */
  async write(snapshot, onMissing) {
    const attempt = () => writeInto(snapshot, this.directory, this.#next());
    let path;
    try {
      path = await attempt();
    } catch (error) {
      if (error.code !== 'ENOENT') throw error;
      onMissing(error);
      await mkdir(this.directory, PRIVATE);
      path = await attempt();
    }
    this.add(path);
    return path;
  }

  /** For the end of a thread: the same at once. */
  writeSync(snapshot) {
    const path = writeIntoSync(snapshot, this.directory, this.#next());
    this.add(path);
    return path;
  }

  /** Counts a file that was written elsewhere. */
  add(path) {
    this.#written.push(path);
    // More are not kept, so that nobody needs to look.
    if (this.#written.length > this.#keep.files) this.#written.shift();
  }

  /** Paths of those that are still there, the oldest first. */
  list() {
    this.#written = this.#written.filter((path) => existsSync(path));
    return [...this.#written];
  }

  #next() {
    lastNumber += 1;
    const series = bare({ writer: this.writer, number: lastNumber, keep: this.#keep });
    return { ...this.#how, series };
  }
}

module.exports = { Files };
