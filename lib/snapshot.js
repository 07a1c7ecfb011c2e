// A capture: held in native memory until JavaScript asks for a tree or a file.
'use strict';

const { basename, resolve } = require('node:path');
const { invalidArgType, settle } = require('./errors.js');
const { describeHost } = require('./host.js');
const { load } = require('./native.js');
const {
  checkBytes,
  checkEncodeOptions,
  checkFilename,
  checkFormat,
  checkInclude,
  checkWriteOptions,
} = require('./options.js');
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
    const { takenAt } = this.#native;
    return takenAt === null ? null : new Date(takenAt);
  }

  get sampleIntervalBytes() {
    return this.#native.sampleIntervalBytes;
  }

  get timings() {
    return this.#native.timings;
  }

  /** Why frames were left as they are although source maps were asked for. */
  get warnings() {
    return this.#native.warnings;
  }

  tree() {
    return allocationTree(this.#native);
  }

  toJSON() {
    return { head: devToolsHead(this.#native), samples: devToolsSamples(this.#native) };
  }

  estimate(include = 'live') {
    checkInclude('include', include);
    return this.#native.estimate(include);
  }

  async write(filename, options) {
    checkFilename(filename);
    const { format, ...changes } = checkWriteOptions(options);
    // Names are taken now: the current directory may be another one when the work begins.
    const place = filename === undefined ? [resolve('.'), Date.now()] : [resolve(filename)];
    const native = await this.#derive(changes);
    const write = filename === undefined ? native.writeInto : native.writeTo;
    const path = settle(await write.call(native, ...place, format));
    return filename ?? basename(path);
  }

  async encode(format = 'heapprofile', options = undefined) {
    checkFormat('format', format);
    const native = await this.#derive(checkEncodeOptions(options));
    return settle(await native.encode(format));
  }

  /** The capture with original positions and labels, if any are asked for. */
  async #derive({ sourceMaps = false, labels = {} }) {
    if (!sourceMaps && Object.keys(labels).length === 0) return this.#native;
    return settle(await this.#native.derive(sourceMaps, labels));
  }

  static async read(path) {
    if (path === undefined) throw invalidArgType('path', 'of type string', path);
    checkFilename(path);
    return new Snapshot(settle(await load().read(resolve(path))), KEY);
  }

  static async parse(buffer) {
    checkBytes('buffer', buffer);
    return new Snapshot(settle(await load().parse(buffer)), KEY);
  }

  // What the command line and the preload need beside the public API.

  /** The snapshot with original positions or labels, if any are asked for. */
  static async derive(snapshot, options) {
    const native = await snapshot.#derive(checkEncodeOptions(options));
    return native === snapshot.#native ? snapshot : new Snapshot(native, KEY);
  }

  /** Writes under a new name in a directory; resolves to the path. */
  static async writeInto(snapshot, directory, format) {
    return settle(await snapshot.#native.writeInto(resolve(directory), Date.now(), format));
  }

  /** For the end of a thread: the same at once. */
  static writeIntoSync(snapshot, directory, format) {
    return settle(snapshot.#native.writeIntoSync(resolve(directory), Date.now(), format));
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
