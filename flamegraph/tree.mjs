// The tree that the graph draws, made of a list of nodes, without the functions that are hidden.
import { formatCount } from '../lib/display/units.js';

/**
 * Each node comes after the one that it belongs under. What is under a hidden one moves to the nearest
 * one above that is shown, and what the hidden one holds itself is that one's. Where something is hidden,
 * what the root holds itself is left out: the root is as wide as the rest, though it tells all.
 */
export function buildTree(nodes, frames, hiddenOwners) {
  const [first, ...rest] = nodes;
  const root = createNode(first, frames);
  // For each of the list the node that is drawn for it.
  const drawn = [root];
  const siblings = new Map([[root, new Map()]]);
  for (const node of rest) {
    const parent = drawn[node.parent];
    if (node.frame !== null && hiddenOwners.includes(frames[node.frame].owner)) {
      drawn.push(parent);
      continue;
    }
    const known = siblings.get(parent).get(node.frame);
    if (known !== undefined) {
      merge(known, node);
      drawn.push(known);
      continue;
    }
    const added = createNode(node, frames);
    parent.children.push(added);
    siblings.get(parent).set(node.frame, added);
    siblings.set(added, new Map());
    drawn.push(added);
  }
  for (const node of drawn) finish(node);
  if (hiddenOwners.length > 0) {
    root.value = root.children.reduce((total, { value }) => total + value, 0);
  }
  return root;
}

function createNode({ frame, folded = 0, bytes, growth = null }, frames) {
  return { frame: frame === null ? null : frames[frame], folded, bytes, growth, children: [] };
}

/** Adds a node that holds other objects. */
function merge(into, { folded = 0, bytes, growth = null }) {
  into.folded += folded;
  into.bytes = sumOf(into.bytes, bytes);
  if (growth !== null) into.growth = sumOf(into.growth, growth);
}

function finish(node) {
  node.name = nodeName(node);
  node.value = node.bytes.estimate;
}

function nodeName({ frame, folded }) {
  if (frame !== null) return frame.name;
  return folded > 0 ? `(${formatCount(folded)} more)` : '(root)';
}

/** Of independent estimates: the distances of the bounds add up as squares, as in Rust's Interval. */
function sumOf(one, other) {
  const estimate = one.estimate + other.estimate;
  if (one.low === null || other.low === null) return { estimate, low: null, high: null };
  const below = Math.hypot(one.estimate - one.low, other.estimate - other.low);
  const above = Math.hypot(one.high - one.estimate, other.high - other.estimate);
  return { estimate, low: estimate - below, high: estimate + above };
}
