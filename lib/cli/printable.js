// What may be printed of a text from outside: names are anything.
'use strict';

/** Control characters would reach the terminal. */
function printable(text) {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: those are what must not be printed
  return text.replace(/[\u0000-\u001f\u007f-\u009f\u2028\u2029]/g, '\ufffd');
}

/** Says on stderr what is wrong, in one line. */
function complain(text) {
  process.stderr.write(`${printable(text.replaceAll('\n', ' '))}\n`);
}

module.exports = { complain, printable };
