// A consumer of the types: what must compile, and what must not.
import heapProfile, {
  type AllocationProfileNode,
  type DevToolsProfileNode,
  get,
  isSupported,
  type SamplingHeapProfile,
  Snapshot,
  type Status,
  snapshot,
  start,
  status,
  stop,
  unsupportedReason,
  write,
} from 'heap-profile';

if (!isSupported) console.error(unsupportedReason?.length);
start();
start({});
start({ sampleIntervalBytes: 524288, stackDepth: 64, forceGC: false, include: 'live' });
heapProfile.start({ include: 'allocated' });

const current: Status = status();
if (current.active) {
  const interval: number = current.sampleIntervalBytes;
  const since: number = current.startedAt.getTime();
  console.log(interval, since);
} else {
  const none: null = current.startedAt;
  console.log(none, current.threadId);
}

const taken: Snapshot = snapshot();
const live: number | null = taken.liveBytes;
const counts: number = taken.nodeCount + taken.sampleCount + taken.sampleIntervalBytes;
const pause: number = taken.timings.v8Ms + taken.timings.copyMs;
const json: SamplingHeapProfile = taken.toJSON();
const line: number | undefined = json.head.children[0]?.callFrame.lineNumber;
const name: Promise<string> = taken.write();
console.log(live, counts, pause, line, taken.takenAt.toISOString(), name, taken.write('a'));

const tree: AllocationProfileNode = get();
const same: AllocationProfileNode = taken.tree();
const translated: DevToolsProfileNode = get(true);
const size: number | undefined = tree.allocations[0]?.size;
console.log(same.children, translated.selfSize, size, tree.nodeId + tree.startPosition);

const written: Promise<string> = write();
const named: Promise<string> = write('a.heapprofile');
write((error, filename) => console.log(error?.code, error?.path, filename?.length));
write('a.heapprofile', (error) => console.log(error?.syscall));
console.log(written, named);
stop();

// @ts-expect-error: no such option
start({ interval: 1 });
// @ts-expect-error: a string is no interval
start({ sampleIntervalBytes: '1' });
// @ts-expect-error: no such value
start({ include: 'all' });
// @ts-expect-error: snapshots are not made by hand
new Snapshot();
// @ts-expect-error: read only
taken.nodeCount = 1;
