// The options of monitor() as variables of the environment, for the preload (register.js). doc/production.md
// has the table.
'use strict';

const {
  readAge,
  readBytes,
  readCount,
  readDuration,
  readFormat,
  readInteger,
  readOneOf,
  readPairs,
  readSwitch,
} = require('../text-options.js');
const { checkMonitorOptions, MAX_HEAP_LIMIT_PROFILES, SIGNALS } = require('./options.js');
const { readRules } = require('./rules-text.js');

/** Of each option its variable, what it is read with, and what happens where it is wrong. */
const VARIABLES = {
  dir: { name: 'HEAP_PROFILE_DIR', read: asIs, otherwise: '' },
  format: {
    name: 'HEAP_PROFILE_FORMAT',
    read: readFormat,
    otherwise: 'the default, heapprofile, is used',
  },
  sourceMaps: {
    name: 'HEAP_PROFILE_SOURCE_MAPS',
    read: readSwitch,
    otherwise: 'names stay as they are',
  },
  labels: { name: 'HEAP_PROFILE_LABELS', read: readPairs, otherwise: 'there are no labels' },
  intervalMs: {
    name: 'HEAP_PROFILE_EVERY',
    read: readDuration,
    otherwise: 'no profiles are written at intervals',
  },
  rules: { name: 'HEAP_PROFILE_RULES', read: readRules, otherwise: 'there are no rules' },
  heapLimit: {
    name: 'HEAP_PROFILE_HEAP_LIMIT',
    read: (name, text) => ({ profiles: readInteger(name, text, MAX_HEAP_LIMIT_PROFILES) }),
    otherwise: 'no profile is written near the heap limit',
  },
  signal: {
    name: 'HEAP_PROFILE_SIGNAL',
    read: (name, text) => readOneOf(name, text, SIGNALS),
    otherwise: 'no signal is listened to',
  },
  onExit: {
    name: 'HEAP_PROFILE_ON_EXIT',
    read: readSwitch,
    otherwise: 'no profile is written when the program ends',
  },
};

/** Those that bound the files. */
const KEEP_VARIABLES = {
  files: { name: 'HEAP_PROFILE_KEEP', read: readCount, otherwise: 'the default, 1000, is used' },
  bytes: {
    name: 'HEAP_PROFILE_KEEP_BYTES',
    read: readBytes,
    otherwise: 'the default, 1GiB, is used',
  },
  ageMs: { name: 'HEAP_PROFILE_KEEP_AGE', read: readAge, otherwise: 'files of any age are kept' },
};

/** Where they are pushed to; a password or a token is nothing for a command line. */
const PUSH_VARIABLES = {
  url: { name: 'HEAP_PROFILE_PUSH_URL', read: asIs, otherwise: '' },
  app: { name: 'HEAP_PROFILE_PUSH_APP', read: asIs, otherwise: '' },
  labels: { name: 'HEAP_PROFILE_PUSH_LABELS', read: readPairs, otherwise: 'there are no labels' },
  tenant: { name: 'HEAP_PROFILE_PUSH_TENANT', read: asIs, otherwise: '' },
  intervalMs: {
    name: 'HEAP_PROFILE_PUSH_EVERY',
    read: readDuration,
    otherwise: 'the default, 60s, is used',
  },
};
const AUTH_VARIABLES = {
  username: { name: 'HEAP_PROFILE_PUSH_USERNAME', read: asIs, otherwise: '' },
  password: { name: 'HEAP_PROFILE_PUSH_PASSWORD', read: asIs, otherwise: '' },
  token: { name: 'HEAP_PROFILE_PUSH_TOKEN', read: asIs, otherwise: '' },
};

/** What asks for profiles; without any there is no monitor. */
const ASKING = ['intervalMs', 'rules', 'heapLimit', 'signal', 'onExit', 'push'];

/**
 * The options that were given, by name.
 * @param {(message: string) => void} warn what is wrong with a variable
 * @returns {any}
 */
function readVariables(variables, warn) {
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

/**
 * Options of the monitor that the environment asks for, checked; undefined if it asks for none.
 * @param {(message: string) => void} warn
 */
function monitorOfEnvironment(warn) {
  const given = readVariables(VARIABLES, warn);
  const push = readPush(warn);
  if (push !== undefined) given.push = push;
  const keep = readVariables(KEEP_VARIABLES, warn);
  // Off is nothing to monitor for.
  if (!ASKING.some((option) => given[option])) return undefined;
  return checkMonitorOptions({ intervalMs: Infinity, ...given, keep });
}

/** @param {(message: string) => void} warn */
function readPush(warn) {
  const push = readVariables(PUSH_VARIABLES, warn);
  const auth = readVariables(AUTH_VARIABLES, warn);
  if (push.url === undefined) return undefined;
  try {
    // Not loaded by who pushes nothing.
    const { checkPush } = require('../push/options.js');
    return checkPush('HEAP_PROFILE_PUSH', Object.keys(auth).length > 0 ? { ...push, auth } : push);
  } catch (error) {
    warn(`${error.message}; nothing is pushed`);
    return undefined;
  }
}

function asIs(_, text) {
  return text;
}

module.exports = { monitorOfEnvironment, readVariables };
