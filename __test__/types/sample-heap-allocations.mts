// A consumer of heap-profile/sample-heap-allocations: what must compile, and what must not.
import sh, {
  type AllocationEntry,
  addFormat,
  type CallgraphNode,
  type CallNode,
  collectAllocations,
  collectNodes,
  constructCallgraph,
  startSampling,
  stopSampling,
  visitAllocationProfile,
} from 'heap-profile/sample-heap-allocations';

startSampling();
startSampling(32);
sh.startSampling(32, 10);

visitAllocationProfile((entries) => {
  const depth: number | undefined = entries[0]?.callsites[0]?.depth;
  console.log(depth);
});

const allocations: AllocationEntry[] = collectAllocations();
const graph: CallgraphNode = collectAllocations({});
const circular: CallgraphNode = collectAllocations({ stopSampling: false, noCircular: false });
const nodes: CallNode[] = collectNodes();
const root: CallgraphNode = constructCallgraph(nodes);
console.log(graph.children, circular.child_ids, root.allocations[0]?.size);

addFormat({ allocations }, (error, formatted) => {
  const source: string[] | undefined = formatted[0]?.callsites[0]?.formatted.source;
  console.log(error?.message, source);
});
addFormat({ allocations, includeSourceLines: 0 }, () => {});
stopSampling();

// @ts-expect-error: a string is no interval
startSampling('32');
// @ts-expect-error: nodes have no children before constructCallgraph
nodes[0]?.children;
// @ts-expect-error: no format before addFormat
allocations[0]?.callsites[0]?.formatted;
// @ts-expect-error: a callback is needed
addFormat({ allocations });
// @ts-expect-error: the call graph has no call sites
addFormat({ allocations: graph }, () => {});
