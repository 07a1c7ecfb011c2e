// `heap-profile top`: which sites hold the memory.
'use strict';

const { UsageError } = require('../errors.js');
const { nameOf, placeOf } = require('../frames.js');
const { withProfiles } = require('../output.js');
const { checkReport, print, REPORT_OPTIONS } = require('../report.js');
const { FILTER_OPTIONS, GROUP_OPTIONS, tableNotes } = require('../sites.js');
const { formatBytes, formatCount, formatRange, formatShare } = require('../units.js');

const COLUMNS = [
  { title: 'live bytes', isNumber: true },
  { title: '95 % interval', isNumber: true },
  { title: 'objects', isNumber: true },
  { title: 'share', isNumber: true },
  { title: 'function' },
  { title: 'place' },
];

async function run({ json, markdown, sourceMaps, self, ...question }, [file]) {
  checkReport({ json, markdown });
  if (self && question.total) throw new UsageError('--self or --total, not both');
  const [snapshot, answer] = await withProfiles([file], { sourceMaps }, async (snapshot) => [
    snapshot,
    await snapshot.top(question),
  ]);
  print(answer, () => describe(answer, snapshot, question.filter), { json, markdown });
}

function describe({ bytes, objects, sites, omitted }, snapshot, filter) {
  return {
    lines: [heading(bytes, objects, snapshot)],
    columns: COLUMNS,
    rows: sites.map((site) => [
      formatBytes(site.bytes.estimate),
      formatRange(site.bytes),
      formatCount(site.objects?.estimate ?? null),
      formatShare(site.share),
      nameOf(site),
      placeOf(site),
    ]),
    notes: tableNotes(sites, filter, omitted, 'more'),
  };
}

function heading(bytes, objects, snapshot) {
  const { sampleIntervalBytes, takenAt } = snapshot;
  const taken = takenAt === null ? '' : `, taken ${takenAt.toISOString()}`;
  if (bytes.low === null) {
    return `${formatBytes(bytes.estimate)} live, as the file says; it names no sampling interval, so the error is unknown${taken}`;
  }
  // Not those of collected objects, where they can be told apart.
  const { sampleCount } = snapshot.estimate() ?? snapshot;
  const samples = `${formatCount(sampleCount)} samples at ${formatBytes(sampleIntervalBytes)}`;
  const live = `${formatBytes(bytes.estimate)} live (95 %: ${formatRange(bytes)})`;
  return `${live} in ${formatCount(objects.estimate)} objects; ${samples}${taken}`;
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
