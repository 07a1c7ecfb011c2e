// What is told of a profile that was written.
'use strict';

const { Snapshot } = require('../snapshot.js');

/** Sites that are named; the file has all. */
const SITES = 3;

/** Of a capture: cheap, so it is had of each. */
function summaryOf(snapshot, machine) {
  const { takenAt, liveBytes, nodeCount, sampleCount, fullCollections, timings } = snapshot;
  return {
    takenAt,
    liveBytes,
    nodeCount,
    sampleCount,
    fullCollections,
    memoryUsage: snapshot.memoryUsage,
    heapLimit: machine.heapLimit(),
    memoryLimit: machine.memoryLimit(),
    // Of one that native code took nobody measured it.
    pauseMs: timings === null ? null : timings.v8Ms + timings.copyMs,
    /** @type {import('../../index.d.ts').TopSite[]} */
    sites: [],
  };
}

/** Of a file that native code wrote. */
async function summaryOfFile(path, machine) {
  const snapshot = await Snapshot.read(path);
  const summary = summaryOf(snapshot, machine);
  summary.sites = await leadingSites(snapshot);
  return summary;
}

/** The sites that hold most; none if that cannot be told. */
async function leadingSites(snapshot) {
  try {
    return (await snapshot.top({ limit: SITES })).sites;
  } catch {
    return [];
  }
}

module.exports = { leadingSites, summaryOf, summaryOfFile };
