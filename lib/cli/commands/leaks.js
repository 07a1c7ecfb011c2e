// `heap-profile leaks`: which functions leak, from the files of a session.
'use strict';

const { readdirSync, statSync } = require('node:fs');
const { join } = require('node:path');
const { findLeaks, tooFew } = require('../../snapshot.js');
const { CommandError } = require('../../errors.js');
const { UsageError } = require('../errors.js');
const { siteOf } = require('../../display/frames.js');
const { STANDARD } = require('../output.js');
const { complain } = require('../printable.js');
const { withProgress } = require('../progress.js');
const { checkReport, print, REPORT_OPTIONS } = require('../report.js');
const { GROUP_OPTIONS } = require('../sites.js');
const {
  formatBytes,
  formatCount,
  formatDuration,
  formatGrowth,
  formatRange,
  formatShare,
} = require('../../display/units.js');

const EXTENSIONS = ['.heapprofile', '.pb.gz'];
/** So that a script can tell. */
const LEAKING = 3;

/** So many full collections, four snapshots with one between two: fewer show no leak. */
const FEWEST_COLLECTIONS = 3;

/** Sites that are told of in words; where more grow, they mostly grow with the first. */
const DETAILED = 3;

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

/** Of the sites that are told of in words. */
const REASONS = {
  'old-objects-stay': 'it keeps growing, and its old objects stay',
  'too-few-old-objects': 'it grows, but too few objects grew old to tell whether they stay',
  'too-few-moments':
    'it grew in too few of the times between two snapshots to tell whether it goes on',
  'oldest-objects-die':
    'it grows, but most of its oldest objects are gone: a cache that is full, or a leak that loses some',
  'no-session': 'it grows; the files do not tell which objects are old',
};

const options = {
  ...GROUP_OPTIONS,
  limit: { ...GROUP_OPTIONS.limit, description: 'Show so many steady ones beside all others' },
  'hide-node-internals': {
    description: `${GROUP_OPTIONS['hide-node-internals'].description}; the default`,
  },
  recursive: { short: 'r', description: 'Look into the subdirectories of DIR, too' },
  'no-hide-node-internals': { description: 'Name the functions of Node.js and V8 as all others' },
  ...REPORT_OPTIONS,
};

async function run(given, operands) {
  const { json, markdown, by, limit, recursive, noHideNodeInternals = false } = given;
  checkReport({ json, markdown });
  if (operands.includes(STANDARD)) {
    throw new UsageError('stdin is one profile, and leaks needs two or more: name files or a DIR');
  }
  const files = operands.flatMap((path) => filesOf(path, recursive));
  const question = { by, limit, hideNodeInternals: !noHideNodeInternals };
  const answer = await withProgress(files, () => findLeaks(files, question));
  for (const { message } of answer.skipped) {
    complain(`error: skipped: ${message}`);
  }
  if (answer.snapshots.length < 2) {
    throw new CommandError(tooFew(answer, placeText(operands, recursive)));
  }
  print(answer, describe, { json, markdown });
  if (answer.skipped.length > 0) return 1;
  return answer.verdict === 'leaking' ? LEAKING : 0;
}

/** Where was looked, if that was a directory. */
function placeText(operands, recursive) {
  const directories = operands.filter(isDirectory);
  if (directories.length === 0) return '';
  const hint = recursive ? '' : ' (--recursive looks into subdirectories)';
  return ` in ${directories.join(', ')}${hint}`;
}

function isDirectory(path) {
  return statSync(path, { throwIfNoEntry: false })?.isDirectory() === true;
}

/** The profiles of a directory, or the file itself. Nothing but files is a profile there: a pipe may never end. */
function filesOf(path, recursive) {
  return isDirectory(path) ? filesIn(path, recursive) : [path];
}

/** Links to directories are not followed: they may lead back. */
function filesIn(directory, recursive) {
  const entries = readdirSync(directory, { withFileTypes: true });
  entries.sort((one, other) => (one.name < other.name ? -1 : 1));
  return entries.flatMap((entry) => {
    const path = join(directory, entry.name);
    if (entry.isDirectory()) return recursive ? filesIn(path, recursive) : [];
    const isProfile = EXTENSIONS.some((extension) => path.endsWith(extension));
    return isProfile && mayBeFile(path) ? [path] : [];
  });
}

function mayBeFile(path) {
  return statSync(path, { throwIfNoEntry: false })?.isFile() !== false;
}

