// Checks what callers pass in. What is returned is plain and safe to hand to native code.
'use strict';

const { invalidArgType, invalidArgValue, outOfRange } = require('./errors.js');

const MAX_INTERVAL = 2 ** 31 - 1;
const MAX_DEPTH = 1024;

const CHECKS = {
  sampleIntervalBytes: (name, value) => checkInteger(name, value, MAX_INTERVAL),
  stackDepth: (name, value) => checkInteger(name, value, MAX_DEPTH),
  forceGC: checkBoolean,
  include: checkInclude,
};

/** The options that `start` was given, those that are undefined left out. */
function checkStartOptions(options = {}) {
  if (options === null || typeof options !== 'object' || Array.isArray(options)) {
    throw invalidArgType('options', 'an object', options);
  }
  const checked = {};
  for (const [key, value] of Object.entries(options)) {
    const check = Object.hasOwn(CHECKS, key) ? CHECKS[key] : undefined;
    if (check === undefined) {
      const known = Object.keys(CHECKS).join(', ');
      throw invalidArgValue('options', `has an unknown option; known are ${known}`, key);
    }
    if (value === undefined) continue;
    check(`options.${key}`, value);
    checked[key] = value;
  }
  return checked;
}

function checkInteger(name, value, max) {
  if (typeof value !== 'number') throw invalidArgType(name, 'of type number', value);
  if (!Number.isInteger(value) || value < 1 || value > max) {
    throw outOfRange(name, `an integer >= 1 and <= ${max}`, value);
  }
}

function checkBoolean(name, value) {
  if (typeof value !== 'boolean') throw invalidArgType(name, 'of type boolean', value);
}

function checkInclude(name, value) {
  if (typeof value !== 'string') throw invalidArgType(name, 'of type string', value);
  if (value !== 'live' && value !== 'allocated') {
    throw invalidArgValue(name, "must be 'live' or 'allocated'", value);
  }
}

function checkFilename(filename) {
  if (filename === undefined) return;
  if (typeof filename !== 'string') throw invalidArgType('filename', 'of type string', filename);
  if (filename === '' || filename.includes('\0')) {
    throw invalidArgValue('filename', 'must be a non-empty string without null bytes', filename);
  }
}

function checkCallback(callback) {
  if (typeof callback !== 'function') {
    throw invalidArgType('callback', 'of type function', callback);
  }
}

module.exports = {
  checkBoolean,
  checkCallback,
  checkFilename,
  checkInteger,
  checkStartOptions,
  MAX_DEPTH,
  MAX_INTERVAL,
};
