// Builds the trees of JavaScript objects from the flat arrays of a native snapshot
// (src/binding/snapshot.rs). One loop each: building them node by node over Node-API is several
// times slower, and recursion would overflow on deep trees.

const FIELDS = 9;

/**
 * Calls `create(row)` for each node in pre-order and hangs what it returns below its parent. A
 * row gives the node's fields by position: see `nodes` in src/binding/snapshot.rs.
 */
function buildTree(rows, create) {
  const count = rows.length / FIELDS;
  const nodes = new Array(count);
  for (let index = 0, row = 0; index < count; index++, row += FIELDS) {
    const node = create(row, index);
    nodes[index] = node;
    if (index > 0) nodes[rows[row]].children.push(node);
  }
  return nodes[0];
}

/** V8's AllocationProfile: 1-based positions, V8's own sizes and counts. */
function allocationTree(native) {
  const strings = native.strings();
  const rows = native.nodes();
  const allocations = native.allocations();
  let next = 0;
  const takeAllocations = (count) => {
    const taken = [];
    for (const end = next + 2 * count; next < end; next += 2) {
      taken.push({ size: allocations[next], count: allocations[next + 1] });
    }
    return taken;
  };
  return buildTree(rows, (row) => ({
    name: strings[rows[row + 1]],
    scriptName: strings[rows[row + 2]],
    scriptId: rows[row + 3],
    startPosition: rows[row + 4],
    lineNumber: rows[row + 5],
    columnNumber: rows[row + 6],
    nodeId: rows[row + 7] >>> 0,
    allocations: takeAllocations(rows[row + 8]),
    children: [],
  }));
}

/** What heap-profile 0.4.0 called the DevTools format: flat nodes with a selfSize. */
function translatedTree(native) {
  const strings = native.strings();
  const rows = native.nodes();
  const selfSizes = native.selfSizes();
  return buildTree(rows, (row, index) => ({
    functionName: strings[rows[row + 1]],
    scriptId: rows[row + 3],
    lineNumber: rows[row + 5],
    columnNumber: rows[row + 6],
    url: strings[rows[row + 2]],
    selfSize: selfSizes[index],
    children: [],
  }));
}

/** The head of a .heapprofile: 0-based positions, the script id a string. */
function devToolsHead(native) {
  const strings = native.strings();
  const rows = native.nodes();
  const selfSizes = native.selfSizes();
  return buildTree(rows, (row, index) => ({
    callFrame: {
      functionName: strings[rows[row + 1]],
      scriptId: String(rows[row + 3]),
      url: strings[rows[row + 2]],
      lineNumber: rows[row + 5] - 1,
      columnNumber: rows[row + 6] - 1,
    },
    selfSize: selfSizes[index],
    id: rows[row + 7] >>> 0,
    children: [],
  }));
}

/** The samples of a .heapprofile. */
function devToolsSamples(native) {
  const rows = native.samples();
  const samples = [];
  for (let row = 0; row < rows.length; row += 3) {
    samples.push({ size: rows[row], nodeId: rows[row + 1], ordinal: rows[row + 2] });
  }
  return samples;
}

module.exports = { allocationTree, devToolsHead, devToolsSamples, translatedTree };
