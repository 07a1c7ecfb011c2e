// `heap-profile diff`: what grew and what shrank.
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
const {
  formatBytes,
  formatDuration,
  formatGrowth,
  formatRange,
  mayBeChance,
} = require('../../display/units.js');

const COLUMNS = [
  { title: 'growth', isNumber: true },
  { title: '95 % interval', isNumber: true },
  { title: '' },
  { title: 'before', isNumber: true },
  { title: 'after', isNumber: true },
];

async function run({ json, markdown, sourceMaps, self, ...question }, files) {
  checkReport({ json, markdown });
  if (self && question.total) throw new UsageError('--self or --total, not both');
  const compare = (base, snapshot) => snapshot.diff(base, question);
  const answer = await withProfiles(files, { sourceMaps }, compare);
  print(answer, () => describe(answer, question), { json, markdown });
}

function describe(answer, question) {
  const { include, process, growth, ownGrowth, sameSession, spanMs, sites, omitted } = answer;
  const { by, filter } = question;
  const span = spanMs === null || spanMs < 0 ? '' : ` in ${formatDuration(spanMs)}`;
  const noise = mayBeChance(growth) ? ', within noise' : '';
  const range = growth.low === null ? '' : ` (95 %: ${formatRange(growth, formatGrowth)}${noise})`;
  const how = sameSession
    ? 'Both are of one session: what is in both is no source of error.'
    : 'They are of different sessions: the errors of both add up.';
  return {
    lines: [
      ...processLines(process),
      `Growth: ${formatGrowth(growth.estimate)}${range}${span}`,
      ...(spanMs < 0 ? [`BASE was taken ${formatDuration(-spanMs)} after FILE.`] : []),
      ...(growth.low === null ? [] : [how]),
      ...includeLines(include),
    ],
    columns: [...COLUMNS, ...siteColumns(by)],
    rows: sites.map((site) => [
      formatGrowth(site.growth.estimate),
      formatRange(site.growth, formatGrowth),
      site.isNoise ? 'within noise' : '',
      formatBytes(site.base),
      formatBytes(site.current),
      ...siteCells(site, by),
    ]),
    notes: [
      ...tableNotes(sites, filter, omitted, 'that changed less'),
      ...ownNotes(formatGrowth, ownGrowth, filter),
      ...stackNotes(answer.stacks, sites),
    ],
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
