// The public API: checks arguments and delegates. index.d.ts documents it.
'use strict';

const { threadId } = require('node:worker_threads');
const { bare } = require('./lib/bare.js');
const { isSupported, load, tryLoad, unsupportedReason } = require('./lib/native.js');
const {
  checkBoolean,
  checkCallback,
  checkStartOptions,
  checkWriteRequest,
} = require('./lib/options.js');
const session = require('./lib/session.js');
const { Snapshot, takeSnapshot, translate, writeSnapshot } = require('./lib/snapshot.js');

/** @import * as api from './index.d.ts' */

/** What is said of a wish that is refused. The session runs all the same. */
const REFUSALS = {
  exactStacks: "exact stacks cannot be had, V8's own are used",
  externalMemory: 'Buffers are not sampled',
};

/** Of those that were told: who starts again knows. */
const told = new Set();

/** @type {typeof api.start} */
function start(options) {
  const checked = checkStartOptions(options);
  const refusals = bare(load().start(checked));
  session.claim();
  for (const [wish, reason] of Object.entries(refusals)) warnOfRefusal(wish, reason);
}

function warnOfRefusal(wish, reason) {
  if (told.has(wish)) return;
  told.add(wish);
  process.emitWarning(`${REFUSALS[wish]}: ${reason}`, 'HeapProfileWarning');
}

/** @type {typeof api.stop} */
function stop() {
  session.halt();
}

/** @type {typeof api.status} */
function status() {
  const current = tryLoad()?.status() ?? null;
  if (current === null) {
    return {
      active: false,
      sampleIntervalBytes: null,
      stackDepth: null,
      forceGC: null,
      include: null,
      exactStacks: null,
      externalMemory: null,
      startedAt: null,
      fullCollections: null,
      threadId,
    };
  }
  const { sampleIntervalBytes, stackDepth, forceGC, include, startedAt, fullCollections } = current;
  return {
    active: true,
    sampleIntervalBytes,
    stackDepth,
    forceGC,
    include,
    exactStacks: wishOf(current, 'exactStacks'),
    externalMemory: wishOf(current, 'externalMemory'),
    startedAt: new Date(startedAt),
    fullCollections,
    threadId,
  };
}

/** What came of a wish, if there was one. What is missing must not come from a prototype. */
function wishOf(current, wish) {
  const outcome = bare(current)[wish];
  if (outcome === undefined) return null;
  const { enabled, reason = null } = bare(outcome);
  return { enabled, reason };
}

/** @type {typeof api.snapshot} */
function snapshot() {
  return takeSnapshot();
}

function get(isTranslated = false) {
  checkBoolean('translate', isTranslated);
  const taken = takeSnapshot();
  return isTranslated ? translate(taken) : taken.tree();
}

function write(filename, options, callback) {
  if (typeof filename === 'function') return write(undefined, undefined, filename);
  if (typeof options === 'function') return write(filename, undefined, options);
  if (callback === undefined) return checkAndWrite(filename, options);
  checkCallback(callback);
  // From a fresh stack: what the callback throws is the caller's own uncaught exception, no
  // rejection of ours.
  captureAndWrite(checkWriteRequest(filename, options)).then(
    (written) => process.nextTick(callback, null, written),
    (error) => process.nextTick(callback, error),
  );
}

/** @type {typeof api.monitor} */
function monitor(options) {
  // Not loaded by who does not use it.
  return require('./lib/monitor/index.js').monitor(options);
}

/** Where there is no callback even wrong arguments reject. */
async function checkAndWrite(filename, options) {
  return captureAndWrite(checkWriteRequest(filename, options));
}

async function captureAndWrite(request) {
  return writeSnapshot(takeSnapshot(), request);
}

/** @type {typeof api.handler} */
function handler(options) {
  return require('./lib/http/index.js').handler(options);
}

/** @type {typeof api.listen} */
async function listen(options) {
  return require('./lib/http/index.js').listen(options);
}

exports.get = get;
exports.handler = handler;
exports.isSupported = isSupported;
exports.listen = listen;
exports.monitor = monitor;
exports.Snapshot = Snapshot;
exports.snapshot = snapshot;
exports.start = start;
exports.status = status;
exports.stop = stop;
exports.unsupportedReason = unsupportedReason;
exports.write = write;
