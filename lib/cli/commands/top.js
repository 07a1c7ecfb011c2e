// `heap-profile top`: which sites hold the memory.
'use strict';

const { UsageError } = require('../errors.js');
const { withProfiles } = require('../output.js');
const { processLines } = require('../process.js');
const { checkReport, print, REPORT_OPTIONS } = require('../report.js');
const {
  FILTER_OPTIONS,
  GROUP_OPTIONS,
  includeLines,
  ownNotes,
  siteCells,
  siteColumns,
  stackNotes,
  tableNotes,
} = require('../sites.js');
const { formatBytes, formatCount, formatRange, formatShare } = require('../../display/units.js');

const COLUMNS = [
  { title: '95 % interval', isNumber: true },
  { title: 'objects', isNumber: true },
  { title: 'share', isNumber: true },
];

async function run({ json, markdown, sourceMaps, self, ...question }, [file]) {
  checkReport({ json, markdown });
  if (self && question.total) throw new UsageError('--self or --total, not both');
  const [snapshot, answer] = await withProfiles([file], { sourceMaps }, async (snapshot) => [
    snapshot,
    await snapshot.top(question),
  ]);
  print(answer, () => describe(answer, snapshot, question), { json, markdown });
}

function describe(answer, snapshot, question) {
  const { by, filter } = question;
  const { include, process, ownBytes, sites, omitted } = answer;
  return {
    lines: [...processLines(process), heading(answer, snapshot), ...includeLines(include)],
    columns: [{ title: `${include} bytes`, isNumber: true }, ...COLUMNS, ...siteColumns(by)],
    rows: sites.map((site) => [
      formatBytes(site.bytes.estimate),
      formatRange(site.bytes),
      formatCount(site.objects?.estimate ?? null),
      formatShare(site.share),
      ...siteCells(site, by),
    ]),
    notes: [
      ...tableNotes(sites, filter, omitted, 'more'),
      ...ownNotes(formatBytes, ownBytes, filter),
      ...stackNotes(answer.stacks, sites),
    ],
  };
}

function heading({ include, bytes, objects }, snapshot) {
  const { sampleIntervalBytes, takenAt } = snapshot;
  const taken = takenAt === null ? '' : `, taken ${takenAt.toISOString()}`;
  if (bytes.low === null) {
    return `${formatBytes(bytes.estimate)} ${include}, as the file says; it names no sampling interval, so the error is unknown${taken}`;
  }
  const { sampleCount } = snapshot.estimate(include) ?? snapshot;
  const samples = `${formatCount(sampleCount)} samples at ${formatBytes(sampleIntervalBytes)}`;
  const total = `${formatBytes(bytes.estimate)} ${include} (95 %: ${formatRange(bytes)})`;
  return `${total} in ${formatCount(objects.estimate)} objects; ${samples}${taken}`;
}

module.exports = {
  name: 'top',
  summary: 'Shows which functions hold the memory',
  operands: { text: 'FILE', min: 1, max: 1 },
  options: { ...GROUP_OPTIONS, ...FILTER_OPTIONS, ...REPORT_OPTIONS },
  examples: [
    'top app.heapprofile',
    'top app.heapprofile --by package --total',
    'top app.pb.gz --hide-node-internals --json',
  ],
  run,
};
