// Unattended monitoring. index.d.ts documents it.
'use strict';

const { checkMonitorOptions } = require('./options.js');
const { Monitor } = require('./monitor.js');

/** Not exported as it is: `new Monitor()` of a caller would not be checked. */
function monitor(options) {
  return new Monitor(checkMonitorOptions(options));
}

module.exports = { monitor };
