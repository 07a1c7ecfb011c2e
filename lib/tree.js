// Builds the trees of JavaScript objects from the flat arrays of a native snapshot
// (src/binding/snapshot.rs). One loop each: building them node by node over Node-API is several
// times slower, and recursion would overflow on deep trees.
//
// What makes a node is a function of the module, not a closure: V8 throws its optimized code away
// when a closure that it inlined is collected, which would be after each tree.
'use strict';

/** @import { AllocationProfileNode, DevToolsProfileNode } from '../index.d.ts' */
/** @import { SamplingHeapProfileNode, SamplingHeapProfileSample } from '../index.d.ts' */
/** @import { NativeSnapshot } from '../target/native.d.ts' */

const FIELDS = 10;
/** Which of the fields counts a node's allocations. */
const ALLOCATIONS = 8;

/**
 * Calls `create(source, row, index, children)` for each node, the last in pre-order first, and
 * returns what it made of the root. `source.rows[row]` and the nine after it are the node's
 * fields: see `nodes` in src/binding/snapshot.rs. Backwards, because then a node's children are
 * there when it is made: the last ones that are not yet anybody's.
 */
function buildTree(source, create) {
  const { rows } = source;
  const orphans = [];
  for (let row = rows.length - FIELDS, index = row / FIELDS; row >= 0; row -= FIELDS, index--) {
    let childCount = rows[row];
    const children = childCount === 0 ? [] : [orphans.pop()];
    while (--childCount > 0) children.push(orphans.pop());
    orphans.push(create(source, row, index, children));
  }
  return orphans[0];
}

/**
 * V8's AllocationProfile: 1-based positions, V8's own sizes and counts.
 * @param {NativeSnapshot} native
 * @returns {AllocationProfileNode}
 */
function allocationTree(native) {
  if (kept.length === 0) kept.push(...allShapes());
  const source = allocationSource(native.strings(), native.nodes(), native.allocations());
  return buildTree(source, createAllocationNode);
}

function allocationSource(strings, rows, allocations) {
  return { strings, rows, allocations, end: allocations.length };
}

// When all objects of a shape are gone, V8 forgets the shape and throws the code away that it
// optimized for it. So one of each stays: a tree of one node with one allocation.
const kept = [];

function allShapes() {
  const rows = new Int32Array(FIELDS);
  rows[ALLOCATIONS] = 1;
  const source = allocationSource([''], rows, new Float64Array(2));
  return [source, buildTree(source, createAllocationNode)];
}

function createAllocationNode(source, row, _index, children) {
  const { strings, rows } = source;
  return {
    name: strings[rows[row + 1]],
    scriptName: strings[rows[row + 2]],
    scriptId: rows[row + 3],
    startPosition: rows[row + 4],
    lineNumber: rows[row + 5],
    columnNumber: rows[row + 6],
    nodeId: rows[row + 7] >>> 0,
    allocations: takeAllocations(source, rows[row + ALLOCATIONS]),
    children,
  };
}

/** The last `count` allocations that are left. */
function takeAllocations(source, count) {
  if (count === 0) return [];
  const { allocations } = source;
  source.end -= 2 * count;
  let at = source.end;
  const taken = [{ size: allocations[at], count: allocations[at + 1] }];
  while (--count > 0) {
    at += 2;
    taken.push({ size: allocations[at], count: allocations[at + 1] });
  }
  return taken;
}

/**
 * What heap-profile 0.4.0 called the DevTools format: flat nodes with a selfSize.
 * @param {NativeSnapshot} native
 * @returns {DevToolsProfileNode}
 */
function translatedTree(native) {
  return buildTree(selfSizeSource(native), createTranslatedNode);
}

/** @param {NativeSnapshot} native */
function selfSizeSource(native) {
  return { strings: native.strings(), rows: native.nodes(), selfSizes: native.selfSizes() };
}

function createTranslatedNode({ strings, rows, selfSizes }, row, index, children) {
  return {
    functionName: strings[rows[row + 1]],
    scriptId: rows[row + 3],
    lineNumber: rows[row + 5],
    columnNumber: rows[row + 6],
    url: strings[rows[row + 2]],
    selfSize: selfSizes[index],
    children,
  };
}

/**
 * The head of a .heapprofile: 0-based positions, the script id a string.
 * @param {NativeSnapshot} native
 * @returns {SamplingHeapProfileNode}
 */
function devToolsHead(native) {
  return buildTree(selfSizeSource(native), createDevToolsNode);
}

function createDevToolsNode({ strings, rows, selfSizes }, row, index, children) {
  const callFrame = {
    functionName: strings[rows[row + 1]],
    scriptId: String(rows[row + 3]),
    url: strings[rows[row + 2]],
    lineNumber: rows[row + 5] - 1,
    columnNumber: rows[row + 6] - 1,
  };
  const [selfSize, id, callLine] = [selfSizes[index], rows[row + 7] >>> 0, rows[row + 9]];
  if (callLine === 0) return { callFrame, selfSize, id, children };
  return { callFrame, selfSize, id, callLineNumber: callLine - 1, children };
}

/**
 * The samples of a .heapprofile.
 * @param {NativeSnapshot} native
 * @returns {SamplingHeapProfileSample[]}
 */
function devToolsSamples(native) {
  const rows = native.samples();
  const samples = [];
  for (let row = 0; row < rows.length; row += 4) {
    const [size, nodeId, ordinal] = [rows[row], rows[row + 1], rows[row + 2]];
    const line = rows[row + 3];
    const sample = { size, nodeId, ordinal };
    samples.push(line === 0 ? sample : { ...sample, lineNumber: line - 1 });
  }
  return samples;
}

module.exports = { allocationTree, devToolsHead, devToolsSamples, translatedTree };
