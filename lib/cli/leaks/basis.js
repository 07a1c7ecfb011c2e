// What a verdict rests on: what was looked at, how small a leak would have been seen in it, and what
// to change to see a smaller one.
'use strict';

const { formatBytes, formatCount, formatDuration } = require('../../display/units.js');

const HOUR_MS = 3_600_000;
/** What grows too slowly to fill the heap by then does not matter: as in headroom.rs. */
const MONTH_HOURS = 30 * 24;
/** Who asks wants to know by then. */
const LONGEST_WAIT_MS = 24 * HOUR_MS;
/** A finer interval costs a busy server more than it tells. */
const FINEST_INTERVAL = 16 * 1024;

/** What was looked at. */
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

/** How small a leak would have been seen, and how to see smaller ones. */
function powerLines(answer) {
  const { detectable, growthOnly, fullCollections, sampleIntervalBytes } = answer;
  const { moments, snapshots } = answer;
  if (growthOnly) {
    return [
      'These files can show growth, never a leak: they do not say which session they are of, or at which interval it sampled.',
    ];
  }
  if (detectable === null && fullCollections !== null && moments.length < snapshots.length) {
    const count =
      fullCollections === 1 ? '1 full collection' : `${fullCollections} full collections`;
    return [
      `V8 has made ${count} between these snapshots, too few to show a leak of any size. Wait, or start with forceGC.`,
    ];
  }
  if (detectable === null) {
    return ['These files are too few to show a leak of any size; take five or more.'];
  }
  const interval = formatBytes(sampleIntervalBytes);
  return [
    `A leak of ${formatBytes(detectable)} an hour would have been found in 95 of 100 cases, at this interval of ${interval}.`,
    ...adviceLines(answer),
  ];
}

/** The one thing to change: what can be seen shrinks with the interval, and as the time grows. */
function adviceLines({ detectable, spanMs, sampleIntervalBytes, process }) {
  if (spanMs === null || spanMs <= 0) return [];
  const matters = leastThatMatters(process);
  if (matters !== null && detectable <= matters) {
    const limit = formatBytes(process.heapSizeLimit);
    return [`What is smaller does not fill the heap (${limit} at most) within a month.`];
  }
  const goal = matters ?? detectable / 2;
  const wait = spanMs * (detectable / goal - 1);
  if (wait <= LONGEST_WAIT_MS) {
    const what = matters === null ? 'one' : 'all that fill the heap within a month, those';
    return [
      `To see ${what} of ${formatBytes(goal)} an hour, go on for ${formatDuration(wait)} more.`,
    ];
  }
  const finer = finerInterval(sampleIntervalBytes * (goal / detectable));
  if (finer < sampleIntervalBytes) {
    const seen = formatBytes(detectable * (finer / sampleIntervalBytes));
    return [`To see one of ${seen} an hour, sample at an interval of ${formatBytes(finer)}.`];
  }
  const seen = formatBytes(detectable / (1 + LONGEST_WAIT_MS / spanMs));
  return [`To see one of ${seen} an hour, go on for ${formatDuration(LONGEST_WAIT_MS)} more.`];
}

/** The slowest leak that fills the heap within a month, bytes an hour; null if that is unknown. */
function leastThatMatters(process) {
  if (process === null || process.heapSizeLimit === null) return null;
  const room = process.heapSizeLimit - process.after.heapUsed;
  return room > 0 ? room / MONTH_HOURS : null;
}

/** A power of two, no larger. */
function finerInterval(bytes) {
  return Math.max(FINEST_INTERVAL, 2 ** Math.floor(Math.log2(bytes)));
}

module.exports = { basisLines, powerLines };
