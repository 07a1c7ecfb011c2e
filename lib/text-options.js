// Options that come as text, from the command line or the environment. What is wrong with one is
// said in the words of whoever wrote it: `--limit needs a number, got "abc"`.
'use strict';

const { codedError } = require('./errors.js');
const { FORMATS, GROUPINGS, MAX_DEPTH, MAX_INTERVAL } = require('./options.js');

const [KIB, MIB, GIB] = [2 ** 10, 2 ** 20, 2 ** 30];
const BYTES = { '': 1, b: 1, k: KIB, kib: KIB, m: MIB, mib: MIB, g: GIB, gib: GIB };
const MILLISECONDS = { ms: 1, s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 };

/** What timers take, more than 596 hours. */
const MAX_DURATION = 2 ** 31 - 1;
const MAX_THREAD_ID = 2 ** 32 - 1;
const MAX_COUNT = 2 ** 31 - 1;
const MAX_WHOLE = Number.MAX_SAFE_INTEGER;

/** Bytes: `65536`, `64KiB`, `512k`, `1MiB`. */
function readSampleInterval(name, text) {
  return readBytes(name, text, MAX_INTERVAL);
}

/** Bytes of files: `100MiB`, `2GiB` too. */
function readBytes(name, text, max = MAX_WHOLE) {
  const bytes = multiply(text, BYTES);
  if (bytes === undefined) throw wrong(name, 'a size such as 512KiB, 64k, 1MiB or 65536', text);
  return within(name, bytes, 1, max, 'whole bytes', text);
}

/** Milliseconds that a timer takes: `500ms`, `60s`, `5m`, `1h`. */
function readDuration(name, text) {
  return readAge(name, text, MAX_DURATION);
}

/** Milliseconds: `7d`, `60d` too. */
function readAge(name, text, max = MAX_WHOLE) {
  const milliseconds = multiply(text, MILLISECONDS);
  if (milliseconds === undefined) {
    throw wrong(name, 'a duration such as 500ms, 60s, 5m or 1h', text);
  }
  return within(name, milliseconds, 1, max, 'whole milliseconds', text);
}

/** Names and texts: `service=api,region=eu`. */
function readPairs(name, text) {
  const pairs = Object.create(null);
  for (const part of text.split(',')) {
    const [, key, value] = /^([^=]+)=(.*)$/s.exec(part) ?? [];
    if (key === undefined) throw wrong(name, 'labels such as service=api,region=eu', text);
    pairs[key] = value;
  }
  return pairs;
}

function readStackDepth(name, text) {
  return readInteger(name, text, MAX_DEPTH);
}

function readThreadId(name, text) {
  return readInteger(name, text, MAX_THREAD_ID, 0);
}

function readCount(name, text) {
  return readInteger(name, text, MAX_COUNT);
}

function readInteger(name, text, max, min = 1) {
  if (!/^[-+]?\d+$/.test(text)) throw wrong(name, 'a number', text);
  return within(name, Number(text), min, max, 'a number', text);
}

function readFormat(name, text) {
  return readOneOf(name, text, FORMATS);
}

function readGrouping(name, text) {
  return readOneOf(name, text, GROUPINGS);
}

/** `1` or `0`. */
function readSwitch(name, text) {
  return readOneOf(name, text, ['1', '0']) === '1';
}

function readOneOf(name, text, known) {
  if (known.includes(text)) return text;
  throw wrong(name, `${known.slice(0, -1).join(', ')} or ${known.at(-1)}`, text);
}

function within(name, value, min, max, unit, text) {
  if (Number.isInteger(value) && value >= min && value <= max) return value;
  const message = `${name} needs ${unit} from ${min} to ${max}, got ${JSON.stringify(text)}`;
  throw codedError('ERR_OUT_OF_RANGE', message);
}

function wrong(name, needed, text) {
  return codedError(
    'ERR_INVALID_ARG_VALUE',
    `${name} needs ${needed}, got ${JSON.stringify(text)}`,
  );
}

/** A number and a unit, in the smallest unit; undefined if it is something else. */
function multiply(text, units) {
  const [, number, unit] = /^(\d+(?:\.\d+)?)([a-z]*)$/i.exec(text) ?? [];
  if (number === undefined || !Object.hasOwn(units, unit.toLowerCase())) return undefined;
  return Number(number) * units[unit.toLowerCase()];
}

module.exports = {
  readAge,
  readBytes,
  readCount,
  readDuration,
  readFormat,
  readGrouping,
  readInteger,
  readOneOf,
  readPairs,
  readSampleInterval,
  readStackDepth,
  readSwitch,
  readThreadId,
};
