// Walks the tree of `get()`. With a stack of its own: recursion would overflow on deep trees.
'use strict';

/**
 * Calls `visit(node, depth, result)` for a node and all below it in pre-order; the first has depth
 * 1. Returns `result`, which is there so that `visit` need not be a closure: those are slower, for
 * the reason that lib/tree.js gives.
 */
function walk(root, visit, result) {
  const nodes = [root];
  const depths = [1];
  while (nodes.length > 0) {
    const node = nodes.pop();
    const depth = /** @type {number} */ (depths.pop());
    visit(node, depth, result);
    // The last first, so that the first is the next to be taken.
    for (let i = node.children.length - 1; i >= 0; i--) {
      nodes.push(node.children[i]);
      depths.push(depth + 1);
    }
  }
  return result;
}

module.exports = { walk };
