// `heap-profile diff`: what grew and what shrank.
'use strict';

const { UsageError } = require('../errors.js');
const { nameOf, placeOf } = require('../frames.js');
const { readProfile } = require('../output.js');
const { print, REPORT_OPTIONS } = require('../report.js');
const { FILTER_OPTIONS, GROUP_OPTIONS } = require('../sites.js');
const {
  formatBytes,
  formatCount,
  formatDuration,
  formatGrowth,
  formatRange,
} = require('../units.js');

const COLUMNS = [
  { title: 'growth', isNumber: true },
  { title: '95 % interval', isNumber: true },
  { title: '' },
  { title: 'before', isNumber: true },
  { title: 'after', isNumber: true },
  { title: 'function' },
  { title: 'place' },
];

async function run({ json, markdown, sourceMaps, self, ...question }, [baseFile, file]) {
  if (self && question.total) throw new UsageError('--self or --total, not both');
  const base = await readProfile(baseFile, { sourceMaps });
  const snapshot = await readProfile(file, { sourceMaps });
  print(await snapshot.diff(base, question), describe, { json, markdown });
}

function describe({ growth, sameSession, spanMs, sites, omitted }) {
  const span = spanMs === null ? '' : ` in ${formatDuration(spanMs)}`;
  const range = growth.low === null ? '' : ` (95 %: ${formatRange(growth, formatGrowth)})`;
  const how = sameSession
    ? 'Both are of one session: what is in both is no source of error.'
    : 'They are of different sessions: the errors of both add up.';
  return {
    lines: [
      `${formatGrowth(growth.estimate)}${range}${span}`,
      ...(growth.low === null ? [] : [how]),
    ],
    columns: COLUMNS,
    rows: sites.map((site) => [
      formatGrowth(site.growth.estimate),
      formatRange(site.growth, formatGrowth),
      site.isNoise ? 'within noise' : '',
      formatBytes(site.base),
      formatBytes(site.current),
      nameOf(site),
      placeOf(site),
    ]),
    notes: omitted > 0 ? [`${formatCount(omitted)} that changed less; --limit shows them`] : [],
  };
}

module.exports = {
  name: 'diff',
  summary: 'Shows what grew and what shrank between two profiles',
  operands: { text: 'BASE FILE', min: 2, max: 2 },
  options: { ...GROUP_OPTIONS, ...FILTER_OPTIONS, ...REPORT_OPTIONS },
  examples: [
    'diff before.heapprofile after.heapprofile',
    'diff before.heapprofile after.heapprofile --by file --markdown',
  ],
  run,
};
