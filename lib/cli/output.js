// Where a command's profiles come from and go to: files, or stdin and stdout as `-`.
'use strict';

const { Snapshot } = require('../snapshot.js');

const STANDARD = '-';

/** Says on stderr which source maps could not be used. */
async function readProfile(file, options) {
  const snapshot =
    file === STANDARD
      ? await Snapshot.parse(await readStdin(), options)
      : await Snapshot.read(file, options);
  for (const { url, message, count } of snapshot.warnings) {
    process.stderr.write(`warning: ${url}: ${message} (frames: ${count})\n`);
  }
  return snapshot;
}

async function readStdin() {
  const chunks = [];
  for await (const chunk of process.stdin) chunks.push(chunk);
  return Buffer.concat(chunks);
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

module.exports = { readProfile, STANDARD, writeProfile, writeStdout };
