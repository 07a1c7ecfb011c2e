// What a profile says of the process it was taken in.
'use strict';

const v8 = require('node:v8');
const { threadId } = require('node:worker_threads');

/** A JsHost of src/binding/host.rs, as of now. */
function describeHost() {
  return {
    pid: process.pid,
    threadId,
    nodeVersion: process.version,
    v8Version: process.versions.v8,
    memoryUsage: process.memoryUsage(),
    heapSizeLimit: v8.getHeapStatistics().heap_size_limit,
  };
}

module.exports = { describeHost };
