// Checks what handler() and listen() are given.
'use strict';

const { invalidArgType, invalidArgValue } = require('../errors.js');
const { checkInteger, checkOptions, checkPath, checkString } = require('../options.js');

const HANDLER_CHECKS = {
  token: checkToken,
  prefix: checkPrefix,
  monitor: checkMonitor,
  dir: checkPath,
};

const { prefix: _, ...SERVED_CHECKS } = HANDLER_CHECKS;

const LISTEN_CHECKS = {
  ...SERVED_CHECKS,
  port: (name, value) => checkInteger(name, value, 65_535, 0),
  host: checkPath,
  socket: checkPath,
};

const checkHandlerOptions = (options) => checkOptions(HANDLER_CHECKS, options);

function checkListenOptions(options) {
  const checked = checkOptions(LISTEN_CHECKS, options);
  const { port, host, socket } = checked;
  if ((port === undefined) === (socket === undefined)) {
    throw invalidArgValue('options', 'must have either a port or a socket', options);
  }
  if (socket !== undefined && host !== undefined) {
    throw invalidArgValue('options.host', 'is of no use with a socket', host);
  }
  return checked;
}

/** What a header can hold: what is not ASCII is sent as UTF-8. */
function checkToken(name, value) {
  checkString(name, value);
  if (!/^[^\s\p{Cc}]+$/u.test(value)) {
    throw invalidArgValue(
      name,
      'must be a non-empty string without spaces and controls',
      '(hidden)',
    );
  }
}

/** Where the handler is mounted, as the paths of requests tell: `/x` or ``. */
function checkPrefix(name, value) {
  checkString(name, value);
  if (!/^(?:\/[^/?#\s]+)*$/.test(value)) {
    throw invalidArgValue(
      name,
      'must be a path such as /profiling, without a slash at its end',
      value,
    );
  }
}

function checkMonitor(name, value) {
  const isOne = typeof value === 'object' && value !== null && typeof value.files === 'function';
  if (!isOne) throw invalidArgType(name, 'what monitor() returned', value);
}

module.exports = { checkHandlerOptions, checkListenOptions };
