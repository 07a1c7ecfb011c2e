// A capture: held in native memory until JavaScript asks for a tree or a file.
'use strict';

const { basename, isAbsolute, join, resolve } = require('node:path');
const { errorOf, invalidArgType, settle } = require('./errors.js');
const { describeHost } = require('./host.js');
const { load } = require('./native.js');
const {
  checkArray,
  checkBytes,
  checkEncodeOptions,
  checkFilename,
  checkFormat,
  checkInclude,
  checkLeakOptions,
  checkOptions,
  checkPath,
  checkReadOptions,
  checkSiteOptions,
  checkWriteOptions,
} = require('./options.js');
const { allocationTree, devToolsHead, devToolsSamples, translatedTree } = require('./tree.js');

/** Known to this file only. The class of `native` will not do: each load of the addon has one. */
const KEY = Symbol('key');

/** The page of a flame graph, without data; scripts/build.mjs makes it. */
const FLAMEGRAPH = join(__dirname, 'flamegraph.html');
const FLAMEGRAPH_CHECKS = { base: checkSnapshot };

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

  get warnings() {
    return this.#native.warnings;
  }

  get timings() {
    return this.#native.timings;
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

  async top(options) {
    const question = JSON.stringify(checkSiteOptions(options));
    return JSON.parse(settle(await this.#native.top(question)));
  }

  async diff(base, options) {
    checkSnapshot('base', base);
    const question = JSON.stringify(checkSiteOptions(options));
    return JSON.parse(settle(await this.#native.diff(base.#native, question)));
  }

  static async leaks(sources, options) {
    checkArray('sources', sources);
    // What a listener or a promise costs counts for the function of the program that made it.
    const question = JSON.stringify({ hideNodeInternals: true, ...checkLeakOptions(options) });
    const { LeakHunt } = load();
    const hunt = new LeakHunt();
    for (const [index, source] of sources.entries()) {
      if (typeof source === 'string') {
        hunt.addFile(absolute(source), source);
      } else {
        checkSnapshot(`sources[${index}]`, source);
        hunt.addSnapshot(source.#native, `snapshot ${index + 1}`);
      }
    }
    const { skipped, ...found } = JSON.parse(settle(await hunt.judge(question)));
    const reason = ({ path, failure }) => ({ path, message: errorOf(failure).message });
    return { ...found, skipped: skipped.map(reason) };
  }

  async write(filename, options) {
    checkFilename(filename);
    const { format, ...changes } = checkWriteOptions(options);
    const written =
      filename === undefined
        ? this.#native.writeInto(resolve('.'), Date.now(), format, changes)
        : this.#native.writeTo(absolute(filename), format, changes);
    const path = settle(await written);
    return filename ?? basename(path);
  }

  async encode(format = 'heapprofile', options = undefined) {
    checkFormat('format', format);
    return settle(await this.#native.encode(format, checkEncodeOptions(options)));
  }

  async writeFlamegraph(filename, options) {
    checkPath('filename', filename);
    const { base } = checkOptions(FLAMEGRAPH_CHECKS, options);
    settle(await this.#native.writeFlamegraph(absolute(filename), FLAMEGRAPH, base?.#native));
    return filename;
  }

  async encodeFlamegraph(options) {
    const { base } = checkOptions(FLAMEGRAPH_CHECKS, options);
    return settle(await this.#native.encodeFlamegraph(FLAMEGRAPH, base?.#native));
  }

  static async read(path, options) {
    checkPath('path', path);
    const { sourceMaps = false } = checkReadOptions(options);
    return new Snapshot(settle(await load().read(absolute(path), sourceMaps)), KEY);
  }

  static async parse(buffer, options) {
    checkBytes('buffer', buffer);
    const { sourceMaps = false } = checkReadOptions(options);
    return new Snapshot(settle(await load().parse(buffer, sourceMaps)), KEY);
  }

  // What the command line and the preload need beside the public API.

  /** Writes under a new name in a directory; resolves to the path. */
  static async writeInto(snapshot, directory, format) {
    return settle(await snapshot.#native.writeInto(resolve(directory), Date.now(), format, {}));
  }

  /** For the end of a thread: the same at once. */
  static writeIntoSync(snapshot, directory, format) {
    return settle(snapshot.#native.writeIntoSync(resolve(directory), Date.now(), format, {}));
  }

  /** The tree of `get(true)`. */
  static translate(snapshot) {
    return translatedTree(snapshot.#native);
  }
}

/** An absolute path of the same meaning: of `..` behind a link and of a `/` at the end the system knows more. */
function absolute(path) {
  if (isAbsolute(path)) return path;
  return /(^|\/)\.\.\/|\/$/.test(path) ? `${process.cwd()}/${path}` : resolve(path);
}

function checkSnapshot(name, value) {
  if (!(value instanceof Snapshot)) throw invalidArgType(name, 'a Snapshot', value);
}

/** Captures the running session of this thread; throws ERR_NOT_SAMPLING without one. */
function takeSnapshot() {
  return new Snapshot(load().snapshot(describeHost()), KEY);
}

module.exports = { Snapshot, takeSnapshot };
