// Walks the tree of `get()`. With a stack of its own: recursion would overflow on deep trees.
'use strict';

/** Calls `visit(node, depth)` for a node and all below it in pre-order; the first has depth 1. */
function walk(root, visit) {
  const nodes = [root];
  const depths = [1];
  while (nodes.length > 0) {
    const node = nodes.pop();
    const depth = depths.pop();
    visit(node, depth);
    // The last first, so that the first is the next to be taken.
    for (let i = node.children.length - 1; i >= 0; i--) {
      nodes.push(node.children[i]);
      depths.push(depth + 1);
    }
  }
}

module.exports = { walk };
