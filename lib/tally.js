// What `heap-profile run` is told of the profiles that its program wrote, in all processes and threads: a
// line each, in a file beside them, which only the command makes and removes.
'use strict';

const { closeSync, constants, openSync, readFileSync, rmSync, writeSync } = require('node:fs');
const { randomBytes } = require('node:crypto');
const { basename, join } = require('node:path');
const { threadId } = require('node:worker_threads');

/** The path of it. Not for users: it lasts as long as the command. */
const VARIABLE = 'HEAP_PROFILE_TALLY';

const { O_APPEND, O_NOFOLLOW = 0, O_NONBLOCK = 0, O_WRONLY } = constants;
/** Not made anew when the command is gone, no way to somewhere else, and nothing to wait for. */
const FLAGS = O_WRONLY | O_APPEND | O_NOFOLLOW | O_NONBLOCK;

/** As it was at the start, whatever the program makes of its environment. */
const tally = process.env[VARIABLE];

/** Tells that a profile was written; that it cannot is nobody's problem. */
function tell(path) {
  if (!tally) return;
  try {
    const file = openSync(tally, FLAGS);
    writeSync(file, `${process.pid} ${threadId} ${basename(path)}\n`);
    closeSync(file);
  } catch {}
}

/** Makes one for a directory: `{ env, take }`; where none can be made nothing can be written, either. */
function makeTally(directory) {
  const path = join(directory, `.heap-profile-${randomBytes(8).toString('hex')}.tally`);
  try {
    closeSync(openSync(path, 'wx', 0o600));
  } catch {
    return { env: { [VARIABLE]: '' }, take: () => [] };
  }
  return { env: { [VARIABLE]: path }, take: () => take(path) };
}

/** What was told, `{ writer, name }`, the earliest first; and removes it. */
function take(path) {
  try {
    const lines = readFileSync(path, 'utf8').split('\n').slice(0, -1);
    return lines.map((line) => {
      const [pid, thread, name] = line.split(' ');
      return { writer: `${pid} ${thread}`, name };
    });
  } catch {
    return [];
  } finally {
    rmSync(path, { force: true });
  }
}

module.exports = { makeTally, tell };
