// `heap-profile flamegraph`: a page to look at a profile with.
'use strict';

const { basename } = require('node:path');
const { CommandError } = require('../../errors.js');
const { UsageError } = require('../errors.js');
const { isOther } = require('../../file-names.js');
const { openFile } = require('../open-file.js');
const { STANDARD, withProfiles, writeStdout } = require('../output.js');
const { checkReport, printFiles, REPORT_OPTIONS } = require('../report.js');
const { MEMORY_OPTION } = require('../sites.js');

const options = {
  base: { value: 'BASE', description: 'An earlier profile; the graph tells what grew since' },
  output: {
    short: 'o',
    value: 'OUT',
    description: "File to write, - for stdout (default: FILE's name and .html, here)",
  },
  open: { description: 'Open it in the browser' },
  memory: MEMORY_OPTION,
  'source-maps': { description: 'Name functions, files and lines as the original code does' },
  ...REPORT_OPTIONS,
};

async function run({ base: baseFile, output, open, memory, sourceMaps, json, markdown }, [file]) {
  checkReport({ output, json, markdown });
  if (open && output === STANDARD) throw new UsageError('--open needs a file to open, not stdout');
  const files = baseFile === undefined ? [file] : [file, baseFile];
  if (output === STANDARD) {
    const encode = (snapshot, base) => snapshot.encodeFlamegraph({ base, memory });
    await writeStdout(await withProfiles(files, { sourceMaps }, encode));
    return;
  }
  const name = output ?? defaultName(file);
  if (isOther(name)) throw new UsageError(`${name} means another format; a flame graph is .html`);
  const write = (snapshot, base) => snapshot.writeFlamegraph(name, { base, memory });
  const written = await withProfiles(files, { sourceMaps }, write);
  printFiles([written], { json, markdown });
  if (open) await openWritten(written);
}

function defaultName(file) {
  return file === STANDARD ? 'flamegraph.html' : `${basename(file)}.html`;
}

async function openWritten(file) {
  try {
    await openFile(file);
  } catch (error) {
    throw new CommandError(`no browser for ${file}: ${error.message}`);
  }
}

module.exports = {
  name: 'flamegraph',
  summary: 'Makes a page of a profile: a flame graph and a table, in one HTML file',
  operands: { text: 'FILE', min: 1, max: 1 },
  options,
  examples: [
    'flamegraph app.heapprofile --open',
    'flamegraph after.heapprofile --base before.heapprofile -o growth.html',
  ],
  run,
};
