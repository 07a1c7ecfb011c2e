// A command line of ours that can be copied into a shell and works there.
'use strict';

const { basename, relative } = require('node:path');
const { PROGRAM } = require('./help.js');

/** What no shell reads as anything else. */
const PLAIN = /^[\w%+,./:=@-]+$/;

function commandLine(...args) {
  return [...program(), ...args].map(quoted).join(' ');
}

/** As this process was started: npm puts the program on the path of what it runs, and nowhere else. */
function program() {
  const [, script] = process.argv;
  if (process.env.npm_command !== undefined) return ['npx', PROGRAM];
  return basename(script) === PROGRAM ? [PROGRAM] : ['node', wayTo(script)];
}

/** From the current directory, unless that was removed. */
function wayTo(script) {
  try {
    return relative('', script);
  } catch {
    return script;
  }
}

/** As a shell takes it. */
function quoted(text) {
  return PLAIN.test(text) ? text : `'${text.replaceAll("'", "'\\''")}'`;
}

/** The name of a file that is no option. */
function operand(file) {
  return file.startsWith('-') ? `./${file}` : file;
}

module.exports = { commandLine, operand, quoted };
