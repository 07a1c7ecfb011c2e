// Checks what monitor() is given, and says what it is where nothing is given.
'use strict';

const { hostname } = require('node:os');
const { bare } = require('../bare.js');
const { invalidArgType, invalidArgValue, outOfRange } = require('../errors.js');
const {
  checkBoolean,
  checkFormat,
  checkInteger,
  checkLabels,
  checkOneOf,
  checkOptions,
  checkPath,
  checkSourceMaps,
} = require('../options.js');

/** @typedef {{ heapRatio: number[], growth: number, rss: number[], newPeak: number, slope: number, perHour: number }} RuleOptions */
/** @typedef {{ files: number, bytes: number, ageMs?: number }} KeepOptions */

const HOUR = 3_600_000;

/** What timers take. */
const MAX_INTERVAL = 2 ** 31 - 1;

/** Signals whose default Node leaves alone and that mean no end to those who send them. */
const SIGNALS = ['SIGUSR2', 'SIGHUP', 'SIGQUIT', 'SIGWINCH'];

/** Bounded, as nobody may look after the disk. */
const KEEP = { files: 1000, bytes: 2 ** 30 };

/** @type {RuleOptions} */
const RULES = {
  heapRatio: [0.7, 0.8, 0.9],
  growth: 0.2,
  rss: [0.7, 0.8, 0.9],
  newPeak: 0.1,
  slope: HOUR,
  perHour: 30,
};

/** What a rule is that is off: it never triggers. */
const OFF = { heapRatio: [], growth: Infinity, rss: [], newPeak: Infinity, slope: -Infinity };

const KEEP_CHECKS = {
  files: (name, value) => checkInteger(name, value, Number.MAX_SAFE_INTEGER),
  bytes: (name, value) => checkInteger(name, value, Number.MAX_SAFE_INTEGER),
  ageMs: (name, value) => checkInteger(name, value, Number.MAX_SAFE_INTEGER),
};

const RULE_CHECKS = {
  heapRatio: orSwitch('heapRatio', checkLevels),
  growth: orSwitch('growth', checkPositive),
  rss: orSwitch('rss', checkLevels),
  newPeak: orSwitch('newPeak', checkPositive),
  slope: orSwitch('slope', checkPositive),
  perHour: (name, value) => checkInteger(name, value, 3600),
};

/** Each raises the limit once more; a worker takes one at most. */
const MAX_HEAP_LIMIT_PROFILES = 10;

const HEAP_LIMIT_CHECKS = {
  profiles: (name, value) => checkInteger(name, value, MAX_HEAP_LIMIT_PROFILES),
};

const CHECKS = {
  dir: checkPath,
  intervalMs: checkInterval,
  format: checkFormat,
  sourceMaps: checkSourceMaps,
  labels: checkLabels,
  keep: checkKeep,
  rules: checkRules,
  heapLimit: (name, value) => ({ profiles: 2, ...checkOptions(HEAP_LIMIT_CHECKS, value, name) }),
  signal: checkSignals,
  // Not loaded by who pushes nothing.
  push: (name, value) => require('../push/options.js').checkPush(name, value),
  workers: checkBoolean,
  onExit: checkBoolean,
};

/** What monitor() goes by. */
function checkMonitorOptions(options) {
  const given = checkOptions(CHECKS, options);
  return bare({
    dir: '.',
    intervalMs: HOUR,
    format: 'heapprofile',
    sourceMaps: false,
    labels: bare({}),
    keep: bare(KEEP),
    rules: undefined,
    heapLimit: undefined,
    signal: bare({}),
    push: undefined,
    workers: false,
    onExit: false,
    ...given,
  });
}

/** Infinity is never. */
function checkInterval(name, value) {
  if (value !== Infinity) checkInteger(name, value, MAX_INTERVAL);
}

/** @returns {KeepOptions} */
function checkKeep(name, value) {
  return bare({ ...KEEP, ...checkOptions(KEEP_CHECKS, value, name) });
}

/** @returns {RuleOptions | false} */
function checkRules(name, value) {
  if (typeof value === 'boolean') return value && RULES;
  return { ...RULES, ...checkOptions(RULE_CHECKS, value, name) };
}

/** A rule's value, true for the default or false for never. */
function orSwitch(rule, check) {
  return (name, value) => {
    if (typeof value === 'boolean') return value ? RULES[rule] : OFF[rule];
    return check(name, value);
  };
}

/** One share of a limit, or several. */
function checkLevels(name, value) {
  const levels = Array.isArray(value) ? Array.from(value) : [value];
  for (const level of levels) {
    checkPositive(name, level);
    if (level >= 1) throw outOfRange(name, '> 0 and < 1', level);
  }
  if (levels.length > 100) throw outOfRange(`${name}.length`, '<= 100', levels.length);
  return levels;
}

function checkPositive(name, value) {
  if (typeof value !== 'number') throw invalidArgType(name, 'of type number', value);
  if (!(value > 0 && value < Infinity)) throw outOfRange(name, '> 0', value);
}

/**
 * The name of a signal, an AbortSignal, or both in an array.
 * @returns {{ name?: NodeJS.Signals, abort?: AbortSignal }}
 */
function checkSignals(name, value) {
  const signals = bare({});
  for (const signal of Array.isArray(value) ? Array.from(value) : [value]) {
    const kind = typeof signal === 'string' ? 'name' : 'abort';
    if (kind === 'name') checkOneOf(name, signal, SIGNALS);
    else checkAbortSignal(name, signal);
    if (Object.hasOwn(signals, kind)) {
      throw invalidArgValue(name, 'has two signals of one kind', value);
    }
    signals[kind] = signal;
  }
  return signals;
}

function checkAbortSignal(name, value) {
  // Not instanceof: there is one AbortSignal in each context.
  const isOne = typeof value === 'object' && value !== null && 'aborted' in value;
  if (isOne && typeof value.addEventListener === 'function') return;
  throw invalidArgType(name, 'a signal such as SIGUSR2, an AbortSignal or an array of both', value);
}

/** Host, process and thread, as they are in the names of files. */
function writerName(pid, threadId) {
  const host = hostname()
    .replace(/[^A-Za-z0-9.]+/g, '-')
    .replace(/^[-.]+|[-.]+$/g, '')
    .slice(0, 63);
  return `${host || 'host'}-${pid}-${threadId}`;
}

module.exports = {
  checkMonitorOptions,
  checkRules,
  MAX_HEAP_LIMIT_PROFILES,
  SIGNALS,
  writerName,
};
