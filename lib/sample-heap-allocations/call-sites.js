// The earlier form of a profile: entries of call sites, one entry for each child of the root.
'use strict';

const { walk } = require('./walk.js');

function callSitesByEntry(root) {
  return root.children.map((child) => ({ callsites: callSitesOf(child) }));
}

function callSitesOf(child) {
  const callsites = [];
  walk(child, (node, depth) => callsites.push(createCallSite(node, depth)));
  return callsites;
}

function createCallSite(node, depth) {
  return {
    depth,
    name: node.name,
    script: node.scriptName,
    script_id: node.scriptId,
    start_position: node.startPosition,
    line_number: node.lineNumber,
    column_number: node.columnNumber,
    allocations: node.allocations,
  };
}

module.exports = { callSitesByEntry };
