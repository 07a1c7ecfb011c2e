// heap-profile/sample-heap-allocations: the API of the package sample-heap-allocations, for the
// programs written for it. It is made of the main API, so the two share one session.
// index.d.ts documents it; doc/sample-heap-allocations.md tells what differs.
'use strict';

const heapProfile = require('../index.js');
const { bare } = require('../lib/bare.js');
const {
  checkBoolean,
  checkCallback,
  checkInteger,
  checkObject,
  MAX_DEPTH,
  MAX_INTERVAL,
} = require('../lib/options.js');
const { constructCallgraph, nodesOf, removeCycles } = require('./callgraph.js');
const { callSitesByEntry } = require('./call-sites.js');
const { addFormat } = require('./format.js');

function startSampling(interval = 32, stackDepth = 6) {
  checkInteger('interval', interval, MAX_INTERVAL);
  checkInteger('stack_depth', stackDepth, MAX_DEPTH);
  heapProfile.start({ sampleIntervalBytes: interval, stackDepth });
}

function stopSampling() {
  heapProfile.stop();
}

function visitAllocationProfile(callback) {
  checkCallback(callback);
  callback(callSitesByEntry(heapProfile.get()));
}

/** The package had two functions of this name, one after the other. The later one took options. */
function collectAllocations(options) {
  return options === undefined ? collectEntries() : collectCallgraph(options);
}

function collectEntries() {
  const hasAllocations = ({ allocations }) => allocations.length > 0;
  const entries = callSitesByEntry(heapProfile.get());
  return entries.filter(({ callsites }) => callsites.some(hasAllocations));
}

function collectCallgraph(options) {
  checkObject('options', options);
  const { stopSampling: stops = true, noCircular = true } = bare(options);
  checkBoolean('options.stopSampling', stops);
  checkBoolean('options.noCircular', noCircular);
  const nodes = collectNodes();
  if (stops) stopSampling();
  const root = constructCallgraph(nodes);
  if (noCircular) removeCycles(root);
  return root;
}

function collectNodes() {
  return nodesOf(heapProfile.get());
}

exports.addFormat = addFormat;
exports.collectAllocations = collectAllocations;
exports.collectNodes = collectNodes;
exports.constructCallgraph = constructCallgraph;
exports.startSampling = startSampling;
exports.stopSampling = stopSampling;
exports.visitAllocationProfile = visitAllocationProfile;
