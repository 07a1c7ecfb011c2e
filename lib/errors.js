// Errors with the stable `code` that callers match on, in the shape of Node's own.
'use strict';

const { getSystemErrorMap, inspect } = require('node:util');
const { bare } = require('./bare.js');

/** @import { ErrorCode } from '../index.d.ts' */
/** @import { Failure } from '../target/native.d.ts' */

/** What cannot be done, and why, in words for people: the command line prints it, it has no code. */
class CommandError extends Error {}

/**
 * Every code there is, but those of the system, with the class of its errors.
 * @type {Record<ErrorCode, ErrorConstructor>}
 */
const ERRORS = {
  ERR_ACCESS_DENIED: Error,
  ERR_ALREADY_SAMPLING: Error,
  ERR_DISPOSED: Error,
  ERR_INTERNAL: Error,
  ERR_INVALID_ARG_TYPE: TypeError,
  ERR_INVALID_ARG_VALUE: TypeError,
  ERR_INVALID_PROFILE: Error,
  ERR_INVALID_THIS: TypeError,
  ERR_NOT_SAMPLING: Error,
  ERR_OUT_OF_RANGE: RangeError,
  ERR_SAMPLER_IN_USE: Error,
  ERR_TOO_FEW_SNAPSHOTS: Error,
  ERR_TOO_LARGE: Error,
  ERR_UNSUPPORTED_OPTION: Error,
  ERR_UNSUPPORTED_RUNTIME: Error,
};

/** @param {ErrorCode} code */
function codedError(code, message) {
  return Object.assign(new ERRORS[code](message), { code });
}

function invalidArgType(name, expected, actual) {
  const message = `The "${name}" argument must be ${expected}. Received ${describe(actual)}`;
  return codedError('ERR_INVALID_ARG_TYPE', message);
}

function invalidArgValue(name, reason, actual) {
  const message = `The argument "${name}" ${reason}. Received ${describe(actual)}`;
  return codedError('ERR_INVALID_ARG_VALUE', message);
}

function outOfRange(name, range, actual) {
  const message = `The value of "${name}" is out of range. It must be ${range}. Received ${describe(actual)}`;
  return codedError('ERR_OUT_OF_RANGE', message);
}

/** A method or a getter was called on something else. */
function invalidThis(expected) {
  return codedError('ERR_INVALID_THIS', `Value of "this" must be of type ${expected}`);
}

function describe(value) {
  if (typeof value === 'function') return `function ${nameOf(value)}`;
  const text = inspect(value, { depth: 0, maxStringLength: 100, breakLength: Infinity });
  return value === null || value === undefined ? text : `type ${typeof value} (${text})`;
}

/** No name if that is something else, as a class's own may be, or cannot be had, as that of a revoked proxy. */
function nameOf(of) {
  try {
    return typeof of.name === 'string' ? of.name : '';
  } catch {
    return '';
  }
}

/**
 * What a native task resolved to; throws the error of a Failure of src/binding/outcome.rs.
 * @template T
 * @param {T | Failure} result
 * @returns {T}
 */
function settle(result) {
  if (isFailure(result)) throw errorOf(result);
  return result;
}

/** @returns {result is Failure} */
function isFailure(result) {
  return Object.hasOwn(result, 'failed');
}

/**
 * The error of a Failure.
 * @param {Failure} failure
 */
function errorOf(failure) {
  // What is missing in it must not come from a prototype.
  const { errno, code, message, syscall, path } = bare(failure);
  if (typeof errno === 'number') return systemError(errno, message, syscall, path);
  return codedError(/** @type {ErrorCode} */ (code ?? 'ERR_INTERNAL'), message);
}

function systemError(errno, message, syscall, path) {
  // libuv's numbers are the negated ones of the system on every Unix.
  const [code, reason] = getSystemErrorMap().get(-errno) ?? [`E${errno}`, message];
  const error = new Error(`${code}: ${reason}, ${syscall} '${path}'`);
  return Object.assign(error, { errno: -errno, code, syscall, path });
}

module.exports = {
  ERRORS,
  CommandError,
  codedError,
  errorOf,
  invalidArgType,
  invalidArgValue,
  invalidThis,
  outOfRange,
  settle,
};
