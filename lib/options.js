// Checks what callers pass in. What is returned is plain and safe to hand to native code.
'use strict';

const { toUSVString, types } = require('node:util');
const { bare } = require('./bare.js');
const { invalidArgType, invalidArgValue, outOfRange } = require('./errors.js');
const { FOREIGN_REASON, isForeign } = require('./file-names.js');
const { checkEverythingReadable } = require('./permission.js');

/** @import { JsChanges, JsFormat, JsInclude, JsStartOptions } from '../target/native.d.ts' */

const TypedArrayPrototype = Object.getPrototypeOf(Uint8Array.prototype);
/** The memory that a view is on, whatever its own properties say. */
const bufferOf = /** @type {any} */ (
  Object.getOwnPropertyDescriptor(TypedArrayPrototype, 'buffer')?.get
);

const MAX_INTERVAL = 2 ** 31 - 1;
const MAX_DEPTH = 1024;

/** @type {`${JsInclude}`[]} */
const INCLUDES = ['live', 'allocated'];
const GROUPINGS = ['function', 'file', 'package', 'stack', 'line'];
/** @type {`${JsFormat}`[]} */
const FORMATS = ['heapprofile', 'pprof', 'folded'];

/** @typedef {(name: string, value: unknown) => unknown} Check */

/** @type {Record<keyof JsStartOptions, Check>} */
const START_CHECKS = {
  sampleIntervalBytes: (name, value) => checkInteger(name, value, MAX_INTERVAL),
  stackDepth: (name, value) => checkInteger(name, value, MAX_DEPTH),
  forceGC: checkBoolean,
  include: checkInclude,
  exactStacks: checkBoolean,
};

const READ_CHECKS = { sourceMaps: checkSourceMaps };

/** @type {Record<keyof JsChanges, Check>} */
const ENCODE_CHECKS = { ...READ_CHECKS, labels: checkLabels };

const WRITE_CHECKS = { format: checkFormat, ...ENCODE_CHECKS };

const LEAK_CHECKS = {
  by: checkGrouping,
  hideNodeInternals: checkBoolean,
  limit: (name, value) => checkInteger(name, value, Number.MAX_SAFE_INTEGER),
};

const SITE_CHECKS = { ...LEAK_CHECKS, total: checkBoolean, filter: checkFilter };

/** @returns {JsStartOptions} */
const checkStartOptions = (options) => checkOptions(START_CHECKS, options);
/** @returns {JsChanges} */
const checkEncodeOptions = (options) => checkOptions(ENCODE_CHECKS, options);
const checkLeakOptions = (options) => checkOptions(LEAK_CHECKS, options);
const checkReadOptions = (options) => checkOptions(READ_CHECKS, options);
const checkSiteOptions = (options) => checkOptions(SITE_CHECKS, options);

/**
 * What `write(filename, options)` asks for.
 * @returns {{ filename: string | undefined, format: JsFormat | undefined, changes: JsChanges }}
 */
function checkWriteRequest(filename, options) {
  if (filename !== undefined) checkPath('filename', filename);
  const { format, ...changes } = checkOptions(WRITE_CHECKS, options);
  if (format === undefined && filename !== undefined) checkEnding('filename', filename);
  return { filename, format, changes: bare(changes) };
}

/**
 * The options that were given, those that are undefined left out. A check may return what is to be used
 * instead of the value.
 */
function checkOptions(checks, options = {}, name = 'options') {
  checkObject(name, options);
  const checked = Object.create(null);
  for (const [key, value] of Object.entries(options)) {
    const check = Object.hasOwn(checks, key) ? checks[key] : undefined;
    if (check === undefined) {
      const known = Object.keys(checks).join(', ');
      throw invalidArgValue(name, `has an unknown option; known are ${known}`, key);
    }
    if (value === undefined) continue;
    checked[key] = check(`${name}.${key}`, value) ?? value;
  }
  return checked;
}

function checkObject(name, value) {
  if (value === null || typeof value !== 'object' || Array.isArray(value)) {
    throw invalidArgType(name, 'an object', value);
  }
}

function checkArray(name, value) {
  if (!Array.isArray(value)) throw invalidArgType(name, 'an array', value);
}

function checkInteger(name, value, max, min = 1) {
  if (typeof value !== 'number') throw invalidArgType(name, 'of type number', value);
  if (!Number.isInteger(value) || value < min || value > max) {
    throw outOfRange(name, `an integer >= ${min} and <= ${max}`, value);
  }
}

function checkBoolean(name, value) {
  if (typeof value !== 'boolean') throw invalidArgType(name, 'of type boolean', value);
}

function checkSourceMaps(name, value) {
  checkBoolean(name, value);
  if (value) checkEverythingReadable();
}

function checkString(name, value) {
  if (typeof value !== 'string') throw invalidArgType(name, 'of type string', value);
}

/** Half a character is as it is in the names that are looked at: U+FFFD. */
function checkFilter(name, value) {
  checkString(name, value);
  return toUSVString(value);
}

/** @returns {JsInclude} */
function checkInclude(name, value) {
  return checkOneOf(name, value, INCLUDES);
}

/** @returns {JsFormat} */
function checkFormat(name, value) {
  return checkOneOf(name, value, FORMATS);
}

function checkGrouping(name, value) {
  checkOneOf(name, value, GROUPINGS);
}

function checkOneOf(name, value, known) {
  checkString(name, value);
  if (!known.includes(value)) {
    const names = known.map((one) => `'${one}'`).join(', ');
    throw invalidArgValue(name, `must be one of ${names}`, value);
  }
  return value;
}

/** A copy: what is checked is what native code reads. */
function checkLabels(name, value) {
  checkObject(name, value);
  const labels = bare(value);
  for (const [key, text] of Object.entries(labels)) checkString(`${name}.${key}`, text);
  return labels;
}

function checkBytes(name, value) {
  // Not instanceof: there is one Uint8Array in each context.
  if (!types.isUint8Array(value)) {
    throw invalidArgType(name, 'an instance of Buffer or Uint8Array', value);
  }
  if (types.isSharedArrayBuffer(bufferOf.call(value))) {
    const reason =
      'is a view on a SharedArrayBuffer, which may change while it is read: pass a copy';
    throw invalidArgValue(name, reason, value);
  }
}

function checkPath(name, value) {
  checkString(name, value);
  if (value === '' || value.includes('\0')) {
    throw invalidArgValue(name, 'must be a non-empty string without null bytes', value);
  }
}

/** The name must not ask for a format that the file would not have. */
function checkEnding(name, filename) {
  if (!isForeign(filename)) return;
  throw invalidArgValue(name, FOREIGN_REASON, filename);
}

function checkCallback(callback) {
  if (typeof callback !== 'function') {
    throw invalidArgType('callback', 'of type function', callback);
  }
}

module.exports = {
  checkArray,
  checkBoolean,
  checkBytes,
  checkCallback,
  checkEncodeOptions,
  checkFormat,
  checkInclude,
  checkInteger,
  checkLabels,
  checkLeakOptions,
  checkObject,
  checkOneOf,
  checkOptions,
  checkPath,
  checkReadOptions,
  checkSiteOptions,
  checkSourceMaps,
  checkStartOptions,
  checkString,
  checkWriteRequest,
  FORMATS,
  GROUPINGS,
  MAX_DEPTH,
  MAX_INTERVAL,
};
