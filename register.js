// `node --require heap-profile/register app.js` (or --import): starts sampling before the
// application loads, and is the monitor that the environment asks for. Whatever is wrong with the
// environment is a warning; the application runs.
'use strict';

const { start } = require('./index.js');
const { monitorOfEnvironment, readVariables } = require('./lib/monitor/variables.js');
const { readSampleInterval, readStackDepth, readSwitch } = require('./lib/text-options.js');

/** Of each variable what it is read with, and what happens where it is wrong. */
const START_VARIABLES = {
  sampleIntervalBytes: {
    name: 'HEAP_PROFILE_SAMPLE_INTERVAL',
    read: readSampleInterval,
    otherwise: 'the default, 512KiB, is used',
  },
  stackDepth: {
    name: 'HEAP_PROFILE_STACK_DEPTH',
    read: readStackDepth,
    otherwise: 'the default, 64, is used',
  },
  forceGC: {
    name: 'HEAP_PROFILE_FORCE_GC',
    read: readSwitch,
    otherwise: 'garbage is left to V8',
  },
  exactStacks: {
    name: 'HEAP_PROFILE_EXACT_STACKS',
    read: readSwitch,
    otherwise: "V8's own stacks are used",
  },
};

/** Nothing more is loaded where nothing is to be written. */
function monitor() {
  const options = monitorOfEnvironment(warn);
  if (options === undefined) return;
  const { Monitor } = require('./lib/monitor/monitor.js');
  const { tell } = require('./lib/tally.js');
  new Monitor(options, { onWritten: tell });
}

function warn(message) {
  process.emitWarning(message, 'HeapProfileWarning');
}

try {
  start(readVariables(START_VARIABLES, warn));
  monitor();
} catch (error) {
  warn(`sampling did not start: ${error.message} (${error.code})`);
}
