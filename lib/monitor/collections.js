// Tells of full garbage collections.
'use strict';

const { tryLoad } = require('../native.js');

/**
 * Calls back soon after each full garbage collection of this thread, as long as there is an addon; what
 * is returned ends that.
 * @param {() => void} callback
 */
function watchCollections(callback) {
  const native = tryLoad();
  if (native === undefined) return () => {};
  const watch = new native.CollectionWatch(callback);
  return () => watch.stop();
}

module.exports = { watchCollections };
