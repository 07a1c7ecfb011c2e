// What the name of a file says of its format.
'use strict';

const FLAMEGRAPH = /\.html$/i;

/** How names end that say a format; lib/flamegraph.html is the page, crates/core/src/format has the rest. */
const ENDINGS = ['.heapprofile', '.pb.gz', '.folded', '.html'];

/** What means a format that is not written here. Any other name is as good as none. */
const FOREIGN = new RegExp(
  `\\.(?:${[
    'svg|png|jpe?g|gif|webp|pdf|htm|xhtml|md|csv|tsv|xml|ya?ml',
    'cpuprofile|heapsnapshot|heaptimeline|pprof|pb|collapsed',
    'gz|zst|br|bz2|xz|zip|tar|tgz',
  ].join('|')})$`,
  'i',
);

/** What is wrong with a name that means such a format. */
const FOREIGN_REASON = `means a format that is not written here; known are ${ENDINGS.join(', ')}`;

function isFlamegraph(filename) {
  return FLAMEGRAPH.test(filename);
}

/** Whether the name asks for what would not be in the file. */
function isForeign(filename) {
  return FOREIGN.test(filename) && !ENDINGS.some((ending) => filename.endsWith(ending));
}

/** Whether the name asks for something else than a page. */
function isOther(filename) {
  const isOurs = ENDINGS.some((ending) => filename.endsWith(ending));
  return isForeign(filename) || (isOurs && !isFlamegraph(filename));
}

module.exports = { FOREIGN_REASON, isFlamegraph, isForeign, isOther };
