// Options that come as text, from the command line or the environment. What is wrong with one is
// an error in Node's words that names it.
'use strict';

const { invalidArgValue } = require('./errors.js');
const {
  checkFormat,
  checkGrouping,
  checkInteger,
  MAX_DEPTH,
  MAX_INTERVAL,
} = require('./options.js');

const BYTES = { '': 1, b: 1, k: 2 ** 10, kib: 2 ** 10, m: 2 ** 20, mib: 2 ** 20 };
const MILLISECONDS = { ms: 1, s: 1000, m: 60_000, h: 3_600_000 };

/** What timers take. */
const MAX_DURATION = 2 ** 31 - 1;
const MAX_THREAD_ID = 2 ** 32 - 1;

/** Bytes: `65536`, `64KiB`, `512k`, `1MiB`. */
function readSampleInterval(name, text) {
  const bytes = multiply(text, BYTES);
  if (bytes === undefined) {
    throw invalidArgValue(name, 'must be a size such as 512KiB, 64k, 1MiB or 65536', text);
  }
  checkInteger(name, bytes, MAX_INTERVAL);
  return bytes;
}

/** Milliseconds: `500ms`, `60s`, `5m`, `1h`. */
function readDuration(name, text) {
  const milliseconds = multiply(text, MILLISECONDS);
  if (milliseconds === undefined) {
    throw invalidArgValue(name, 'must be a duration such as 500ms, 60s, 5m or 1h', text);
  }
  checkInteger(name, milliseconds, MAX_DURATION);
  return milliseconds;
}

function readStackDepth(name, text) {
  return readInteger(name, text, MAX_DEPTH);
}

function readThreadId(name, text) {
  return readInteger(name, text, MAX_THREAD_ID, 0);
}

function readInteger(name, text, max, min = 1) {
  if (!/^\d+$/.test(text)) {
    throw invalidArgValue(name, `must be an integer >= ${min} and <= ${max}`, text);
  }
  checkInteger(name, Number(text), max, min);
  return Number(text);
}

function readFormat(name, text) {
  checkFormat(name, text);
  return text;
}

function readGrouping(name, text) {
  checkGrouping(name, text);
  return text;
}

/** `1` or `0`. */
function readSwitch(name, text) {
  if (text !== '1' && text !== '0') throw invalidArgValue(name, 'must be 1 or 0', text);
  return text === '1';
}

/** A number and a unit, in the smallest unit; undefined if it is something else. */
function multiply(text, units) {
  const [, number, unit] = /^(\d+(?:\.\d+)?)([a-z]*)$/i.exec(text) ?? [];
  if (number === undefined || !Object.hasOwn(units, unit.toLowerCase())) return undefined;
  return Number(number) * units[unit.toLowerCase()];
}

module.exports = {
  readDuration,
  readFormat,
  readGrouping,
  readInteger,
  readSampleInterval,
  readStackDepth,
  readSwitch,
  readThreadId,
};
