// One leak in one paragraph, for who has to act on it: how fast, where, by which path, how sure, and what
// to do next.
'use strict';

const { commandLine, operand } = require('../command-line.js');
const { ownerOf, shortSite } = require('../frames.js');
const { survivalByAge } = require('./survival.js');
const {
  formatBytes,
  formatCount,
  formatDuration,
  formatGrowth,
  formatPair,
  formatShare,
} = require('../../display/units.js');

/** Sites that are named; the rest is counted. */
const NAMED_SITES = 2;
/** Functions of a path that are named at its start and at its end. */
const PATH_START = 3;
const PATH_END = 4;

const INDENT = ' '.repeat(6);
const LABEL_WIDTH = 11;

const BARS = '▁▂▃▄▅▆▇█';
const MOST_BARS = 12;

const LABELS = {
  leaking: { text: 'LEAK', style: 'red' },
  growing: { text: 'GROWING', style: 'yellow' },
};

/** Why it is not called a leak. */
const DOUBTS = {
  'too-few-old-objects': 'it grows, but too few objects grew old to tell whether they stay',
  'too-few-moments':
    'it grew in too few of the times between two snapshots to tell whether it goes on',
  'oldest-objects-die':
    'it grows, but most of its oldest objects are gone: a cache that is full, or a leak that loses some',
  moved:
    'it grows as much as functions shrink that call it or that it calls: V8 has compiled one into the other, or no longer does',
  'heap-stands-still':
    'its old objects stay, but the heap as a whole does not grow: they may replace older ones from before sampling began',
  'no-session': 'it grows; the files do not tell which objects are old',
  'too-few-collections':
    'its old objects stay, but no function of the program is known to allocate them: it takes more than ten full collections, with some that stays between each two, to tell',
};

/** The lines of a paragraph; `leak` is one of `answer.leaks`. The first says which command comes next. */
function leakLines(leak, answer) {
  const sites = leak.sites.map((at) => answer.sites[at]);
  const [worst] = sites;
  return [
    [LABELS[leak.verdict], `  ${heading(leak, answer)}`],
    ...field('through', isAlone(leak, sites) ? '' : shortSite(leak.through)),
    ...field('allocated', allocatedText(sites)),
    ...field('path', pathText(worst, leak.through)),
    ...field('what', worst.isProgram ? '' : outsideText(worst)),
    ...field('why', DOUBTS[worst.reason] ?? ''),
    ...field('stays', staysText(leak, sites, answer)),
    ...field('next', leak.verdict === 'leaking' ? nextCommand(leak, answer) : nextStep(worst)),
  ];
}

function field(label, text) {
  if (text === '') return [];
  return [[INDENT, { text: label.padEnd(LABEL_WIDTH), style: 'dim' }, text]];
}

function heading(leak, { process }) {
  const { growthBytesPerHour: growth, share, heapLimitMs } = leak;
  const range = growth.low === null ? '' : ` (95 %: ${formatPair(growth.low, 'to', growth.high)})`;
  const part = share === null ? '' : `, ${formatShare(share)} of the heap's growth`;
  return `${formatGrowth(growth.estimate)}/h${range}${part}${limitText(heapLimitMs, process)}`;
}

function limitText(milliseconds, process) {
  if (milliseconds === null) return '';
  const limit = formatBytes(process.heapSizeLimit);
  return `; at this rate the heap limit of ${limit} is reached in ${formatDuration(milliseconds)}`;
}

/** Whether all is allocated in the function that it is reached through. */
function isAlone({ through }, [site, ...others]) {
  return others.length === 0 && isSame(site, through);
}

function isSame(one, other) {
  const keys = ['functionName', 'url', 'lineNumber', 'columnNumber'];
  return keys.every((key) => one[key] === other[key]);
}

function allocatedText(sites) {
  const named = sites.slice(0, NAMED_SITES).map((site) => {
    return site.share === null
      ? shortSite(site)
      : `${shortSite(site)} (${formatShare(site.share)})`;
  });
  const more = sites.length - named.length;
  return [...named, ...(more > 0 ? [`${formatCount(more)} more`] : [])].join(', ');
}

/** From the outermost function of the program to the one that allocates. */
function pathText(site, through) {
  const path = [...site.stack].reverse();
  const isShown = (frame) => ownerOf(frame) === undefined || isSame(frame, through);
  const names = [...path.filter(isShown), site].map(shortSite);
  const hidden = path.filter((frame) => !isShown(frame));
  if (names.length < 2) return '';
  return `${shortened(names).join(' > ')}${hiddenText(hidden)}`;
}

function shortened(names) {
  const left = names.length - PATH_START - PATH_END;
  if (left <= 1) return names;
  return [...names.slice(0, PATH_START), `${left} more`, ...names.slice(-PATH_END)];
}

function hiddenText(frames) {
  if (frames.length === 0) return '';
  const owners = [...new Set(frames.map(ownerOf))].sort();
  const last = owners.pop();
  const whose = owners.length === 0 ? last : `${owners.join(', ')} and ${last}`;
  const count = frames.length === 1 ? '1 frame' : `${formatCount(frames.length)} frames`;
  return `   (${count} of ${whose} hidden)`;
}

/** What a site is that no function of the program is known to allocate. */
function outsideText({ url }) {
  return url.startsWith('node:') || url === '(node)'
    ? 'a function of Node.js, which no function of the program had called: what it makes (requests, timers, chunks) Node.js keeps for a while, and the program if it holds on to it'
    : "V8's or native code, which no function of the program had called: what it makes (results, strings, contexts) is held by Node.js, by an addon or by the program";
}

function staysText({ retention }, sites, { moments, fullCollections }) {
  if (retention === null) return '';
  const { estimate, low, high } = retention;
  const what = fullCollections === null ? 'snapshot' : 'full collection';
  const range = `95 %: ${formatShare(low).replace(' %', '')} to ${formatShare(high)}`;
  const shares = survivalByAge(
    sites.flatMap(({ cohorts }) => cohorts),
    moments,
  );
  const alive = `${formatShare(estimate)} (${range}) is alive at the end`;
  return `${sparkline(shares)} of what is older than one ${what} ${alive}`.trim();
}

/** How much is left, the youngest first; of many ages, some that are spread evenly. */
function sparkline(shares) {
  const count = Math.min(shares.length, MOST_BARS);
  const place = (at) => (count === 1 ? 0 : Math.round((at * (shares.length - 1)) / (count - 1)));
  const bars = Array.from({ length: count }, (_, at) => {
    return BARS[Math.round(Math.min(1, shares[place(at)]) * (BARS.length - 1))];
  });
  return bars.join('');
}

function nextCommand(leak, { leaks, snapshots, moments }) {
  if (leak !== leaks[0]) return '';
  const [first, last] = [snapshots[moments[0]], snapshots[moments.at(-1)]];
  return commandLine('flamegraph', operand(last), '--base', operand(first));
}

/** What would tell. */
function nextStep({ needs, reason }) {
  if (reason === 'too-few-collections')
    return 'go on for longer, with forceGC where V8 collects seldom';
  if (needs === null) return '';
  const { snapshots, sampleIntervalBytes } = needs;
  const interval =
    sampleIntervalBytes === null ? '' : `, or an interval of ${formatBytes(sampleIntervalBytes)}`;
  const more = snapshots === 1 ? '1 more snapshot' : `${formatCount(snapshots)} more snapshots`;
  return `${more} would tell${interval}`;
}

module.exports = { leakLines };
