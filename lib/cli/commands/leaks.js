// `heap-profile leaks`: which functions leak, from the files of a session.
'use strict';

const { readdirSync, statSync } = require('node:fs');
const { join } = require('node:path');
const { findLeaks, tooFew } = require('../../snapshot.js');
const { CommandError } = require('../../errors.js');
const { UsageError } = require('../errors.js');
const { basisLines, powerLines, wholeLines } = require('../leaks/basis.js');
const { historyLines, siteTable } = require('../leaks/details.js');
const { leakLines } = require('../leaks/paragraph.js');
const { STANDARD } = require('../output.js');
const { complain } = require('../printable.js');
const { processLines } = require('../process.js');
const { withProgress } = require('../progress.js');
const { checkReport, print, REPORT_OPTIONS } = require('../report.js');
const { GROUP_OPTIONS, stackNotes } = require('../sites.js');
const { formatBytes, formatCount } = require('../../display/units.js');

const EXTENSIONS = ['.heapprofile', '.pb.gz'];
/** So that a script can tell. */
const LEAKING = 3;

/** Leaks that are told of in words; where more grow, they mostly grow with the first. */
const TOLD = 3;

const options = {
  ...GROUP_OPTIONS,
  limit: { ...GROUP_OPTIONS.limit, description: 'Show so many steady ones beside all others' },
  'hide-node-internals': {
    description: `${GROUP_OPTIONS['hide-node-internals'].description}; the default`,
  },
  recursive: { short: 'r', description: 'Look into the subdirectories of DIR, too' },
  'no-hide-node-internals': { description: 'Name the functions of Node.js and V8 as all others' },
  verbose: { description: 'Show all sites, with the history of those that grow' },
  ...REPORT_OPTIONS,
};

async function run(given, operands) {
  const { json, markdown, verbose = false, by, limit, recursive } = given;
  const { noHideNodeInternals = false } = given;
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
  // Tickets are for those who look closer.
  const isFull = verbose || markdown === true;
  print(answer, () => describe(answer, isFull), { json, markdown });
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

/** What cannot be looked at cannot be read either: that is said where it is skipped. */
function mayBeFile(path) {
  try {
    return statSync(path).isFile();
  } catch {
    return true;
  }
}

/** Everything, or what one has to know. */
function describe(answer, isFull) {
  const lines = verdictLines(answer);
  const notes = stackNotes(answer.stacks, answer.leaks);
  if (isFull) {
    return { lines: [...lines, ...historyLines(answer)], ...siteTable(answer.sites), notes };
  }
  const more = answer.sites.length > 0 ? ['--verbose shows all sites.'] : [];
  return { lines, notes: [...notes, ...more] };
}

/** What the question was. */
function verdictLines(answer) {
  const process = processLines(answer.process);
  const [basis, power] = [basisLines(answer), powerLines(answer)];
  switch (answer.verdict) {
    case 'unknown':
      return [...unknownLines(answer), ...process, ...basis];
    case 'leaking':
      return [...process, ...grownLines(answer), ...basis];
    case 'growing':
      return [...process, 'No leak is certain.', ...grownLines(answer), ...basis, ...power];
    default:
      return [
        ...process,
        [{ text: 'No leak found.', style: 'green' }],
        ...wholeLines(answer),
        ...basis,
        ...power,
        ...slowLines(answer),
      ];
  }
}

function unknownLines({ snapshots }) {
  return [
    `V8 has made 0 full collections between these ${formatCount(snapshots.length)} snapshots: nothing can be said yet.`,
    'Wait, or start with forceGC.',
  ];
}

/** What is sure comes alone. */
function grownLines(answer) {
  const { leaks, verdict } = answer;
  const told = leaks.filter((leak) => leak.verdict === verdict).slice(0, TOLD);
  const more = leaks.length - told.length;
  const rest = more === 0 ? [] : [`${formatCount(more)} more ${more === 1 ? 'grows' : 'grow'}.`];
  return [...told.flatMap((leak) => leakLines(leak, answer)), ...rest];
}

/** Of leaks that do not matter. */
function slowLines({ sites, process }) {
  const { length } = sites.filter(({ reason }) => reason === 'too-slow');
  if (length === 0) return [];
  const which = length === 1 ? '1 site grows' : `${formatCount(length)} sites grow`;
  const limit = formatBytes(process.heapSizeLimit);
  return [`${which} too slowly to fill the heap (${limit} at most) within a month.`];
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
