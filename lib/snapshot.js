// A capture: held in native memory until JavaScript asks for a tree or a file.
'use strict';

const { basename, resolve } = require('node:path');
const { fileError, invalidArgType } = require('./errors.js');
const { describeHost } = require('./host.js');
const { load } = require('./native.js');
const { checkFilename } = require('./options.js');
const { allocationTree, devToolsHead, devToolsSamples, translatedTree } = require('./tree.js');

/** Known to this file only. The class of `native` will not do: each load of the addon has one. */
const KEY = Symbol('key');

class Snapshot {
  #native;

  /** Not for callers: snapshots come from `snapshot()`. */
  constructor(native, key) {
    if (key !== KEY) {
      throw invalidArgType('native', 'a capture: call snapshot() to get a Snapshot', native);
    }
    this.#native = native;
  }

  get nodeCount() {
    return this.#native.nodeCount;
  }

  get sampleCount() {
    return this.#native.sampleCount;
  }

  get liveBytes() {
    return this.#native.liveBytes;
  }

  get takenAt() {
    return new Date(this.#native.takenAt);
  }

  get sampleIntervalBytes() {
    return this.#native.sampleIntervalBytes;
  }

  get timings() {
    return { v8Ms: this.#native.v8Ms, copyMs: this.#native.copyMs };
  }

  tree() {
    return allocationTree(this.#native);
  }

  toJSON() {
    return { head: devToolsHead(this.#native), samples: devToolsSamples(this.#native) };
  }

  async write(filename) {
    checkFilename(filename);
    const outcome =
      filename === undefined
        ? await this.#native.writeInto(resolve('.'), Date.now())
        : await this.#native.writeTo(resolve(filename));
    if (outcome.message !== undefined) throw fileError(outcome);
    return filename ?? basename(outcome.path);
  }

  /** The tree of `get(true)`. */
  static translate(snapshot) {
    return translatedTree(snapshot.#native);
  }
}

/** Captures the running session of this thread; throws ERR_NOT_SAMPLING without one. */
function takeSnapshot() {
  return new Snapshot(load().snapshot(describeHost()), KEY);
}

module.exports = { Snapshot, takeSnapshot };
