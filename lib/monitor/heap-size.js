// How large the heap of this thread may become. V8's heap_size_limit is the old and the young generation together, but
// it is the old one that is full when the process ends: with --max-old-space-size=64 that is at less than 60 % of it.
'use strict';

const { getHeapStatistics } = require('node:v8');
const { resourceLimits } = require('node:worker_threads');

const MIB = 2 ** 20;

/** The young generation has three semi-spaces; the default size of one in MiB, from a major version of Node.js on. */
const SEMI_SPACES = 3;
const SEMI_SPACE_MIB = [
  { from: 26, mib: 32 },
  { from: 24, mib: 64 },
  { from: 0, mib: 16 },
];

/** Flags that are not known here may have made the young one smaller. */
const LEAST_SHARE = 1 / 8;

const FLAG = /--max[-_]semi[-_]space[-_]size[= ](\d+)/g;

/** Bytes that the old generation of this thread may have. */
function oldGenerationLimit() {
  const ofWorker = resourceLimits?.maxOldGenerationSizeMb ?? 0;
  if (ofWorker > 0) return ofWorker * MIB;
  const whole = getHeapStatistics().heap_size_limit;
  const young = SEMI_SPACES * semiSpace();
  return Math.max(whole - young, whole * LEAST_SHARE);
}

/** The last flag counts. */
function semiSpace() {
  const flags = `${process.env.NODE_OPTIONS ?? ''} ${process.execArgv.join(' ')}`;
  const given = [...flags.matchAll(FLAG)].map(([, mib]) => Number(mib)).pop();
  const major = Number.parseInt(process.versions.node, 10);
  const known = SEMI_SPACE_MIB.find(({ from }) => major >= from);
  return (given || known?.mib || 0) * MIB;
}

module.exports = { oldGenerationLimit };
