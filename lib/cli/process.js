// What the process did as a whole: the first line of an answer, as the sampled heap is a part of it.
'use strict';

const { formatBytes, formatDuration, formatPair } = require('../display/units.js');

/** Where to look if most of what the process grew by is not on the heap, by what grew most. */
const ELSEWHERE = {
  'array-buffers': ({ arrayBuffers }) =>
    `ArrayBuffers (Buffers, typed arrays) by ${arrayBuffers}: look at who keeps those`,
  external: ({ native }) =>
    `what native code holds for objects (external) by ${native}: look at addons, streams and compression`,
  rest: () =>
    "most of it neither the heap nor Buffers of this thread: look at native code, other threads and the allocator's fragmentation",
};

/** Lines of an answer's `process`, which may be null. */
function processLines(process) {
  if (process === null) return [];
  return process.before === null ? [heldLine(process)] : changeLines(process);
}

function heldLine({ after, threadId, heapSizeLimit }) {
  const limit = heapSizeLimit === null ? '' : ` of ${formatBytes(heapSizeLimit)} at most`;
  return line(threadId, (part) => formatBytes(after[part]), limit);
}

function changeLines({ before, after, threadId, spanMs, elsewhere }) {
  const change = (part) => formatPair(before[part], '->', after[part]);
  const span = spanMs === null || spanMs < 0 ? '' : ` in ${formatDuration(spanMs)}`;
  const first = line(threadId, change) + span;
  return elsewhere === null ? [first] : [first, elsewhereLine(elsewhere, before, after)];
}

/** All threads have the resident set together; all else is of one. */
function line(threadId, show, limit = '') {
  const thread = threadId ? ` of thread ${threadId}` : '';
  const parts = [
    `heap${thread} ${show('heapUsed')}${limit}`,
    `ArrayBuffers ${show('arrayBuffers')} (outside V8's heap, not attributed here)`,
    `RSS ${show('rss')}`,
  ];
  return `Process: ${parts.join(', ')}`;
}

function elsewhereLine(elsewhere, before, after) {
  const growth = (part) => formatBytes(part(after) - part(before));
  const rss = growth((usage) => usage.rss);
  const told = ELSEWHERE[elsewhere]({
    arrayBuffers: growth((usage) => usage.arrayBuffers),
    native: growth((usage) => usage.external - usage.arrayBuffers),
  });
  return `Look outside the heap first: RSS grew by ${rss}, ${told}.`;
}

module.exports = { processLines };
