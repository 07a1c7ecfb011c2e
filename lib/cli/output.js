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

/** The format is that of the file's name, unless one is given. */
async function writeProfile(snapshot, file, format) {
  if (file !== STANDARD) return snapshot.write(file, { format });
  process.stdout.write(await snapshot.encode(format));
}

module.exports = { readProfile, STANDARD, writeProfile };
