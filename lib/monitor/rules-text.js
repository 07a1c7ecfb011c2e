// Rules as text, for the environment and the command line: `1` is the default ones, `0` none, and
// `growth=0.5,rss=off,heapRatio=0.8:0.9,slope=30m,perHour=12` what is said with the default for the others.
'use strict';

const { codedError } = require('../errors.js');
const { readDuration } = require('../text-options.js');
const { checkRules } = require('./options.js');

const NAMES = ['heapRatio', 'growth', 'rss', 'newPeak', 'slope', 'perHour'];
const NEEDED = `1, 0 or rules such as growth=0.5,rss=off,heapRatio=0.8:0.9 of ${NAMES.join(', ')}`;

/** @returns {boolean | Record<string, unknown>} the option `rules` of monitor() */
function readRules(name, text) {
  if (text === '1' || text === '0') return text === '1';
  const rules = Object.create(null);
  for (const part of text.split(',')) {
    const [, rule, value] = /^(\w+)=(.+)$/.exec(part) ?? [];
    if (!NAMES.includes(rule)) throw wrong(name, text);
    rules[rule] = readRule(name, rule, value, text);
  }
  try {
    checkRules(name, rules);
  } catch {
    throw wrong(name, text);
  }
  return rules;
}

function readRule(name, rule, value, text) {
  if (value === 'off' || value === 'on') return value === 'on';
  if (rule === 'slope') return readDuration(`slope of ${name}`, value);
  const numbers = value.split(':').map((part) => (/^\d+(\.\d+)?$/.test(part) ? Number(part) : NaN));
  if (numbers.some(Number.isNaN)) throw wrong(name, text);
  return numbers.length === 1 ? numbers[0] : numbers;
}

function wrong(name, text) {
  const message = `${name} needs ${NEEDED}, got ${JSON.stringify(text)}`;
  return codedError('ERR_INVALID_ARG_VALUE', message);
}

module.exports = { readRules };
