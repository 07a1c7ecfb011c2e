// The later form of a profile: flat nodes that name their children by id, and the call graph they
// make when those of the same function are merged. Functions that call each other make cycles in it.
'use strict';

const { invalidArgValue } = require('../errors.js');
const { checkArray } = require('../options.js');
const { walk } = require('./walk.js');

const ROOT_ID = '0:0:0 (root)';

function nodesOf(root) {
  const nodes = [];
  walk(root, (node) => nodes.push(createNode(node)));
  return nodes;
}

function createNode(node) {
  return {
    id: idOf(node),
    script_id: node.scriptId,
    script_name: node.scriptName,
    name: node.name,
    line_number: node.lineNumber,
    column_number: node.columnNumber,
    start_position: node.startPosition,
    allocations: node.allocations,
    child_ids: node.children.map(idOf),
  };
}

function idOf({ scriptId, lineNumber, columnNumber, name }) {
  return `${scriptId}:${lineNumber}:${columnNumber} ${name}`;
}

function constructCallgraph(nodes) {
  checkArray('nodes', nodes);
  const merged = mergeById(nodes);
  const root = merged.get(ROOT_ID);
  if (root === undefined) throw invalidArgValue('nodes', `has no node "${ROOT_ID}"`, nodes);
  for (const node of merged.values()) {
    node.child_ids = [...node.child_ids];
    // A caller may have left nodes out.
    node.children = node.child_ids.filter((id) => merged.has(id)).map((id) => merged.get(id));
  }
  return root;
}

/** Copies of the nodes by id, those of the same id as one; `child_ids` is still a set. */
function mergeById(nodes) {
  const merged = new Map();
  for (const node of nodes) {
    let all = merged.get(node.id);
    if (all === undefined) {
      all = { ...node, allocations: [], child_ids: new Set() };
      merged.set(node.id, all);
    }
    for (const allocation of node.allocations) all.allocations.push(allocation);
    for (const id of node.child_ids) all.child_ids.add(id);
  }
  return merged;
}

/**
 * Takes those children out that lead back to a node on the way from the root. What they are can be
 * told from the order in which a depth-first search is done with the nodes: all other children are
 * done with before their parent.
 */
function removeCycles(root) {
  const order = finishingOrder(root);
  for (const [node, position] of order) {
    node.children = node.children.filter((child) => order.get(child) < position);
  }
}

function finishingOrder(root) {
  const order = new Map();
  const seen = new Set([root]);
  const path = [{ node: root, next: 0 }];
  while (path.length > 0) {
    const { node, next } = path[path.length - 1];
    if (next === node.children.length) {
      order.set(node, order.size);
      path.pop();
      continue;
    }
    path[path.length - 1].next++;
    const child = node.children[next];
    if (seen.has(child)) continue;
    seen.add(child);
    path.push({ node: child, next: 0 });
  }
  return order;
}

module.exports = { constructCallgraph, nodesOf, removeCycles };
