// A capture: held in native memory until JavaScript asks for a tree or a file.
'use strict';

const { basename, isAbsolute, join, resolve } = require('node:path');
const { inspect } = require('node:util');
const { bare } = require('./bare.js');
const { errorOf, invalidArgType, invalidThis, settle } = require('./errors.js');
const { describeHost } = require('./host.js');
const { load } = require('./native.js');
const {
  checkArray,
  checkBytes,
  checkEncodeOptions,
  checkFormat,
  checkInclude,
  checkLeakOptions,
  checkOptions,
  checkPath,
  checkReadOptions,
  checkSiteOptions,
  checkWriteRequest,
} = require('./options.js');
const { checkReadable, checkWritable } = require('./permission.js');
const { allocationTree, devToolsHead, devToolsSamples, translatedTree } = require('./tree.js');

/** @import { NativeSnapshot } from '../target/native.d.ts' */

/** Known to this file only. The class of `native` will not do: each load of the addon has one. */
const KEY = Symbol('key');

/**
 * A copy of a Snapshot made by structuredClone() or postMessage() would have nothing in it, and a class
 * cannot say so. But these refuse what has a symbol, with an error that tells the symbol's text.
 */
const HOW_TO_CLONE = Symbol(
  'Snapshot: send what encode() resolves to, and Snapshot.parse() it there',
);

/** The page of a flame graph, without data; scripts/build.mjs makes it. */
const FLAMEGRAPH = join(__dirname, 'flamegraph.html');
const FLAMEGRAPH_CHECKS = { base: checkSnapshot };

// Set by the class: what the code of this package, and no other, can ask of a snapshot.
/** @type {(value: unknown) => value is Snapshot} */
let isSnapshot;
/** @type {(snapshot: unknown) => NativeSnapshot} */
let nativeOf;
/** @type {(snapshot: Snapshot) => string | undefined} */
let fileOf;

class Snapshot {
  /** @type {NativeSnapshot} */
  #native;
  /**
   * The name of the file that it was read from.
   * @type {string | undefined}
   */
  #file;
  howToClone = HOW_TO_CLONE;

  static {
    isSnapshot = (value) => typeof value === 'object' && value !== null && #native in value;
    nativeOf = (snapshot) => {
      if (!isSnapshot(snapshot)) throw invalidThis('Snapshot');
      return snapshot.#native;
    };
    fileOf = (snapshot) => snapshot.#file;
  }

  /**
   * Not for callers: snapshots come from `snapshot()`.
   * @param {NativeSnapshot} native
   * @param {symbol} key
   * @param {string} [file]
   */
  constructor(native, key, file) {
    if (key !== KEY) {
      throw invalidArgType('native', 'a capture: call snapshot() to get a Snapshot', native);
    }
    this.#native = native;
    this.#file = file;
  }

  /** For console.log and the like. */
  [inspect.custom](_depth, options) {
    if (!isSnapshot(this)) return 'Snapshot {}';
    const { nodeCount, sampleCount, liveBytes, takenAt } = this;
    return `Snapshot ${inspect({ nodeCount, sampleCount, liveBytes, takenAt }, options)}`;
  }

  get nodeCount() {
    return nativeOf(this).nodeCount;
  }

  get sampleCount() {
    return nativeOf(this).sampleCount;
  }

  get liveBytes() {
    return nativeOf(this).liveBytes;
  }

  get takenAt() {
    const { takenAt } = nativeOf(this);
    return takenAt === null ? null : new Date(takenAt);
  }

  get sampleIntervalBytes() {
    return nativeOf(this).sampleIntervalBytes;
  }

  get fullCollections() {
    return nativeOf(this).fullCollections;
  }

  get warnings() {
    return nativeOf(this).warnings;
  }

  get timings() {
    return nativeOf(this).timings;
  }

  tree() {
    return allocationTree(nativeOf(this));
  }

  toJSON() {
    return { head: devToolsHead(nativeOf(this)), samples: devToolsSamples(nativeOf(this)) };
  }

  estimate(include = 'live') {
    return nativeOf(this).estimate(checkInclude('include', include));
  }

  async top(options) {
    const question = JSON.stringify(checkSiteOptions(options));
    return JSON.parse(settle(await nativeOf(this).top(question)));
  }

  async diff(base, options) {
    checkSnapshot('base', base);
    const question = JSON.stringify(checkSiteOptions(options));
    return JSON.parse(settle(await nativeOf(this).diff(nativeOf(base), question)));
  }

