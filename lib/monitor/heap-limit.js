// Profiles of a thread that runs out of heap. Native code writes them, as no JavaScript runs any more then; what
// is here arms it, and tells of the files if the thread survives.
'use strict';

const { isMainThread } = require('node:worker_threads');
const { bare } = require('../bare.js');
const { codedError, errorOf } = require('../errors.js');
const { describeHost } = require('../host.js');
const { load } = require('../native.js');
const { checkDirectory } = require('../permission.js');

/** @import { Failure, JsFormat, JsKeep } from '../../target/native.d.ts' */

/** V8 knows one watch per thread: the first monitor's that wants one. */
let isWatched = false;
const WATCHED = 'heapLimit: another monitor of this thread has it, and only one can';

/**
 * @typedef {{ heapLimit: { profiles: number }, format: JsFormat, keep: JsKeep,
 *   labels: Record<string, string> }} Options of a monitor, checked
 */

/**
 * Has `onWritten` called with the path of each file that was written near the heap limit of this thread, or
 * `onError` with why none was. A worker's limit is left to Node, which ends the worker alone there; once the limit
 * was raised V8 often ends the whole process instead.
 * @param {Options} options
 * @param {{ directory: string, writer: string }} files
 * @param {(path: string) => void} onWritten
 * @param {(error: Error) => void} onError
 * @returns {() => void} ends it
 */
function watchHeapLimit(options, files, onWritten, onError) {
  if (!isMainThread) return () => {};
  if (isWatched) throw codedError('ERR_UNSUPPORTED_OPTION', WATCHED);
  const { heapLimit, format, keep, labels } = options;
  const { directory, writer } = files;
  checkDirectory(directory);
  const { HeapLimit } = load();
  const series = bare({ writer, number: 0, keep: bare(keep) });
  const place = bare({ directory, millis: 0, series });
  const native = bare({
    profiles: heapLimit.profiles,
    place,
    format,
    labels: bare(labels),
    host: describeHost(false),
  });
  let isOver = false;
  const limit = new HeapLimit(native, (written) => {
    // One call may still come after the end.
    if (isOver) return;
    if (typeof written === 'string') onWritten(written);
    else onError(errorOf(/** @type {Failure} */ (written)));
  });
  isWatched = true;
  return () => {
    if (isOver) return;
    isOver = true;
    isWatched = false;
    limit.stop();
  };
}

module.exports = { watchHeapLimit };
