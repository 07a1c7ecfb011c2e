// The earlier form of a profile: entries of call sites, one entry for each child of the root.
'use strict';

const { walk } = require('./walk.js');

function callSitesByEntry(root) {
  return root.children.map((child) => ({ callsites: walk(child, addCallSite, []) }));
}

function addCallSite(node, depth, callsites) {
  callsites.push({
    depth,
    name: node.name,
    script: node.scriptName,
    script_id: node.scriptId,
    start_position: node.startPosition,
    line_number: node.lineNumber,
    column_number: node.columnNumber,
    allocations: node.allocations,
  });
}

module.exports = { callSitesByEntry };