  static async leaks(sources, options) {
    checkArray('sources', sources);
    // What a listener or a promise costs counts for the function of the program that made it.
    const asked = bare({ hideNodeInternals: true, ...checkLeakOptions(options) });
    const question = JSON.stringify(asked);
    const { LeakHunt } = load();
    const hunt = new LeakHunt();
    for (const [index, source] of sources.entries()) {
      if (typeof source === 'string') {
        hunt.addFile(readable(source), source);
      } else {
        checkSnapshot(`sources[${index}]`, source);
        hunt.addSnapshot(nativeOf(source), `snapshot ${index + 1}`);
      }
    }
    const { skipped, ...found } = JSON.parse(settle(await hunt.judge(question)));
    const reason = ({ path, failure }) => ({ path, message: errorOf(failure).message });
    return { ...found, skipped: skipped.map(reason) };
  }

  async write(filename, options) {
    return writeSnapshot(this, checkWriteRequest(filename, options));
  }

  async encode(format = 'heapprofile', options = undefined) {
    const native = nativeOf(this);
    const known = checkFormat('format', format);
    return settle(await native.encode(known, checkEncodeOptions(options)));
  }

  async writeFlamegraph(filename, options) {
    checkPath('filename', filename);
    const { base } = checkOptions(FLAMEGRAPH_CHECKS, options);
    const native = nativeOf(this);
    const path = writable(filename);
    const page = flamegraphOf(this, base);
    settle(await native.writeFlamegraph(path, ...page));
    return filename;
  }

  async encodeFlamegraph(options) {
    const { base } = checkOptions(FLAMEGRAPH_CHECKS, options);
    const native = nativeOf(this);
    return settle(await native.encodeFlamegraph(...flamegraphOf(this, base)));
  }

  static async read(path, options) {
    checkPath('path', path);
    const { sourceMaps = false } = checkReadOptions(options);
    return new Snapshot(settle(await load().read(readable(path), sourceMaps)), KEY, basename(path));
  }

  static async parse(buffer, options) {
    checkBytes('buffer', buffer);
    const { sourceMaps = false } = checkReadOptions(options);
    return new Snapshot(settle(await load().parse(buffer, sourceMaps)), KEY);
  }
}

/** An absolute path of the same meaning: of `..` behind a link and of `/` or `/.` at the end the system knows more. */
function absolute(path) {
  if (isAbsolute(path)) return path;
  return /(^|\/)\.\.(\/|$)|\/\.?$/.test(path) ? `${process.cwd()}/${path}` : resolve(path);
}

function checkSnapshot(name, value) {
  if (!isSnapshot(value)) throw invalidArgType(name, 'a Snapshot', value);
}

/**
 * What native code wants for a flame graph's page.
 * @param {Snapshot} snapshot
 * @param {Snapshot} [base]
 * @returns {[string, string, NativeSnapshot | undefined]}
 */
function flamegraphOf(snapshot, base) {
  const name = fileOf(snapshot) ?? 'heap-profile';
  if (base === undefined) return [readable(FLAMEGRAPH), name, undefined];
  return [readable(FLAMEGRAPH), `${name} since ${fileOf(base) ?? 'its base'}`, nativeOf(base)];
}

/** Captures the running session of this thread; throws ERR_NOT_SAMPLING without one. */
function takeSnapshot(atExit = false) {
  return new Snapshot(load().snapshot(describeHost(atExit)), KEY);
}

/** The path of a file that native code may read. */
function readable(path) {
  const place = absolute(path);
  checkReadable(place);
  return place;
}

/** The path of a file that native code may write. */
function writable(path) {
  const place = absolute(path);
  checkWritable(place);
  return place;
}

/** Writes what a checked request asks for; resolves to the name of the file. */
async function writeSnapshot(snapshot, { filename, format, changes }) {
  if (filename === undefined) return basename(await writeInto(snapshot, '.', format, changes));
  settle(await nativeOf(snapshot).writeTo(writable(filename), format, changes));
  return filename;
}

/** Writes under a new name in a directory; resolves to the path. */
async function writeInto(snapshot, directory, format, changes = bare({})) {
  const { place, now } = newName(directory);
  return settle(await nativeOf(snapshot).writeInto(place, now, format, changes));
}

/** For the end of a thread: the same at once. */
function writeIntoSync(snapshot, directory, format) {
  const { place, now } = newName(directory);
  return settle(nativeOf(snapshot).writeIntoSync(place, now, format, bare({})));
}

/** Where native code looks for a name that is free, and from when on. */
function newName(directory) {
  const [place, now] = [resolve(directory), Date.now()];
  checkWritable(join(place, `heap-profile-${now}.heapprofile`));
  return { place, now };
}

/** The tree of `get(true)`. */
function translate(snapshot) {
  return translatedTree(nativeOf(snapshot));
}

module.exports = { Snapshot, takeSnapshot, translate, writeInto, writeIntoSync, writeSnapshot };
