// `heap-profile convert`: a profile in another format, or with original positions.
'use strict';

const { readFormat } = require('../../text-options.js');
const { UsageError } = require('../errors.js');
const { checkName, STANDARD, withProfiles, writeProfile } = require('../output.js');
const { checkReport, printFiles, REPORT_OPTIONS } = require('../report.js');

const options = {
  output: { short: 'o', value: 'OUT', description: 'File to write, - for stdout; needed' },
  format: {
    value: 'FORMAT',
    description:
      "heapprofile, pprof or folded; else by OUT's name: .pb.gz, .folded, .html (flame graph), other",
    read: readFormat,
  },
  'source-maps': { description: 'Name functions, files and lines as the original code does' },
  ...REPORT_OPTIONS,
};

async function run({ output, format, sourceMaps, json, markdown }, files) {
  checkReport({ output, json, markdown });
  if (output === undefined) throw new UsageError('where to? Name a file with -o, or - for stdout');
  checkName(output, format);
  const write = (snapshot) => writeProfile(snapshot, output, format);
  const written = await withProfiles(files, { sourceMaps }, write);
  if (written !== STANDARD) printFiles([written], { json, markdown });
}

module.exports = {
  name: 'convert',
  summary: 'Writes a profile in another format, or with the names of the original code',
  operands: { text: 'FILE', min: 1, max: 1 },
  options,
  examples: [
    'convert app.heapprofile -o app.pb.gz',
    'convert app.heapprofile -o mapped.heapprofile --source-maps',
    'convert - -o - --format folded < app.heapprofile | flamegraph.pl > app.svg',
  ],
  run,
};
