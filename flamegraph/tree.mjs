// The tree that the graph draws, made of a list of nodes, without the functions that are hidden.
import { formatCount } from '../lib/display/units.js';
import { shorten } from './text.mjs';

/**
 * Each node comes after the one that it belongs under. What is under a hidden one moves to the nearest
 * one above that is shown, and what the hidden one holds itself is that one's. Where something is hidden,
 * what the root holds itself is left out: the root is as wide as the rest, though it tells all. A function is
 * one node under another, or with `byLine` one for each of its lines that allocates or calls.
 */
export function buildTree(nodes, frames, hiddenOwners, byLine) {
  const keyOf = ({ frame, line = 0 }) => (byLine && frame !== null ? `${frame}:${line}` : frame);
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
    const known = siblings.get(parent).get(keyOf(node));
    if (known !== undefined) {
      merge(known, node);
      drawn.push(known);
      continue;
    }
    const added = createNode(node, frames);
    parent.children.push(added);
    siblings.get(parent).set(keyOf(node), added);
    siblings.set(added, new Map());
    drawn.push(added);
  }
  for (const node of drawn) finish(node, byLine);
  if (hiddenOwners.length > 0) {
    root.value = root.children.reduce((total, { value }) => total + value, 0);
  }
  return root;
}

function createNode({ frame, line = 0, folded = 0, bytes, growth = null }, frames) {
  const lines = new Map(line > 0 ? [[line, bytes.estimate]] : []);
  return {
    frame: frame === null ? null : frames[frame],
    lines,
    folded,
    bytes,
    growth,
    children: [],
  };
}

/** Adds a node that holds other objects. */
function merge(into, { line = 0, folded = 0, bytes, growth = null }) {
  if (line > 0) into.lines.set(line, (into.lines.get(line) ?? 0) + bytes.estimate);
  into.folded += folded;
  into.bytes = sumOf(into.bytes, bytes);
  if (growth !== null) into.growth = sumOf(into.growth, growth);
}

function finish(node, byLine) {
  node.name = nodeName(node);
  const [line] = byLine ? node.lines.keys() : [];
  node.shortPlace =
    line === undefined ? (node.frame?.shortPlace ?? '') : shorten(node.frame.placeAt(line));
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
