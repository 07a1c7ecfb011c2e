// Texts from outside, as they may be printed: as JSON, and as complaints.
'use strict';

const { printable, UNPRINTABLE } = require('../display/printable.js');

/** Data as JSON that may be printed. */
function printableJson(value) {
  const text = JSON.stringify(value, null, 2);
  return text.replace(UNPRINTABLE, (character) => (character === '\n' ? '\n' : escaped(character)));
}

/** As JSON has it: UTF-16 code units. */
function escaped(character) {
  const units = character.split('').map((unit) => unit.charCodeAt(0).toString(16));
  return units.map((unit) => `\\u${unit.padStart(4, '0')}`).join('');
}

/** Says on stderr what is wrong, in one line. */
function complain(text) {
  process.stderr.write(`${printable(text.replaceAll('\n', ' '))}\n`);
}

module.exports = { complain, printableJson };
