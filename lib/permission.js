// Node's permission model (`node --permission`) guards Node's own functions; native code passes by it.
// So what native code is about to open is asked of Node first. Where Node would refuse, opening the
// file here throws Node's own error, ERR_ACCESS_DENIED with `permission` and `resource`.
'use strict';

const { closeSync, constants, openSync, realpathSync } = require('node:fs');
const { dirname, join, resolve } = require('node:path');

/** Like those of crates/core/src/file/temporary.rs. */
const TEMPORARY_NAME = '.heap-profile-.tmp';

function checkReadable(path) {
  check('fs.read', path, constants.O_RDONLY);
}

/**
 * Source maps are read from wherever the profile says that scripts are. Not asked of `/` itself: Node.js 20
 * lets that be read as soon as two of the places that are allowed have nothing else in common.
 */
function checkEverythingReadable() {
  checkReadable(resolve('/', 'any', 'script.js'));
}

/** Files are written beside their place, then moved there. */
function checkWritable(path) {
  if (isOff()) return;
  check('fs.write', path, constants.O_WRONLY);
  check('fs.write', join(dirname(targetOf(path)), TEMPORARY_NAME), constants.O_WRONLY);
}

/** Files that native code will make in it, whatever their names. */
function checkDirectory(path) {
  checkWritable(join(path, TEMPORARY_NAME));
}

/** What a link leads to: that is what is replaced. */
function targetOf(path) {
  try {
    return realpathSync(path);
  } catch {
    return path;
  }
}

function check(scope, path, flags) {
  if (isOff() || permissions().has(scope, path)) return;
  try {
    // None of these flags makes or changes a file, should Node not refuse (--permission-audit).
    closeSync(openSync(path, flags | (constants.O_NONBLOCK ?? 0)));
  } catch (error) {
    if (error.code === 'ERR_ACCESS_DENIED') throw error;
  }
}

function isOff() {
  return permissions() === undefined;
}

/** Undefined while the model is off, and in Node.js 18. */
function permissions() {
  return /** @type {any} */ (process).permission;
}

module.exports = { checkDirectory, checkEverythingReadable, checkReadable, checkWritable };
