// The later form of a profile: flat nodes that name their children by id, and the call graph they
// make when those of the same function are merged. Functions that call each other make cycles in it.
'use strict';

const { invalidArgValue } = require('../lib/errors.js');
const { checkArray } = require('../lib/options.js');
const { walk } = require('./walk.js');

const ROOT_ID = '0:0:0 (root)';

function nodesOf(root) {
  return walk(root, addNode, { nodes: [], known: new Map() }).nodes;
}

function addNode(node, _depth, { nodes, known }) {
  nodes.push({
    id: idOf(node, known),
    script_id: node.scriptId,
    script_name: node.scriptName,
    name: node.name,
    line_number: node.lineNumber,
    column_number: node.columnNumber,
    start_position: node.startPosition,
    allocations: node.allocations,
    child_ids: idsOf(node.children, known),
  });
}

function idsOf(nodes, known) {
  if (nodes.length === 0) return [];
  // Begun with one: what is pushed to an empty array makes room for 17.
  const ids = [idOf(nodes[0], known)];
  for (let i = 1; i < nodes.length; i++) ids.push(idOf(nodes[i], known));
  return ids;
}

/**
 * The id of a node. `known` holds, by script and position, the last one made: a function has a
 * hundred nodes, and making the string anew and comparing it later take longer than looking here.
 */
function idOf(node, known) {
  const { scriptId, startPosition, lineNumber, columnNumber, name } = node;
  let ofScript = known.get(scriptId);
  if (ofScript === undefined) {
    ofScript = new Map();
    known.set(scriptId, ofScript);
  }
  const last = ofScript.get(startPosition);
  if (last !== undefined && isSameFunction(last.node, node)) return last.id;
  const id = `${scriptId}:${lineNumber}:${columnNumber} ${name}`;
  ofScript.set(startPosition, { node, id });
  return id;
}

/** Of two nodes with the same script and position: V8 has none for some functions. */
function isSameFunction(one, other) {
  return (
    one.name === other.name &&
    one.lineNumber === other.lineNumber &&
    one.columnNumber === other.columnNumber
  );
}

function constructCallgraph(nodes) {
  checkArray('nodes', nodes);
  const merged = mergeById(nodes);
  const root = merged.get(ROOT_ID);
  if (root === undefined) throw invalidArgValue('nodes', `has no node "${ROOT_ID}"`, nodes);
  for (const node of merged.values()) {
    node.child_ids = [...new Set(node.child_ids)];
    const children = node.child_ids.map((id) => merged.get(id));
    // A caller may have left nodes out.
    node.children = children.filter((child) => child !== undefined);
  }
  return root;
}

/** Copies of the nodes by id, those of the same id as one. */
function mergeById(nodes) {
  const merged = new Map();
  for (const node of nodes) {
    const { id, allocations, child_ids } = node;
    const known = merged.get(id);
    if (known === undefined) {
      merged.set(id, { ...node, allocations: [...allocations], child_ids: [...child_ids] });
    } else {
      // Not as arguments of one call: there may be more than fit on the stack.
      for (const allocation of allocations) known.allocations.push(allocation);
      for (const child of child_ids) known.child_ids.push(child);
    }
  }
  return merged;
}

/**
 * Takes those children out that lead back to a node on the way from the root. What they are can be
 * told from the order in which a depth-first search is done with the nodes: with all other children
 * it is done before it is done with their parent.
 */
function removeCycles(root) {
  const order = finishingOrder(root);
  for (const [node, position] of order) {
    node.children = node.children.filter((child) => order.get(child) < position);
  }
}

function finishingOrder(root) {
  /** @type {Map<any, any>} */
  const order = new Map([[root, undefined]]);
  let finished = 0;
  const path = [{ node: root, next: 0 }];
  while (path.length > 0) {
    const step = path[path.length - 1];
    if (step.next === step.node.children.length) {
      order.set(step.node, finished++);
      path.pop();
      continue;
    }
    const child = step.node.children[step.next++];
    if (order.has(child)) continue;
    order.set(child, undefined);
    path.push({ node: child, next: 0 });
  }
  return order;
}

module.exports = { constructCallgraph, nodesOf, removeCycles };
