// A full garbage collection, for `?gc=1`.
'use strict';

/** @type {(() => void) | undefined} */
let collect;

/** V8's own `gc`, which no program can have replaced, without leaving it to all others. */
function collectGarbage() {
  if (collect === undefined) {
    const { setFlagsFromString } = require('node:v8');
    const { runInNewContext } = require('node:vm');
    setFlagsFromString('--expose-gc');
    collect = runInNewContext('gc');
    setFlagsFromString('--no-expose-gc');
  }
  /** @type {() => void} */ (collect)();
}

module.exports = { collectGarbage };
