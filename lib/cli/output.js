// Where a command's profiles come from and go to: files, or stdin and stdout as `-`.
'use strict';

const { readdirSync, statSync } = require('node:fs');
const { join } = require('node:path');
const { Snapshot } = require('../snapshot.js');
const { FOREIGN_REASON, isForeign } = require('../file-names.js');
const { CommandError } = require('../errors.js');
const { UsageError } = require('./errors.js');
const { complain } = require('./printable.js');
const { withProgress } = require('./progress.js');

const STANDARD = '-';

/**
 * Reads the profiles and resolves to what `work` makes of their snapshots, with a progress bar until
 * then. Says on stderr which source maps could not be used.
 */
async function withProfiles(files, options, work) {
  if (files.filter((file) => file === STANDARD).length > 1) {
    throw new UsageError('stdin is one profile: name a file for the other');
  }
  for (const file of files) checkFile(file);
  const sources = [];
  for (const file of files) sources.push(file === STANDARD ? await readStdin() : file);
  const snapshots = [];
  const result = await withProgress(sources, async () => {
    for (const source of sources) snapshots.push(await readProfile(source, options));
    return work(...snapshots);
  });
  for (const { url, message, count } of snapshots.flatMap(({ warnings }) => warnings)) {
    complain(`warning: ${url}: ${message} (frames: ${count})`);
  }
  return result;
}

/** A directory is no profile; which one of it is meant only the caller knows. */
function checkFile(path) {
  if (path === STANDARD || !statSync(path, { throwIfNoEntry: false })?.isDirectory()) return;
  const newest = readdirSync(path)
    .filter((name) => /\.(?:heapprofile|pb\.gz)$/.test(name))
    .sort()
    .pop();
  const example = newest === undefined ? '' : `, such as ${join(path, newest)}`;
  throw new CommandError(
    `${path} is a directory: name a profile${example}; only leaks looks at all of a directory`,
  );
}

async function readProfile(source, options) {
  if (typeof source === 'string') return Snapshot.read(source, options);
  try {
    return await Snapshot.parse(source, options);
  } catch (error) {
    throw new CommandError(`stdin: ${error.message}`);
  }
}

async function readStdin() {
  const chunks = [];
  for await (const chunk of process.stdin) chunks.push(chunk);
  return Buffer.concat(chunks);
}

/** Throws if the name asks for a format that would not be written. */
function checkName(file, format) {
  if (file === STANDARD || format !== undefined || !isForeign(file)) return;
  throw new UsageError(`${file} ${FOREIGN_REASON}`);
}

/** Resolves to the file's name. The format is that of the name, unless one is given. */
async function writeProfile(snapshot, file, format) {
  if (file !== STANDARD) return snapshot.write(file, { format });
  return writeStdout(await snapshot.encode(format));
}

/** When it is written, or nobody reads it. */
async function writeStdout(bytes) {
  await new Promise((resolve) => process.stdout.write(bytes, resolve));
  return STANDARD;
}

module.exports = { checkName, STANDARD, withProfiles, writeProfile, writeStdout };
