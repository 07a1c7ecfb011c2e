// Profiles of a thread that runs out of heap. Native code writes them, as no JavaScript runs any more then; what
// is here arms it, and tells of the files if the thread survives.
'use strict';

const { bare } = require('../bare.js');
const { errorOf } = require('../errors.js');
const { describeHost } = require('../host.js');
const { load } = require('../native.js');
const { checkDirectory } = require('../permission.js');

/** @import { Failure, JsFormat, JsKeep } from '../../target/native.d.ts' */

/** V8 knows one watch per thread; monitors of a thread share the first one's. */
let isWatched = false;

/**
 * @typedef {{ profiles: number, directory: string, writer: string, format: JsFormat, keep: JsKeep,
 *   labels: Record<string, string> }} Plan
 */

/**
 * Has `onWritten` called with the path of each file that was written near the heap limit of this thread, or
 * `onError` with why none was.
 * @param {Plan} plan
 * @param {(path: string) => void} onWritten
 * @param {(error: Error) => void} onError
 * @returns {() => void} ends it
 */
function watchHeapLimit(plan, onWritten, onError) {
  if (isWatched) return () => {};
  const { profiles, directory, writer, format, keep, labels } = plan;
  checkDirectory(directory);
  const { HeapLimit } = load();
  const series = bare({ writer, number: 0, keep: bare(keep) });
  const place = bare({ directory, millis: 0, series });
  const native = bare({ profiles, place, format, labels: bare(labels), host: describeHost(false) });
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
