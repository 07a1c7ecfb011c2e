// Errors with the stable `code` that callers match on, in the shape of Node's own.
'use strict';

const { getSystemErrorMap, inspect } = require('node:util');

/** What cannot be done, and why, in words for people: the command line prints it, it has no code. */
class CommandError extends Error {}

/** An error of class `Type` with a `code`. */
function codedError(Type, code, message) {
  return Object.assign(new Type(message), { code });
}

function invalidArgType(name, expected, actual) {
  const message = `The "${name}" argument must be ${expected}. Received ${describe(actual)}`;
  return codedError(TypeError, 'ERR_INVALID_ARG_TYPE', message);
}

function invalidArgValue(name, reason, actual) {
  const message = `The argument "${name}" ${reason}. Received ${describe(actual)}`;
  return codedError(TypeError, 'ERR_INVALID_ARG_VALUE', message);
}

function outOfRange(name, range, actual) {
  const message = `The value of "${name}" is out of range. It must be ${range}. Received ${describe(actual)}`;
  return codedError(RangeError, 'ERR_OUT_OF_RANGE', message);
}

function describe(value) {
  if (typeof value === 'function') return `function ${value.name}`;
  const text = inspect(value, { depth: 0, maxStringLength: 100, breakLength: Infinity });
  return value === null || value === undefined ? text : `type ${typeof value} (${text})`;
}

/** What a native task resolved to; throws the error of a Failure of src/binding/outcome.rs. */
function settle(result) {
  if (result.failed !== true) return result;
  throw errorOf(result);
}

/** The error of a Failure. */
function errorOf(failure) {
  const { errno, code, message } = failure;
  return typeof errno === 'number'
    ? systemError(failure)
    : codedError(Error, code ?? 'ERR_INTERNAL', message);
}

function systemError({ errno, syscall, path, message }) {
  // libuv's numbers are the negated ones of the system on every Unix.
  const [code, reason] = getSystemErrorMap().get(-errno) ?? [`E${errno}`, message];
  const error = codedError(Error, code, `${code}: ${reason}, ${syscall} '${path}'`);
  return Object.assign(error, { errno: -errno, syscall, path });
}

module.exports = {
  CommandError,
  codedError,
  errorOf,
  invalidArgType,
  invalidArgValue,
  outOfRange,
  settle,
};
