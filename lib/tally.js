// What `heap-profile run` is told of the profiles that its program wrote, in all processes and threads: a
// line each, in a file beside them, which only the command makes and removes.
'use strict';

const {
  closeSync,
  constants,
  fstatSync,
  lstatSync,
  openSync,
  readFileSync,
  unlinkSync,
  writeSync,
} = require('node:fs');
const { randomBytes } = require('node:crypto');
const { basename, join } = require('node:path');
const { threadId } = require('node:worker_threads');

/** The path of it. Not for users: it lasts as long as the command. */
const VARIABLE = 'HEAP_PROFILE_TALLY';

const { O_APPEND, O_NOFOLLOW = 0, O_NONBLOCK = 0, O_WRONLY } = constants;
/** Not made anew when the command is gone, no way to somewhere else, and nothing to wait for. */
const FLAGS = O_WRONLY | O_APPEND | O_NOFOLLOW | O_NONBLOCK;

/** Writer and name. The program can write there, too, so a line may be anything else. */
const LINE = /^(\d+ \d+) ([^/\s]+)$/;

/** As it was at the start, whatever the program makes of its environment. */
const tally = process.env[VARIABLE];

/** Tells that a profile was written; that it cannot is nobody's problem. */
function tell(path) {
  if (!tally) return;
  try {
    const file = openSync(tally, FLAGS);
    try {
      writeSync(file, `${process.pid} ${threadId} ${basename(path)}\n`);
    } finally {
      closeSync(file);
    }
  } catch {}
}

/** Makes one for a directory: `{ env, take }`; where none can be made nothing can be written, either. */
function makeTally(directory) {
  const path = join(directory, `.heap-profile-${randomBytes(8).toString('hex')}.tally`);
  try {
    const file = openSync(path, 'wx+', 0o600);
    return { env: { [VARIABLE]: path }, take: () => take(path, file) };
  } catch {
    return { env: { [VARIABLE]: '' }, take: () => [] };
  }
}

/** What was told, `{ writer, name }`, the earliest first; and removes it. */
function take(path, file) {
  try {
    // Not by its path, where the program may have put something else, such as a pipe that never ends.
    const lines = readFileSync(file, 'utf8').split('\n').slice(0, -1);
    return lines.flatMap((line) => {
      const [, writer, name] = LINE.exec(line) ?? [];
      return name === undefined ? [] : [{ writer, name }];
    });
  } catch {
    return [];
  } finally {
    remove(path, file);
  }
}

/** Removes it, if what stands there is still the file that was made; that it cannot is nobody's problem. */
function remove(path, file) {
  try {
    const [made, found] = [fstatSync(file), lstatSync(path)];
    if (made.dev === found.dev && made.ino === found.ino) unlinkSync(path);
  } catch {}
  closeSync(file);
}

module.exports = { makeTally, tell };
