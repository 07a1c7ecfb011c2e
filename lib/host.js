// What a profile says of the process it was taken in.
'use strict';

const { basename, join } = require('node:path');
const v8 = require('node:v8');
const { threadId } = require('node:worker_threads');

/** Of this package, as V8 knows its scripts; unknown in a bundle, where the program's own lie around this. */
const OWN_DIRECTORY =
  join(basename(__dirname), basename(__filename)) === join('lib', 'host.js')
    ? join(__dirname, '..')
    : undefined;

/** @type {number | undefined} */
let heapSizeLimit;

/**
 * As of now, and whether the program is ending.
 * @param {boolean} atExit
 * @returns {import('../target/native.d.ts').JsHost}
 */
function describeHost(atExit) {
  // Asked once: it costs V8 a quarter of a millisecond each time, and stays what it is.
  heapSizeLimit ??= v8.getHeapStatistics().heap_size_limit;
  return {
    pid: process.pid,
    threadId,
    nodeVersion: process.version,
    v8Version: process.versions.v8,
    memoryUsage: process.memoryUsage(),
    heapSizeLimit,
    ownDirectory: OWN_DIRECTORY,
    atExit,
  };
}

module.exports = { describeHost };
