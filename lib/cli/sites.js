// What `top`, `diff` and `leaks` have in common: which sites are asked for.
'use strict';

const { readCount, readGrouping } = require('../text-options.js');
const { nameOf, placeOf } = require('../display/frames.js');
const { stacksText } = require('../display/stacks.js');
const { formatCount } = require('../display/units.js');

/** Options that say what is put together, and how much of it is shown. */
const GROUP_OPTIONS = {
  by: {
    value: 'WHAT',
    description: 'Put together by function, file, package, stack or line',
    read: readGrouping,
    default: 'function',
  },
  limit: {
    value: 'NUMBER',
    description: 'Show so many',
    read: readCount,
    default: '20',
  },
  'hide-node-internals': {
    description: "Put what Node.js's and V8's own functions allocate down to their callers",
  },
};

const FILTER_OPTIONS = {
  filter: { value: 'TEXT', description: 'Only those with TEXT in their function or file' },
  self: { description: 'What they allocate themselves; this is the default' },
  total: { description: 'What they and all they call allocate' },
  'source-maps': { description: 'Name functions, files and lines as the original code does' },
};

/** Of files and packages there is one name. */
const isOfFiles = (by) => by === 'file' || by === 'package';

function siteColumns(by) {
  return isOfFiles(by) ? [{ title: by }] : [{ title: 'function' }, { title: 'place' }];
}

function siteCells(site, by) {
  if (isOfFiles(by)) return [site.url || '(none)'];
  // Where a function starts is none of its lines that allocate.
  const isUnknown = by === 'line' && site.lines.length === 0 && site.lineNumber > 0;
  return [nameOf(site), isUnknown ? `${site.url}:?` : placeOf(site)];
}

/** How far the names are to be believed. */
function stackNotes(stacks, sites) {
  const text = sites.length === 0 ? '' : stacksText(stacks);
  return text === '' ? [] : [text];
}

/** Why the table does not show everything. */
function tableNotes(sites, filter, omitted, what) {
  if (sites.length === 0 && filter !== undefined) {
    return [`No function or file has '${filter}' in its name.`];
  }
  return omitted > 0 ? [`${formatCount(omitted)} ${what}; --limit shows them`] : [];
}

/** What a table of all lacks, so that its numbers add up. */
function ownNotes(format, { estimate }, filter) {
  if (estimate === 0 || filter !== undefined) return [];
  return [`${format(estimate)} is heap-profile's own, no site.`];
}

/** Said where the numbers are not those of live objects. */
function includeLines(include) {
  const line = 'All that was allocated counts: V8 did not tell which of it is live.';
  return include === 'allocated' ? [line] : [];
}

module.exports = {
  FILTER_OPTIONS,
  GROUP_OPTIONS,
  includeLines,
  ownNotes,
  siteCells,
  siteColumns,
  stackNotes,
  tableNotes,
};
