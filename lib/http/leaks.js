// The verdict over the files of a monitor or of a directory: one hunt at a time, whose answer serves all for a while.
'use strict';

const { readdir, stat } = require('node:fs/promises');
const { basename, join, resolve } = require('node:path');
const { performance } = require('node:perf_hooks');
const { findLeaks, tooFew } = require('../snapshot.js');
const { Refusal } = require('./refusal.js');

const PROFILE = /\.(?:heapprofile|pb\.gz)$/;

/** Of more files the newest. */
const MOST_FILES = 100;

/** An answer serves for this long, or for so much longer than it took. */
const SHARED_MS = 10_000;
const REST = 20;

class LeakAnswers {
  #sources;
  /** @type {Promise<any> | undefined} */
  #answer;

  /** @param {{ monitor?: { files(): string[] }, dir?: string }} sources */
  constructor({ monitor, dir }) {
    // The program may change the current directory, and its name is told to nobody.
    this.#sources = { monitor, dir: dir === undefined ? undefined : resolve(dir) };
  }

  take() {
    this.#answer ??= this.#hunt();
    return this.#answer;
  }

  async #hunt() {
    const start = performance.now();
    try {
      const answer = await findLeaks(await this.#files());
      if (answer.snapshots.length < 2) throw new Refusal(503, tooFew(answer));
      return withoutPaths(answer);
    } finally {
      const rest = Math.max(SHARED_MS, REST * (performance.now() - start));
      setTimeout(() => {
        this.#answer = undefined;
      }, rest).unref();
    }
  }

  async #files() {
    const { monitor, dir } = this.#sources;
    if (monitor !== undefined) return monitor.files().slice(-MOST_FILES);
    if (dir === undefined) {
      throw new Refusal(404, 'no files to look at: give the handler a monitor or a dir');
    }
    const names = (await readdir(dir)).filter((name) => PROFILE.test(name)).sort();
    return newest(names.map((name) => join(dir, name)));
  }
}

/** Of files by name those written last, the oldest first: names begin with host and process. */
async function newest(paths) {
  const writtenAt = (path) =>
    stat(path).then(
      ({ mtimeMs }) => ({ path, mtimeMs }),
      // It has gone meanwhile.
      () => [],
    );
  const files = (await Promise.all(paths.map(writtenAt))).flat();
  files.sort((a, b) => a.mtimeMs - b.mtimeMs);
  return files.slice(-MOST_FILES).map(({ path }) => path);
}

/** Where the files are is nobody's business. */
function withoutPaths({ snapshots, others, skipped, ...answer }) {
  return {
    ...answer,
    snapshots: snapshots.map((path) => basename(path)),
    others: others.map((other) => ({
      ...other,
      snapshots: other.snapshots.map((path) => basename(path)),
    })),
    skipped: skipped.map(({ path, message }) => ({
      path: basename(path),
      message: message.replaceAll(path, basename(path)),
    })),
  };
}

module.exports = { LeakAnswers };
