// A consumer of the types: what must compile, and what must not.
import heapProfile, {
  type AllocationProfileNode,
  type DevToolsProfileNode,
  type Diff,
  type ErrorCode,
  type Estimate,
  type Format,
  get,
  isSupported,
  type Leaks,
  type SamplingHeapProfile,
  Snapshot,
  type Status,
  snapshot,
  start,
  status,
  stop,
  type Top,
  unsupportedReason,
  type Verdict,
  type WriteOptions,
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
  const collections: number = current.fullCollections;
  console.log(interval, since, collections);
} else {
  const none: null = current.startedAt;
  console.log(none, current.threadId);
}

const taken: Snapshot = snapshot();
const live: number | null = taken.liveBytes;
const counts: number = taken.nodeCount + taken.sampleCount + (taken.sampleIntervalBytes ?? 0);
const pause: number = (taken.timings?.v8Ms ?? 0) + (taken.timings?.copyMs ?? 0);
const {
  pid,
  threadId,
  sessionId,
}: { pid: number | null; threadId: number | null; sessionId: string | null } = taken;
const heapUsed: number | undefined = taken.memoryUsage?.heapUsed;
const service: string | undefined = taken.labels.service;
const disposable: Disposable = taken;
console.log(pid, threadId, sessionId?.length, heapUsed, service, disposable);
const json: SamplingHeapProfile = taken.toJSON();
const line: number | undefined = json.head.children[0]?.callFrame.lineNumber;
const name: Promise<string> = taken.write();
console.log(live, counts, pause, line, taken.takenAt?.toISOString(), name, taken.write('a'));

const tree: AllocationProfileNode = get();
const same: AllocationProfileNode = taken.tree();
const translated: DevToolsProfileNode = get(true);
const size: number | undefined = tree.allocations[0]?.size;
console.log(same.children, translated.selfSize, size, tree.nodeId + tree.startPosition);

const written: Promise<string> = write();
const named: Promise<string> = write('a.heapprofile');
write((error, filename) => console.log(error?.code, error?.path, filename?.length));
write('a.heapprofile', (error) => console.log(error?.syscall));
const options: WriteOptions = { format: 'pprof', sourceMaps: false, labels: { service: 'api' } };
const asPprof: Promise<string> = write('a.pb.gz', options);
write(undefined, { format: 'folded' }, (error) => console.log(error?.path));
console.log(written, named, asPprof, taken.write(undefined, options));

const read: Snapshot = await Snapshot.read('a.heapprofile');
const parsed: Snapshot = await Snapshot.parse(new Uint8Array([0x7b, 0x7d]));
const format: Format = 'heapprofile';
const bytes: Buffer = await parsed.encode(format, { labels: { service: 'api' } });
const estimate: Estimate | null = read.estimate('allocated');
const error: number | undefined = parsed.estimate()?.bytes.standardError;
console.log(bytes.length, estimate?.sampleCount, estimate?.objects.high, error);

const top: Top = await read.top({ by: 'stack', total: true, filter: 'a', limit: 10 });
const diff: Diff = await read.diff(parsed, { hideNodeInternals: true });
const leaks: Leaks = await Snapshot.leaks(['a.heapprofile', read], { by: 'package' });
const verdicts: Verdict[] = ['leaking', 'growing', 'unknown', 'steady', leaks.verdict];
const moments: (string | undefined)[] = leaks.moments.map((index) => leaks.snapshots[index]);
const collections: (number | null)[] = [leaks.fullCollections, read.fullCollections];
const code: ErrorCode = 'ERR_TOO_LARGE';
console.log(top.sites[0]?.share, diff.sites[0]?.isNoise, verdicts, moments, collections, code);

const graph: Promise<string> = read.writeFlamegraph('a.html', { base: parsed });
const html: Buffer = await read.encodeFlamegraph();
console.log(graph, html.length);
stop();

// @ts-expect-error: a flame graph has a name
read.writeFlamegraph();
// @ts-expect-error: leaks() counts no callees
Snapshot.leaks([], { total: true });
// @ts-expect-error: no such option
start({ interval: 1 });
// @ts-expect-error: a string is no interval
start({ sampleIntervalBytes: '1' });
// @ts-expect-error: no such value
start({ include: 'all' });
// @ts-expect-error: snapshots are not made by hand
new Snapshot();
// @ts-expect-error: no such format
write('a', { format: 'json' });
// @ts-expect-error: encode() takes the format first
taken.encode({ format: 'pprof' });
// @ts-expect-error: labels are strings
write('a', { labels: { pid: 1 } });
// @ts-expect-error: a string is no content
Snapshot.parse('{}');
// @ts-expect-error: it may be null
read.takenAt.getTime();
// @ts-expect-error: read only
taken.nodeCount = 1;
