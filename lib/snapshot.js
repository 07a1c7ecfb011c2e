// A capture: held in native memory until JavaScript asks for a tree or a file.
'use strict';

const { basename, isAbsolute, join, resolve } = require('node:path');
const { inspect } = require('node:util');
const { bare } = require('./bare.js');
const { codedError, errorOf, invalidArgType, invalidThis, settle } = require('./errors.js');
const { isFlamegraph } = require('./file-names.js');
const { describeHost } = require('./host.js');
const { load } = require('./native.js');
const {
  checkArray,
  checkBytes,
  checkEncodeOptions,
  checkFormat,
  checkInclude,
  checkLeakOptions,
  checkMemory,
  checkOptions,
  checkPath,
  checkReadOptions,
  checkSiteOptions,
  checkWriteRequest,
} = require('./options.js');
const { checkReadable, checkWritable } = require('./permission.js');
const { allocationTree, devToolsHead, devToolsSamples, translatedTree } = require('./tree.js');

/** @import { JsChanges, JsFormat, JsSeries, NativeSnapshot } from '../target/native.d.ts' */

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
const FLAMEGRAPH_CHECKS = { base: checkSnapshot, memory: checkMemory };

// Set by the class: what the code of this package, and no other, can ask of a snapshot.
/** @type {(value: unknown) => value is Snapshot} */
let isSnapshot;
/** @type {(snapshot: unknown) => NativeSnapshot} */
let nativeOf;
/** @type {(snapshot: Snapshot) => string | undefined} */
let fileOf;

