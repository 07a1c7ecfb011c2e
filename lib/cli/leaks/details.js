// All sites of an answer, for who wants to know more than the paragraphs tell: the table, and the history
// of each site that grows.
'use strict';

const { siteOf } = require('../../display/frames.js');
const { survivalByAge } = require('./survival.js');
const { formatBytes, formatGrowth, formatRange, formatShare } = require('../../display/units.js');

const COLUMNS = [
  { title: 'verdict' },
  { title: 'why' },
  { title: 'growth/h', isNumber: true },
  { title: '95 % interval', isNumber: true },
  { title: 'share', isNumber: true },
  { title: 'old stay', isNumber: true },
  { title: 'live', isNumber: true },
  { title: 'site' },
];

function siteTable(sites) {
  return {
    columns: COLUMNS,
    rows: sites.map((site) => [
      site.verdict,
      site.reason.replaceAll('-', ' '),
      formatGrowth(site.growthBytesPerHour.estimate),
      formatRange(site.growthBytesPerHour, formatGrowth),
      formatShare(site.share),
      formatShare(site.retention?.estimate ?? null),
      formatBytes(site.liveBytes.estimate),
      siteOf(site),
    ]),
  };
}

/** Of those that leak or grow. */
function historyLines({ sites, moments }) {
  const grown = sites.filter(({ verdict }) => verdict === 'leaking' || verdict === 'growing');
  return grown.flatMap((site) => [
    `${siteOf(site)}:`,
    `  ${historyText(site)}${survivalText(site.cohorts, moments)}.`,
    ...(site.stack.length > 0 ? [`  called from ${site.stack.map(siteOf).join(' < ')}`] : []),
  ]);
}

function historyText({ history }) {
  const [first, last] = [history[0], history.at(-1)];
  return `${formatBytes(first.bytes)} live in the first snapshot, ${formatBytes(last.bytes)} in the last`;
}

/** What is left of all cohorts together, by how many snapshots ago they were born. */
function survivalText(cohorts, moments) {
  const shares = survivalByAge(cohorts, moments);
  if (shares.length === 0) return '';
  const [first, last] = [moments[1], moments[shares.length]];
  const ages = last === 1 ? '1 snapshot' : `${first} to ${last} snapshots`;
  return `; of what was born between, ${shares.map(formatShare).join(', ')} is left after ${ages}`;
}

module.exports = { historyLines, siteTable };