function describe(answer) {
  return {
    lines: [...verdictLines(answer), ...basisLines(answer)],
    columns: COLUMNS,
    rows: answer.sites.map((site) => [
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

/** What the question was. */
function verdictLines(answer) {
  if (answer.verdict === 'unknown') return unknownLines(answer);
  const worst = answer.sites.filter(({ verdict }) => verdict !== 'steady');
  if (worst.length === 0) return ['No leak found.', detectableLine(answer)];
  const lines = worst.slice(0, DETAILED).flatMap((site) => siteLines(site, answer.moments));
  if (worst.length > DETAILED) {
    lines.push(`${formatCount(worst.length - DETAILED)} more that grow are in the table.`);
  }
  return answer.verdict === 'leaking'
    ? lines
    : ['No leak is certain.', ...lines, detectableLine(answer)];
}

function unknownLines({ snapshots }) {
  return [
    `V8 has made 0 full collections between these ${formatCount(snapshots.length)} snapshots: nothing can be said yet.`,
    'Wait, or start with forceGC.',
  ];
}

function siteLines(site, moments) {
  const { verdict, growthBytesPerHour: growth, share, retention, needs, reason, stack } = site;
  const range = growth.low === null ? '' : ` (95 %: ${formatRange(growth)})`;
  const part = share === null ? '' : `, ${formatShare(share)} of the growth of the heap`;
  const lines = [
    `${verdict.toUpperCase()}: ${siteOf(site)} grows by ${formatBytes(growth.estimate)} an hour${range}${part}.`,
    `  ${REASONS[reason]}${retention === null ? '' : stays(retention)}.`,
    `  ${historyText(site)}${survivalText(site.cohorts, moments)}.`,
  ];
  if (needs !== null) {
    const { snapshots, sampleIntervalBytes } = needs;
    const interval =
      sampleIntervalBytes === null ? '' : `, or an interval of ${formatBytes(sampleIntervalBytes)}`;
    const more = snapshots === 1 ? '1 more snapshot' : `${snapshots} more snapshots`;
    lines.push(`  ${more} would tell${interval}.`);
  }
  if (stack.length > 0) lines.push(`  called from ${stack.map(siteOf).join(' < ')}`);
  return lines;
}

function stays({ estimate, low, high }) {
  return `: ${formatShare(estimate)} of them are there at the end (95 %: ${formatShare(low)} to ${formatShare(high)})`;
}

function historyText({ history }) {
  const [first, last] = [history[0], history.at(-1)];
  return `${formatBytes(first.bytes)} live in the first snapshot, ${formatBytes(last.bytes)} in the last`;
}

/** What is left of all cohorts together, by how many snapshots ago they were born. */
function survivalText(cohorts, moments) {
  const shares = [];
  for (let age = 1; ; age++) {
    const old = cohorts.filter(({ snapshot }) => moments.indexOf(snapshot) + age < moments.length);
    if (old.length === 0) break;
    const left = old.map(({ bytes, survival }) => bytes * (survival[age - 1] ?? 0));
    shares.push(sum(left) / sum(old.map(({ bytes }) => bytes)));
  }
  if (shares.length === 0) return '';
  const [first, last] = [moments[1], moments[shares.length]];
  const ages = last === 1 ? '1 snapshot' : `${first} to ${last} snapshots`;
  return `; of what was born between, ${shares.map(formatShare).join(', ')} is left after ${ages}`;
}

const sum = (numbers) => numbers.reduce((total, number) => total + number, 0);

function detectableLine({ detectable, growthOnly, fullCollections }) {
  if (growthOnly) {
    return 'These files can show growth, never a leak: they do not say which session they are of, or at which interval it sampled.';
  }
  if (detectable === null && fullCollections !== null && fullCollections < FEWEST_COLLECTIONS) {
    const count =
      fullCollections === 1 ? '1 full collection' : `${fullCollections} full collections`;
    return `V8 has made ${count} between these snapshots, too few to show a leak of any size. Wait, or start with forceGC.`;
  }
  if (detectable === null)
    return 'These files are too few to show a leak of any size; take five or more.';
  return `A leak of ${formatBytes(detectable)} an hour would have been found in 95 of 100 cases.`;
}

function basisLines({ snapshots, spanMs, others, fullCollections }) {
  const span = spanMs === null ? '' : ` over ${formatDuration(spanMs)}`;
  return [
    `${formatCount(snapshots.length)} snapshots${span}${collectionsText(fullCollections)}.`,
    ...othersLines(others),
  ];
}

function collectionsText(count) {
  if (count === null) {
    return '; they do not tell when V8 collected garbage, and what it had not may look like a leak';
  }
  return `, ${formatCount(count)} full ${count === 1 ? 'collection' : 'collections'} between them`;
}

function othersLines(others) {
  if (others.length === 0) return [];
  const told = ['leaking', 'growing', 'unknown', 'steady', null].flatMap((verdict) => {
    const { length } = others.filter((other) => other.verdict === verdict);
    return length === 0 ? [] : [`${formatCount(length)} ${verdict ?? 'of a single snapshot'}`];
  });
  const files = others
    .filter(({ verdict }) => verdict === 'leaking')
    .map(({ snapshots }) => `  leaking too: ${snapshots[0]} to ${snapshots.at(-1)}`);
  return [`Other sessions (ask about their files alone): ${told.join(', ')}.`, ...files];
}

module.exports = {
  name: 'leaks',
  summary:
    'Tells which functions leak, from two or more profiles of one session, best five or more',
  operands: { text: 'FILE... or DIR', min: 1, max: Number.POSITIVE_INFINITY },
  options,
  exitCodes: [
    ['1', 'A file could not be read, whether something leaks or not'],
    [String(LEAKING), 'Every file could be read, and something leaks'],
    ['0', 'Every file could be read, and nothing is found to leak'],
  ],
  examples: ['leaks profiles/', 'leaks 01.heapprofile 02.heapprofile 03.heapprofile --json'],
  run,
};
