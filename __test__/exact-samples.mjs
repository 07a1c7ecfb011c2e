// The samples of a .heapprofile with their stacks: what each object's size is, and for each frame the line at
// which it allocated or called.

/**
 * Of a parsed file: { ordinal, size, isExact, frames } for each sample; `size` is the object's, frames are
 * { name, url, line }, the innermost first, `line` is 1-based and 0 if unknown.
 */
export function samplesOf({ head, samples, heapProfile }) {
  const nodes = nodesOf(head);
  const interval = heapProfile.sampleIntervalBytes;
  return samples.map((sample) => ({
    ordinal: sample.ordinal,
    size: objectSize(sample.size, interval),
    ...stackOf(sample, nodes),
  }));
}

function nodesOf(head) {
  const nodes = new Map();
  const pending = [{ node: head, parent: null }];
  while (pending.length > 0) {
    const { node, parent } = pending.pop();
    nodes.set(node.id, { node, parent });
    for (const child of node.children) pending.push({ node: child, parent: node.id });
  }
  return nodes;
}

function stackOf(sample, nodes) {
  const frames = [];
  let line = lineOf(sample);
  for (let id = sample.nodeId; id !== undefined && id !== null; ) {
    const { node, parent } = nodes.get(id) ?? { node: null, parent: null };
    if (node === null || parent === null) break;
    const { functionName, url } = node.callFrame;
    frames.push({ name: functionName, url, line });
    line = callLineOf(node);
    id = parent;
  }
  return { frames, isExact: lineOf(sample) > 0 };
}

/** A file has `size / (1 - exp(-size / interval))`, which no two sizes share. */
function objectSize(estimate, interval) {
  let [low, high] = [0, estimate];
  while (high - low > 0.5) {
    const middle = (low + high) / 2;
    if (middle / -Math.expm1(-middle / interval) < estimate) low = middle;
    else high = middle;
  }
  return 8 * Math.round((low + high) / 16);
}

/** From 0 in files, where they are known. */
function lineOf({ lineNumber = -1 }) {
  return lineNumber + 1;
}

function callLineOf({ callLineNumber = -1 }) {
  return callLineNumber + 1;
}
