// `node --require heap-profile/register app.js` (or --import): starts sampling before the
// application loads, and writes files if the environment says so. Whatever is wrong with the
// environment is a warning; the application runs.
'use strict';

const { mkdirSync } = require('node:fs');
const { resolve } = require('node:path');
const { snapshot, start } = require('./index.js');
const { onExit } = require('./lib/on-exit.js');
const { takeSnapshot, writeInto, writeIntoSync } = require('./lib/snapshot.js');
const { tell } = require('./lib/tally.js');
const {
  readCount,
  readDuration,
  readFormat,
  readSampleInterval,
  readStackDepth,
  readSwitch,
} = require('./lib/text-options.js');

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

const FILE_VARIABLES = {
  directory: { name: 'HEAP_PROFILE_DIR', read: (_, text) => text, otherwise: '' },
  format: {
    name: 'HEAP_PROFILE_FORMAT',
    read: readFormat,
    otherwise: 'the default, heapprofile, is used',
  },
  every: {
    name: 'HEAP_PROFILE_EVERY',
    read: readDuration,
    otherwise: 'no profiles are written while the program runs',
  },
  onExit: {
    name: 'HEAP_PROFILE_ON_EXIT',
    read: readSwitch,
    otherwise: 'no profile is written when the program ends',
  },
  keep: { name: 'HEAP_PROFILE_KEEP', read: readCount, otherwise: 'all profiles are kept' },
};

/** @returns {any} the options that were given, by name */
function readVariables(variables) {
  const options = Object.create(null);
  for (const [option, { name, read, otherwise }] of Object.entries(variables)) {
    const text = process.env[name];
    if (text === undefined || text === '') continue;
    try {
      options[option] = read(name, text);
    } catch (error) {
      warn(`${error.message}; ${otherwise}`);
    }
  }
  return options;
}

/** Writes files of this thread from now on. */
function keepFiles({ directory = '.', every, onExit: atExit = false, ...how }) {
  if (every === undefined && !atExit) return;
  // Where it is now: the application may change the current directory.
  const place = resolve(directory);
  try {
    mkdirSync(place, { recursive: true });
  } catch (error) {
    return warn(`no profiles are written: ${error.message}`);
  }
  if (every !== undefined) {
    const write = oneAtATime(() => writeFile(place, how));
    setInterval(write, every).unref();
  }
  if (atExit) onExit((hasEnded) => writeLastFile(place, how, hasEnded));
}

/** Skips calls while one is under way: on a slow disk snapshots would pile up. */
function oneAtATime(work) {
  let isBusy = false;
  return async () => {
    if (isBusy) return;
    isBusy = true;
    await work();
    isBusy = false;
  };
}

async function writeFile(place, how) {
  try {
    tell(await writeInto(snapshot(), place, how));
  } catch (error) {
    warn(`no profile was written: ${error.message}`);
  }
}

function writeLastFile(place, how, hasEnded) {
  try {
    tell(writeIntoSync(takeSnapshot(hasEnded), place, how));
  } catch (error) {
    // Warnings come a tick later, and there is none.
    console.error(`HeapProfileWarning: no profile was written: ${error.message}`);
  }
}

function warn(message) {
  process.emitWarning(message, 'HeapProfileWarning');
}

try {
  start(readVariables(START_VARIABLES));
  keepFiles(readVariables(FILE_VARIABLES));
} catch (error) {
  warn(`sampling did not start: ${error.message} (${error.code})`);
}
