// The public API: checks arguments and delegates. index.d.ts documents it.
'use strict';

const { threadId } = require('node:worker_threads');
const { isSupported, load, tryLoad, unsupportedReason } = require('./lib/native.js');
const {
  checkBoolean,
  checkCallback,
  checkFilename,
  checkStartOptions,
  checkWriteOptions,
} = require('./lib/options.js');
const { Snapshot, takeSnapshot } = require('./lib/snapshot.js');

function start(options) {
  const checked = checkStartOptions(options);
  load().start(checked);
}

function stop() {
  // Where nothing can be started there is nothing to stop.
  tryLoad()?.stop();
}

function status() {
  const session = tryLoad()?.status() ?? null;
  if (session === null) {
    return {
      active: false,
      sampleIntervalBytes: null,
      stackDepth: null,
      include: null,
      startedAt: null,
      threadId,
    };
  }
  const { sampleIntervalBytes, stackDepth, include, startedAt } = session;
  return {
    active: true,
    sampleIntervalBytes,
    stackDepth,
    include,
    startedAt: new Date(startedAt),
    threadId,
  };
}

function snapshot() {
  return takeSnapshot();
}

function get(translate = false) {
  checkBoolean('translate', translate);
  const taken = takeSnapshot();
  return translate ? Snapshot.translate(taken) : taken.tree();
}

function write(filename, options, callback) {
  if (typeof filename === 'function') return write(undefined, undefined, filename);
  if (typeof options === 'function') return write(filename, undefined, options);
  if (callback === undefined) return writeSnapshot(filename, options);
  checkCallback(callback);
  checkFilename(filename);
  checkWriteOptions(options);
  // From a fresh stack: what the callback throws is the caller's own uncaught exception, no
  // rejection of ours.
  writeSnapshot(filename, options).then(
    (written) => process.nextTick(callback, null, written),
    (error) => process.nextTick(callback, error),
  );
}

async function writeSnapshot(filename, options) {
  checkFilename(filename);
  checkWriteOptions(options);
  return takeSnapshot().write(filename, options);
}

exports.get = get;
exports.isSupported = isSupported;
exports.Snapshot = Snapshot;
exports.snapshot = snapshot;
exports.start = start;
exports.status = status;
exports.stop = stop;
exports.unsupportedReason = unsupportedReason;
exports.write = write;
