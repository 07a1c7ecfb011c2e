// Where a command's profiles come from and go to: files, or stdin and stdout as `-`.
'use strict';

const { Snapshot } = require('../snapshot.js');

const STANDARD = '-';

async function readProfile(file) {
  return file === STANDARD ? Snapshot.parse(await readStdin()) : Snapshot.read(file);
}

async function readStdin() {
  const chunks = [];
  for await (const chunk of process.stdin) chunks.push(chunk);
  return Buffer.concat(chunks);
}

/** Resolves to the file's name. The format is that of the name, unless one is given. */
async function writeProfile(snapshot, file, format) {
  if (file !== STANDARD) return snapshot.write(file, { format });
  const bytes = await snapshot.encode(format);
  // When it is written, or nobody reads it.
  await new Promise((resolve) => process.stdout.write(bytes, resolve));
  return STANDARD;
}

module.exports = { readProfile, STANDARD, writeProfile };