class Snapshot {
  /** @type {NativeSnapshot | undefined} */
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
      if (snapshot.#native === undefined) {
        throw codedError('ERR_DISPOSED', 'The Snapshot is disposed: its memory is freed');
      }
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
    if (this.#native === undefined) return 'Snapshot { disposed }';
    return `Snapshot ${inspect(contentsOf(this), options)}`;
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

  get pid() {
    return nativeOf(this).pid;
  }

  get threadId() {
    return nativeOf(this).threadId;
  }

  get sessionId() {
    return nativeOf(this).sessionId;
  }

  get memoryUsage() {
    return nativeOf(this).memoryUsage;
  }

  get labels() {
    return Object.fromEntries(nativeOf(this).labels);
  }

  get warnings() {
    return nativeOf(this).warnings;
  }

  get timings() {
    return nativeOf(this).timings;
  }

  tree() {
    return allocationTree(heapOf(this));
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
    const answer = await findLeaks(sources, options);
    if (answer.snapshots.length >= 2) return answer;
    const { skipped } = answer;
    throw Object.assign(codedError('ERR_TOO_FEW_SNAPSHOTS', tooFew(answer)), { skipped });
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
    const { base, ...changes } = checkOptions(FLAMEGRAPH_CHECKS, options);
    const native = nativeOf(this);
    const path = writable(filename);
    const page = flamegraphOf(this, base, bare(changes));
    settle(await native.writeFlamegraph(path, ...page));
    return filename;
  }

  async encodeFlamegraph(options) {
    const { base, ...changes } = checkOptions(FLAMEGRAPH_CHECKS, options);
    const native = nativeOf(this);
    return settle(await native.encodeFlamegraph(...flamegraphOf(this, base, bare(changes))));
  }

  [Symbol.dispose]() {
    if (!isSnapshot(this)) throw invalidThis('Snapshot');
    const native = this.#native;
    this.#native = undefined;
    native?.dispose();
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

// Node.js before 18.18 has no such symbol, and the method would be called that.
Reflect.deleteProperty(Snapshot.prototype, 'undefined');

/** What is said of a snapshot: what it knows, not what it costs to ask. */
function contentsOf(snapshot) {
  const { nodeCount, sampleCount, liveBytes, takenAt, sampleIntervalBytes } = snapshot;
  const { fullCollections, pid, threadId, sessionId, memoryUsage, labels } = snapshot;
  const rest = { sampleIntervalBytes, fullCollections, pid, threadId, sessionId, memoryUsage };
  return { nodeCount, sampleCount, liveBytes, takenAt, ...rest, labels };
}

/** What `Snapshot.leaks()` resolves to, of however few. */
async function findLeaks(sources, options) {
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

/** Why there is no answer; `where` is where was looked. */
function tooFew({ snapshots, others }, where = '') {
  const found = snapshots.length === 0 ? 'none' : 'only one';
  const count = others.length === 1 ? '1 other session' : `each of ${others.length} other sessions`;
  const left = others.length === 0 ? '' : `, and one of ${count}`;
  return `leaks needs two or more profiles of one session${where}; there is ${found}${left}`;
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
 * @param {JsChanges} [changes]
 * @returns {[string, string, NativeSnapshot | undefined, JsChanges]}
 */
function flamegraphOf(snapshot, base, changes = bare({})) {
  const name = fileOf(snapshot) ?? 'heap-profile';
  const page = readable(FLAMEGRAPH);
  if (base === undefined) return [page, name, undefined, changes];
  return [page, `${name} since ${fileOf(base) ?? 'its base'}`, nativeOf(base), changes];
}

/** Captures the running session of this thread; throws ERR_NOT_SAMPLING without one. */
function takeSnapshot(atExit = false) {
  return new Snapshot(load().snapshot(describeHost(atExit)), KEY);
}

/** Leaves its profile for who merges those of all threads; false if its numbers mean something else. */
function leaveSnapshot(snapshot, request, name) {
  return nativeOf(snapshot).leave(request, name);
}

/** Of what threads left by that number. */
async function mergedSnapshot(request) {
  return new Snapshot(settle(await load().mergeThreads(request)), KEY);
}

/** The same capture for who needs it longer than its owner. */
function shareSnapshot(snapshot) {
  return new Snapshot(nativeOf(snapshot).share(), KEY);
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

/**
 * As gzipped pprof, what changed since a base if one is given: of all that was allocated, or if `isWhole` of what is
 * live too. With limits, the smaller sites become one.
 * @param {any} snapshot
 * @param {{ base?: any, isWhole?: boolean, leadsWithAllocated?: boolean, maxSamples?: number, maxBytes?: number }} window
 * @param {JsChanges} [changes]
 * @returns {Promise<import('../target/native.d.ts').JsWindowed>}
 */
async function encodeWindow(snapshot, window, changes = bare({})) {
  const { base, isWhole = false, leadsWithAllocated = false, ...limits } = bare(window);
  const asked = bare({ isWhole, leadsWithAllocated, ...limits });
  const before = base === undefined ? undefined : nativeOf(base);
  return settle(await nativeOf(snapshot).encodeWindow(before, asked, changes));
}

/** Writes what a checked request asks for; resolves to the name of the file. */
async function writeSnapshot(snapshot, { filename, format, changes }) {
  if (filename === undefined) return basename(await writeInto(snapshot, '.', { format, changes }));
  const [native, path] = [nativeOf(snapshot), writable(filename)];
  if (format === undefined && isFlamegraph(filename)) {
    settle(await native.writeFlamegraph(path, ...flamegraphOf(snapshot, undefined, changes)));
  } else {
    settle(await native.writeTo(path, format, changes));
  }
  return filename;
}

/**
 * How a file gets a name of ours; with `series` that of a monitor's.
 * @typedef {{ format?: JsFormat, changes?: JsChanges, series?: JsSeries }} How
 */

/**
 * Writes under a new name in a directory; resolves to the path.
 * @param {How} how
 */
async function writeInto(snapshot, directory, how) {
  const { format, changes = bare({}), series } = bare(how);
  const place = newName(directory, series);
  return settle(await nativeOf(snapshot).writeInto(place, format, changes));
}

/**
 * For the end of a thread: the same at once.
 * @param {How} how
 */
function writeIntoSync(snapshot, directory, how) {
  const { format, changes = bare({}), series } = bare(how);
  const place = newName(directory, series);
  return settle(nativeOf(snapshot).writeIntoSync(place, format, changes));
}

/** Where native code looks for a name that is free, and from when on. */
function newName(directory, series) {
  const [place, millis] = [resolve(directory), Date.now()];
  checkWritable(join(place, `heap-profile-${millis}.heapprofile`));
  return bare({ directory: place, millis, series });
}

/** Throws what writing a file of that name would throw now. */
function checkDestination(filename) {
  const failure = load().checkDestination(writable(filename));
  if (failure !== null) throw errorOf(failure);
}

/** The tree of `get(true)`. */
function translate(snapshot) {
  return translatedTree(heapOf(snapshot));
}

/** The part on V8's heap, which is what these trees are of. */
function heapOf(snapshot) {
  const native = nativeOf(snapshot);
  return native.heapOnly() ?? native;
}

module.exports = {
  checkDestination,
  encodeWindow,
  findLeaks,
  leaveSnapshot,
  mergedSnapshot,
  shareSnapshot,
  Snapshot,
  takeSnapshot,
  tooFew,
  translate,
  writeInto,
  writeIntoSync,
  writeSnapshot,
};
