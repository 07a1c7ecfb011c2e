// What may be shown of a text from outside: names are anything.
'use strict';

/**
 * Controls would reach the terminal; what changes the direction of text or has no width would show a
 * name as another one.
 */
const UNPRINTABLE = /[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}]/gu;

function printable(text) {
  return text.replace(UNPRINTABLE, '\ufffd');
}

module.exports = { printable, UNPRINTABLE };
