import type { EventEmitter } from 'node:events';

/**
 * `code` of what is thrown and of what promises reject with. Errors of files have the system's
 * instead (`ENOENT`, `ENOSPC`), with `errno`, `syscall` and `path`.
 */
export type ErrorCode =
  /** The program's permissions (`node --permission`) do not allow the file that `resource` names. */
  | 'ERR_ACCESS_DENIED'
  /** `start()`: it runs with other options. */
  | 'ERR_ALREADY_SAMPLING'
  /** The Snapshot was disposed: its memory is freed. */
  | 'ERR_DISPOSED'
  /** A bug of ours. */
  | 'ERR_INTERNAL'
  /** A TypeError: an argument of the wrong type. */
  | 'ERR_INVALID_ARG_TYPE'
  /** A TypeError: an argument that is none of those known. */
  | 'ERR_INVALID_ARG_VALUE'
  /** What was read is no profile; the message says where it is wrong, and why. */
  | 'ERR_INVALID_PROFILE'
  /** A TypeError: a method of Snapshot was called on something else. */
  | 'ERR_INVALID_THIS'
  /** Nothing runs that could be captured: not started, or another agent stopped our session. */
  | 'ERR_NOT_SAMPLING'
  /** A RangeError: a number that is too small, too large or no integer. */
  | 'ERR_OUT_OF_RANGE'
  /** Another agent (the inspector, another profiler) samples this thread. */
  | 'ERR_SAMPLER_IN_USE'
  /** `Snapshot.leaks()`: fewer than two captures of one session; `skipped` tells what could not be read. */
  | 'ERR_TOO_FEW_SNAPSHOTS'
  /** An answer or an encoded profile is larger than a call can give; the calls say how large that is. */
  | 'ERR_TOO_LARGE'
  /** What an option asks for this V8 cannot do. */
  | 'ERR_UNSUPPORTED_OPTION'
  /** This runtime cannot be sampled: see `unsupportedReason`. */
  | 'ERR_UNSUPPORTED_RUNTIME';

/** Which memory: objects on V8's heap, what Buffers hold outside of it, or both. */
export type Memory = 'heap' | 'buffers' | 'both';

/** Options of a sampling session. */
export interface StartOptions {
  /**
   * Average bytes of allocation between two samples, an integer from 1 to 2^31 - 1. Smaller is
   * more exact and costs more.
   * @default 524288
   */
  sampleIntervalBytes?: number;
  /**
   * Frames kept of each stack, from the allocation upwards; an integer from 1 to 1024.
   * @default 64
   */
  stackDepth?: number;
  /**
   * Run a full garbage collection before each capture, so that garbage does not count as live. It
   * stops the thread for as long as the collection takes.
   * @default false
   */
  forceGC?: boolean;
  /**
   * `'live'`: only objects that are still alive. `'allocated'`: those that were collected too;
   * needs Node.js 20 or newer, and V8 then keeps every sample until `stop()`, so memory grows with
   * allocation: for minutes, not for always.
   * @default 'live'
   */
  include?: 'live' | 'allocated';
  /**
   * Have the function that allocated, also where V8 inlined it into a caller, and the lines of the
   * allocation and of the calls, at the price of some microseconds a sample. Only on Linux x64 with a Node.js that it
   * was verified on (18, 20, 22, 24, 26), and not beside a CPU profile: where it cannot be had, the
   * session runs with V8's own stacks, a process warning says why once, and `status()` always.
   * @default false
   */
  exactStacks?: boolean;
  /**
   * Sample what Buffers, typed arrays and ArrayBuffers hold outside of V8's heap, too, with the same interval: the
   * allocator that Node.js gave this thread is hooked for it. In profiles they are at leaves called
   * `(array buffer)`, below the functions that allocated them. Only on Linux: where it cannot be had, the
   * session is of V8's heap, a process warning says why once, and `status()` always. What it does not see
   * is in doc/buffers.md.
   * @default false
   */
  externalMemory?: boolean;
}

/** What came of `exactStacks: true`. */
export interface ExactStacks {
  /** Whether they are had. */
  enabled: boolean;
  /** Why they cannot be had, in words for people; null where they are. */
  reason: string | null;
}

/** What came of `externalMemory: true`. */
export interface ExternalMemory {
  /** Whether Buffers are sampled. */
  enabled: boolean;
  /** Why they are not, in words for people; null where they are. */
  reason: string | null;
}

/** What `status()` tells. Without a session of ours everything but the thread is null. */
export type Status =
  | {
      active: true;
      sampleIntervalBytes: number;
      stackDepth: number;
      forceGC: boolean;
      include: 'live' | 'allocated';
      /** Null where they were not asked for. */
      exactStacks: ExactStacks | null;
      /** Null where it was not asked for. */
      externalMemory: ExternalMemory | null;
      startedAt: Date;
      /** Full garbage collections (mark-compact) of this thread's heap since then. */
      fullCollections: number;
      /** `worker_threads.threadId`; 0 is the main thread. */
      threadId: number;
    }
  | {
      active: false;
      sampleIntervalBytes: null;
      stackDepth: null;
      forceGC: null;
      include: null;
      exactStacks: null;
      externalMemory: null;
      startedAt: null;
      fullCollections: null;
      threadId: number;
    };

/** V8's own summary of a node's sampled objects of one size. */
export interface Allocation {
  /** Bytes of each object. */
  size: number;
  /** Objects, as V8 estimates and rounds it: off by up to a third for objects about as large as the interval. */
  count: number;
}

/** A function in one calling context, as V8's AllocationProfile has it. */
export interface AllocationProfileNode {
  /** Name of the function, empty if it has none; `(root)` for the root. */
  name: string;
  /** Name or URL of its script, empty if it has none. */
  scriptName: string;
  /** V8's script id, 0 if it has none. */
  scriptId: number;
  /** Line where the function starts, 1-based, 0 if unknown. */
  lineNumber: number;
  /** Column where the function starts, 1-based, 0 if unknown. */
  columnNumber: number;
  /** Where the function starts, in UTF-16 code units from the start of the script. */
  startPosition: number;
  /** Unique within the session. */
  nodeId: number;
  allocations: Allocation[];
  children: AllocationProfileNode[];
}

/** The node that heap-profile 0.4.0 returned from `get(true)`; positions are 1-based, 0 if unknown. */
export interface DevToolsProfileNode {
  functionName: string;
  scriptId: number;
  lineNumber: number;
  columnNumber: number;
  url: string;
  /** Estimated bytes that the function itself allocated, not rounded. */
  selfSize: number;
  children: DevToolsProfileNode[];
}

/** A node of a `.heapprofile` file: the DevTools protocol's HeapProfiler.SamplingHeapProfileNode. */
export interface SamplingHeapProfileNode {
  callFrame: {
    functionName: string;
    scriptId: string;
    url: string;
    /** 0-based, -1 if unknown. */
    lineNumber: number;
    /** 0-based, -1 if unknown. */
    columnNumber: number;
  };
  /** Estimated bytes that the function itself allocated, not rounded. */
  selfSize: number;
  id: number;
  /**
   * Line of the caller's script that called the function, 0-based; with exact stacks only, and absent if
   * unknown. Calls from two lines are two nodes. Ours: DevTools ignores it.
   */
  callLineNumber?: number;
  children: SamplingHeapProfileNode[];
}

/** A sample of a `.heapprofile` file. */
export interface SamplingHeapProfileSample {
  /**
   * Estimated bytes that the sampled object stands for, not rounded; of files of other tools, what
   * the file says.
   */
  size: number;
  /** `id` of the node that allocated it. */
  nodeId: number;
  /** Increases with time within a session. */
  ordinal: number;
  /**
   * Line of its node's script that allocated it, 0-based; with exact stacks only, and absent if unknown.
   * Ours: DevTools ignores it.
   */
  lineNumber?: number;
}

/** What DevTools reads: the DevTools protocol's HeapProfiler.SamplingHeapProfile. */
export interface SamplingHeapProfile {
  head: SamplingHeapProfileNode;
  /** Oldest first. */
  samples: SamplingHeapProfileSample[];
}

/** A total worked out from samples. */
export interface Total {
  estimate: number;
  standardError: number;
  /** Lower end of the interval that holds the truth in 95 of 100 cases. */
  low: number;
  /** Upper end of that interval. */
  high: number;
}

/** What samples stand for. */
export interface Estimate {
  sampleCount: number;
  bytes: Total;
  objects: Total;
}

/**
 * A format of files: `'heapprofile'` is Chrome DevTools' JSON (`.heapprofile`), `'pprof'` the
 * gzipped protobuf of `go tool pprof` (`.pb.gz`), `'folded'` a line of text for each stack with its
 * bytes, for flame graph tools (`.folded`). The latter cannot be read.
 */
export type Format = 'heapprofile' | 'pprof' | 'folded';

/** Options of `encode()`. */
export interface EncodeOptions {
  /**
   * Name functions, files and positions as in the original sources, where source maps tell.
   * @default false
   */
  sourceMaps?: boolean;
  /**
   * What to say of the profile, by name: in pprof the labels of all samples, in a `.heapprofile`
   * `heapProfile.labels`. Added to the labels of a profile that was read.
   */
  labels?: Record<string, string>;
}

/** Options of `writeFlamegraph()` and `encodeFlamegraph()`. */
export interface FlamegraphOptions {
  /** An earlier profile: the flame graph tells what grew since. */
  base?: Snapshot;
  /**
   * Which memory it is of: objects on V8's heap, Buffers outside of it, or both; of `base` the same.
   * @default 'both'
   */
  memory?: Memory;
}

/** Options of `write()`. */
export interface WriteOptions extends EncodeOptions {
  /**
   * Default: what the name of the file ends with; with `.html` it is a flame graph, see
   * `writeFlamegraph()`. `'heapprofile'` if it ends otherwise, but for what means a format that is not
   * written here (`.svg`, `.pprof`, `.gz`): without `format` that is an error.
   */
  format?: Format;
}

/** Options of reading. */
export interface ReadOptions {
  /**
   * Give functions, files, lines and columns as they are in the original code, by the source maps of
   * their scripts.
   * @default false
   */
  sourceMaps?: boolean;
}

/** Why the functions of a script stayed as V8 names them. */
export interface SourceMapWarning {
  /** The script. */
  url: string;
  message: string;
  /** Nodes of the call tree that it has. */
  count: number;
}

/** A number worked out from samples, with the bounds that hold the truth in 95 of 100 cases. */
export interface Interval {
  estimate: number;
  /** Null where the profile does not tell how it was sampled. */
  low: number | null;
  /** Null where the profile does not tell how it was sampled. */
  high: number | null;
}

/** A function; of a file only `url` is set, of a package `url` is its name. */
export interface Frame {
  functionName: string;
  url: string;
  /** 1-based, 0 if unknown. */
  lineNumber: number;
  /** 1-based, 0 if unknown. */
  columnNumber: number;
}

/** A function that leads to a site. */
export interface Caller extends Frame {
  /** The line of it that calls the next one; 1-based, 0 if unknown, as without exact stacks. */
  callLineNumber: number;
}

/** A line that allocates. */
export interface Line {
  url: string;
  /** 1-based. */
  lineNumber: number;
  /** 1-based, 0 if unknown: V8 tells lines only. */
  columnNumber: number;
  /** Its part of the site, 0 to 1: see `lines` of the site. */
  share: number;
}

/** What memory is put down to. */
export interface Site extends Frame {
  /** How it is reached where it holds most: the nearest 64 callers at most, the nearest first. */
  stack: Caller[];
  /**
   * The lines of the function that allocate, with `total` or `hideNodeInternals` also those that call what
   * does; 64 at most. They need exact stacks, or a pprof file that has lines; else this is empty. Of `top()`
   * those that hold most first; of `diff()` those that grew most (of a site that shrank: shrank), each with its
   * part of that; of `leaks()` those that allocated what stays.
   */
  lines: Line[];
}

/** Whose stacks an answer is from. */
export interface Stacks {
  /**
   * Whether the session had exact stacks. If not they are V8's: a function that V8 inlined has no frame, and
   * what it allocates is put down to the function that it was inlined into; no lines are known.
   */
  exact: boolean;
  /** Part of the sampled live objects that has an exact stack, 0 to 1; the others have V8's. */
  exactShare: number;
  /** Why there are no exact stacks although they were asked for, else null. */
  reason: string | null;
}

/** Which sites are asked for: options of `top()`, `diff()` and `Snapshot.leaks()`. */
export interface GroupOptions {
  /**
   * What makes a site: a function, a script, a package (`(app)`, `(node)` and those in node_modules),
   * a function with all its callers, or a line of a function: the site's `lines` has that one, or none if it
   * is unknown.
   * @default 'function'
   */
  by?: 'function' | 'file' | 'package' | 'stack' | 'line';
  /**
   * Which memory is looked at: objects on V8's heap, Buffers outside of it (`externalMemory`), or both.
   * @default 'both'
   */
  memory?: Memory;
  /**
   * Put what Node.js's and V8's own functions (`push`, `EventEmitter.on`) allocate down to the
   * function of the program that called them. What no program called stays what it is.
   * @default true for leaks, else false
   */
  hideNodeInternals?: boolean;
  /**
   * How many sites at most; an integer from 1. For `leaks()`: how many steady ones, beside all that
   * leak or grow.
   * @default 10000; for `leaks()` 10000 sites in all
   */
  limit?: number;
}

/** Options of `top()` and `diff()`. */
export interface SiteOptions extends GroupOptions {
  /**
   * Count for a site what it calls, too.
   * @default false
   */
  total?: boolean;
  /** Only sites whose function name or URL has this in it. */
  filter?: string;
}

/** Options of `Snapshot.leaks()`. */
export type LeakOptions = GroupOptions;

/** `process.memoryUsage()`, bytes. */
export interface MemoryUsage {
  rss: number;
  heapTotal: number;
  heapUsed: number;
  external: number;
  arrayBuffers: number;
}

/** What the process did as a whole, of which the sampled heap is a part. */
export interface ProcessChange {
  /** At the first capture that is compared; null if there is one only, as for `top()`. */
  before: MemoryUsage | null;
  /** At the last one. */
  after: MemoryUsage;
  /** Milliseconds from the first to the last; null without `before`, or if the files do not tell. */
  spanMs: number | null;
  /**
   * Whose heap, external memory and ArrayBuffers these are; `rss` is of all threads together. Null if the
   * files do not tell.
   */
  threadId: number | null;
  /** What V8 lets this thread's heap grow to, bytes; null if the files do not tell. */
  heapSizeLimit: number | null;
  /**
   * Where to look instead, if the resident set grew by 16 MiB and by a tenth at least, and the heap by
   * less than half of that, from the first to the last capture and from the earlier half of all to the
   * later one: what grew most, ArrayBuffers, other `external` memory, or neither: native code, other
   * threads, fragmentation. Else null.
   */
  elsewhere: 'array-buffers' | 'external' | 'rest' | null;
}

/** What `top()` resolves to. */
export interface Top {
  /**
   * Which objects are counted: live ones, or all that were allocated where V8 did not tell which of
   * them live (`include: 'allocated'` before Node.js 26). Then read "allocated" for "live" below.
   */
  include: 'live' | 'allocated';
  /** Null of other tools' files. */
  stacks: Stacks | null;
  /** Null of files that do not tell. */
  process: ProcessChange | null;
  /** All live bytes of the profile. */
  bytes: Interval;
  /** All live objects; null if the profile does not count them. */
  objects: Interval | null;
  /** The part of `bytes` that heap-profile's own functions allocated, which are no sites. */
  ownBytes: Interval;
  /** Those that hold most first. */
  sites: TopSite[];
  /** Sites that the limit left out. */
  omitted: number;
}

export interface TopSite extends Site {
  /** Live bytes. */
  bytes: Interval;
  /** Live objects; null if the profile does not count them. */
  objects: Interval | null;
  /** Part of all live bytes, 0 to 1. */
  share: number;
  /** Sampled objects behind the estimate. */
  sampleCount: number;
}

/** What `diff()` resolves to. */
export interface Diff {
  /** As of `Top`: 'allocated' if V8 did not tell the live objects of one of the two. */
  include: 'live' | 'allocated';
  /** Null of other tools' files; exact if those of both are. */
  stacks: Stacks | null;
  /** Whether both are of one sampling session. */
  sameSession: boolean;
  /** Null unless both files tell. */
  process: ProcessChange | null;
  /** Milliseconds from `base` to this; null if one of them does not tell. */
  spanMs: number | null;
  /** Growth of all live bytes. */
  growth: Interval;
  /** The part of it that is heap-profile's own. */
  ownGrowth: Interval;
  /** Those that grew most first, those that shrank most last. */
  sites: DiffSite[];
  /** Sites that the limit left out, those that changed least. */
  omitted: number;
}

export interface DiffSite extends Site {
  /** Live bytes in `base`. */
  base: number;
  /** Live bytes in this. */
  current: number;
  growth: Interval;
  /** Whether the growth may be chance. */
  isNoise: boolean;
}

/**
 * Of a site: it keeps growing and its old objects stay; it grows and the evidence is not enough yet;
 * V8 has made no full collection between the captures, and anything may be garbage; it does not grow,
 * no longer grows, its objects die, or it grows too slowly to fill the heap within a month. Of all: the
 * worst.
 */
export type Verdict = 'leaking' | 'growing' | 'unknown' | 'steady';

/** What `Snapshot.leaks()` resolves to. */
export interface Leaks {
  verdict: Verdict;
  /** The captures that were compared, the earliest first: names of files. */
  snapshots: string[];
  /**
   * The other sessions, none of them worse than this one: the worst of their sites' verdicts (null of a
   * single snapshot) and their files. Ask about those files alone for more.
   */
  others: { verdict: Verdict | null; snapshots: string[] }[];
  /**
   * Files that could not be read, and profiles that do not tell live objects from collected ones
   * (`include: 'allocated'` before Node.js 26); and why.
   */
  skipped: { path: string; message: string }[];
  /**
   * Whether growth is all that could be told, so that nothing is called `'leaking'`: the files do not
   * say which session they are of, as those of other tools, or at which interval it sampled, as those
   * of `heap-profile attach`.
   */
  growthOnly: boolean;
  /** Null of other tools' files. */
  stacks: Stacks | null;
  /**
   * Full garbage collections between the first and the last capture. Only captures between which there
   * was one are compared. Null of files that do not tell: then garbage may look like a leak.
   */
  fullCollections: number | null;
  /** From the first to the last capture, milliseconds; null if the files do not tell. */
  spanMs: number | null;
  /** Null where `growthOnly`. */
  sampleIntervalBytes: number | null;
  /** Over `moments`, or over all captures if there is one moment only. Null of files that do not tell. */
  process: ProcessChange | null;
  /** Of all live bytes; see the sites' own. */
  growthBytesPerHour: Interval;
  /** The smallest leak that would have been found in 95 of 100 cases, bytes per hour; null if none. */
  detectable: number | null;
  /**
   * Which of `snapshots` the sites' `history` and `cohorts` tell of, by index: all of them, or of more
   * than 64 that many, spread evenly from the first to the last. The rest of the answer is of all.
   */
  moments: number[];
  /** What leaks or grows, the worst first: sites that are one leak together. */
  leaks: Leak[];
  /** The worst first. Functions of heap-profile itself are none. */
  sites: LeakSite[];
}

/** Sites that are one leak. */
export interface Leak {
  /** The worst of the sites'. */
  verdict: 'leaking' | 'growing';
  /** The function that all of it is reached through. */
  through: Frame;
  /** Which of `sites`, by index: those that grow most first. */
  sites: number[];
  growthBytesPerHour: Interval;
  /** Part of the growth of all live bytes; null if these do not grow. */
  share: number | null;
  /** As of a site. */
  retention: Interval | null;
  /** As of a site. */
  heapLimitMs: number | null;
}

export interface LeakSite extends Site {
  verdict: Verdict;
  /** What decided, see doc/leaks.md; `'no-session'` is that it grows and of the files is `growthOnly`. */
  reason:
    | 'old-objects-stay'
    | 'too-few-old-objects'
    | 'too-few-moments'
    | 'oldest-objects-die'
    | 'moved'
    | 'heap-stands-still'
    | 'no-session'
    | 'too-few-collections'
    | 'no-collection'
    | 'no-growth'
    | 'too-slow'
    | 'plateau'
    | 'old-objects-die';
  /**
   * Whether a function of the program is it, or leads to it where it holds most. `(V8 API)` and
   * `processTimers` mostly are not: they are never the first leak while one of the program is.
   */
  isProgram: boolean;
  /**
   * Whether the next three are those of the function together with a caller of it and all that this
   * calls: V8 has moved bytes between them, as it compiled the one into the other.
   */
  isFamily: boolean;
  /** In the last capture. */
  liveBytes: Interval;
  /**
   * By weighted regression over all captures; from four captures of a session on, of what two that
   * follow one another both have. Without times, captures count as an hour apart.
   */
  growthBytesPerHour: Interval;
  /** Part of what outlived the capture after its birth that is alive at the end, 0 to 1. */
  retention: Interval | null;
  /** Part of the growth of all live bytes; null if these do not grow. */
  share: number | null;
  /**
   * Milliseconds until the heap limit is reached if only this grows, at the estimated rate; null if it
   * does not grow, or the files tell no limit or no times.
   */
  heapLimitMs: number | null;
  /**
   * Live bytes at each of `moments`, with their standard error: null where nothing is known of
   * errors.
   */
  history: { bytes: number; standardError: number | null }[];
  /**
   * The sampled objects that one of `moments` is the first to have, the earliest first: the index of
   * that snapshot in `snapshots`, their estimated bytes in it, and the part of these that is alive at
   * each later moment, 0 to 1, as long as something is. Empty without a session. Objects that were there
   * in the first snapshot were born any time before, and are of no cohort.
   */
  cohorts: { snapshot: number; bytes: number; survival: number[] }[];
  /**
   * Of a growing site, what would give the evidence: so many more captures, or else a session with
   * that interval; null if no interval would.
   */
  needs: { snapshots: number; sampleIntervalBytes: number | null } | null;
}

/**
 * A capture, or a profile that was read from a file; held outside V8's heap until it is garbage or
 * disposed. What a file does not tell is null. Once it is disposed all it can be asked, methods and
 * properties, is ERR_DISPOSED. It cannot be cloned, `structuredClone()` and `postMessage()` throw: send
 * what `encode()` resolves to, and `Snapshot.parse()` it there.
 */
export class Snapshot {
  private constructor();
  /**
   * Reads a `.heapprofile` (ours, DevTools', `node --heap-prof`'s or heap-profile 0.4.0's) or a pprof
   * profile of a heap, gzipped or not, without blocking. What the file is, its first bytes tell.
   * @throws ERR_INVALID_ARG_TYPE, ERR_INVALID_ARG_VALUE: a wrong path.
   * @throws ERR_INVALID_PROFILE: it is no such profile; the message says where (a byte offset, a
   * JSON path or a field) and why.
   * @throws ERR_UNSUPPORTED_RUNTIME: see `unsupportedReason`.
   * @throws file errors with `code`, `syscall` and `path`, such as `ENOENT`.
   * @throws ERR_ACCESS_DENIED: Node's permission model does not let the program read it. With
   * `sourceMaps`: or all else that source maps may name, which is everything.
   */
  static read(path: string, options?: ReadOptions): Promise<Snapshot>;
  /**
   * `read()` of the contents of a file; they are copied before it returns.
   * @throws ERR_INVALID_ARG_TYPE: no Uint8Array.
   * @throws ERR_INVALID_ARG_VALUE: one on a SharedArrayBuffer, which another thread may change meanwhile.
   * @throws ERR_INVALID_PROFILE, ERR_UNSUPPORTED_RUNTIME, ERR_ACCESS_DENIED: as `read()` does.
   */
  static parse(buffer: Uint8Array, options?: ReadOptions): Promise<Snapshot>;
  /**
   * Looks for leaks in two or more (best: five or more) captures of one session: snapshots, or files,
   * which are read one after the other. Of several sessions the worst one is told of, of equal ones the
   * one with the most captures. doc/leaks.md says how it decides.
   * @throws ERR_INVALID_ARG_TYPE, ERR_INVALID_ARG_VALUE, ERR_OUT_OF_RANGE: wrong arguments.
   * @throws ERR_TOO_FEW_SNAPSHOTS: no session has two captures. `skipped` of the error is that of `Leaks`.
   * @throws ERR_DISPOSED: one of the snapshots is.
   * @throws ERR_TOO_LARGE: the answer has more than 256 MiB.
   */
  static leaks(sources: readonly (string | Snapshot)[], options?: LeakOptions): Promise<Leaks>;
  /** Nodes of the call tree. */
  readonly nodeCount: number;
  /** Sampled objects. Samples that V8 gives without their node are not counted. */
  readonly sampleCount: number;
  /**
   * Estimated bytes of live objects allocated since `start()`: the sum over the samples of
   * size / (1 - exp(-size / sampleIntervalBytes)). Null where V8 does not tell live objects from
   * collected ones: with `include: 'allocated'` before Node.js 26.
   */
  readonly liveBytes: number | null;
  readonly takenAt: Date | null;
  /** Null also where the samples of a file were scaled in another way than V8's. */
  readonly sampleIntervalBytes: number | null;
  /**
   * Full garbage collections (mark-compact) from the start of the session to the capture: V8 calls
   * everything live that none of them has looked at. Null of files that do not tell.
   */
  readonly fullCollections: number | null;
  /** `process.pid` of the process it was taken in. */
  readonly pid: number | null;
  /** `worker_threads.threadId` of the thread; 0 is the main thread. */
  readonly threadId: number | null;
  /** The same for all captures of one session, and for no others. */
  readonly sessionId: string | null;
  /** `process.memoryUsage()` just before the capture. */
  readonly memoryUsage: MemoryUsage | null;
  /** Those that the file was written with; a fresh copy each time, empty if it has none. */
  readonly labels: Record<string, string>;
  /** One for each script whose source map could not be used: when the file was written or now. */
  readonly warnings: SourceMapWarning[];
  /** What the capture cost the thread: V8's part and ours, milliseconds; null of a file. */
  readonly timings: { v8Ms: number; copyMs: number } | null;
  /**
   * What the samples stand for and how sure that is: those of live objects, or with `'allocated'`
   * those of collected ones too. Null where that cannot be told: the interval is unknown, V8 does not
   * tell live objects from collected ones, or collected ones were not kept.
   * @throws ERR_INVALID_ARG_TYPE, ERR_INVALID_ARG_VALUE: neither of the two.
   */
  estimate(include?: 'live' | 'allocated'): Estimate | null;
  /**
   * Which sites hold the memory, those that hold most first.
   * @throws ERR_INVALID_ARG_TYPE, ERR_INVALID_ARG_VALUE, ERR_OUT_OF_RANGE: wrong options.
   * @throws ERR_TOO_LARGE: the answer has more than 256 MiB; ask for fewer sites.
   */
  top(options?: SiteOptions): Promise<Top>;
  /**
   * What grew and shrank since `base`. Of two captures of one session samples are compared one by
   * one: what is in both adds nothing to the error.
   * @throws ERR_INVALID_ARG_TYPE, ERR_INVALID_ARG_VALUE, ERR_OUT_OF_RANGE: wrong arguments.
   * @throws ERR_TOO_LARGE: as `top()` does.
   */
  diff(base: Snapshot, options?: SiteOptions): Promise<Diff>;
  /** The call tree as V8 has it; a fresh copy each time. */
  tree(): AllocationProfileNode;
  /** What DevTools reads; a fresh copy each time. `write()` does this without blocking. */
  toJSON(): SamplingHeapProfile;
  /**
   * Writes a file, atomically and with mode 0600, and resolves to its name.
   * @param filename default: `heap-profile-${Date.now()}` and the extension of the format in the
   * current directory, counted up until the name is free. What exists under an explicit name is
   * replaced.
   * @throws ERR_INVALID_ARG_TYPE, ERR_INVALID_ARG_VALUE: a wrong name or wrong options.
   * @throws file errors with `code`, `syscall` and `path`, such as `ENOSPC`.
   * @throws ERR_ACCESS_DENIED: Node's permission model does not let the program write it, and a
   * temporary file beside it. With `sourceMaps`: or read everything.
   * @throws ERR_TOO_LARGE: pprof of more than 256 MiB before it is compressed.
   */
  write(filename?: string, options?: WriteOptions): Promise<string>;
  /**
   * The contents of the file that `write()` would write.
   * @param format default: `'heapprofile'`
   * @throws ERR_INVALID_ARG_TYPE, ERR_INVALID_ARG_VALUE: no such format or wrong options.
   * @throws ERR_ACCESS_DENIED: with `sourceMaps`, as `write()` does.
   * @throws ERR_TOO_LARGE: as `write()` does, or 4 GiB and more, which no Buffer holds on all Node.js.
   */
  encode(format?: Format, options?: EncodeOptions): Promise<Buffer>;
  /**
   * Writes a flame graph: one HTML file that needs no other and no network, see doc/flamegraph.md. It is
   * named for the files that the snapshots were read from.
   * Atomically and with mode 0600, as `write()` does, and resolves to its name.
   * @throws ERR_INVALID_ARG_TYPE, ERR_INVALID_ARG_VALUE: a wrong name or wrong options.
   * @throws file errors with `code`, `syscall` and `path`, such as `ENOSPC`.
   * @throws ERR_ACCESS_DENIED: as `write()` does.
   */
  writeFlamegraph(filename: string, options?: FlamegraphOptions): Promise<string>;
  /**
   * The contents of the file that `writeFlamegraph()` would write.
   * @throws ERR_INVALID_ARG_TYPE, ERR_INVALID_ARG_VALUE: wrong options.
   * @throws ERR_ACCESS_DENIED: Node's permission model does not let the program read this package.
   */
  encodeFlamegraph(options?: FlamegraphOptions): Promise<Buffer>;
  /**
   * Frees its memory at once, or when what was asked of it before is done, which is not disturbed. Called by
   * `using`; a second time it does nothing. Node.js before 18.18 has no such symbol, and nothing here.
   */
  [Symbol.dispose](): void;
}

/** Whether this runtime can be sampled. */
export const isSupported: boolean;

/** Why `isSupported` is false, else undefined. */
export const unsupportedReason: string | undefined;

/**
 * Starts sampling the calling thread. Does nothing when it is already sampled by us with the
 * options that are given.
 * @throws ERR_INVALID_ARG_TYPE, ERR_INVALID_ARG_VALUE, ERR_OUT_OF_RANGE: wrong options.
 * @throws ERR_UNSUPPORTED_RUNTIME: see `unsupportedReason`.
 * @throws ERR_UNSUPPORTED_OPTION: `include: 'allocated'` before Node.js 20.
 * @throws ERR_ALREADY_SAMPLING: it runs with other options.
 * @throws ERR_SAMPLER_IN_USE: another agent (the inspector, another profiler) samples this thread.
 */
export function start(options?: StartOptions): void;

/**
 * Ends our session and discards its samples. Does nothing when none runs, and leaves a session that
 * another agent started alone. Takes as long as `snapshot()`. Monitors, handlers and servers do not start anew until
 * `start()`, or until another one is made.
 */
export function stop(): void;

/** The session of the calling thread. */
export function status(): Status;

/**
 * Captures what is sampled now.
 * @throws ERR_NOT_SAMPLING: not started, or another agent stopped our session.
 * @throws ERR_SAMPLER_IN_USE: another agent stopped our session and samples now.
 */
export function snapshot(): Snapshot;

/** `snapshot().tree()`, or with `true` the nodes that heap-profile 0.4.0 made for DevTools. */
export function get(translate?: false): AllocationProfileNode;
export function get(translate: true): DevToolsProfileNode;
export function get(translate?: boolean): AllocationProfileNode | DevToolsProfileNode;

/** Called once, later, with an error or the name of the file. */
export type WriteCallback = (error: NodeJS.ErrnoException | null, filename?: string) => void;

/**
 * `snapshot().write(filename, options)`; errors go to the promise or, if given, to the callback.
 * Wrong arguments reject the promise, or throw if there is a callback.
 */
export function write(filename?: string, options?: WriteOptions): Promise<string>;
export function write(callback: WriteCallback): void;
export function write(filename: string | undefined, callback: WriteCallback): void;
export function write(
  filename: string | undefined,
  options: WriteOptions | undefined,
  callback: WriteCallback,
): void;

/** When `monitor()` takes profiles besides the regular ones. `true` is a rule's default, `false` is never. */
export interface MonitorRules {
  /**
   * The live heap just after a full collection reaches these shares, 0 to 1, of what V8's old generation may have
   * (`--max-old-space-size`).
   * @default [0.7, 0.8, 0.9]
   */
  heapRatio?: number | readonly number[] | boolean;
  /**
   * The live heap just after a full collection has grown by this share since the last profile.
   * @default 0.2
   */
  growth?: number | boolean;
  /**
   * The resident set reaches these shares, 0 to 1, of what the process may have: the least of the machine's
   * memory and the limits of its control groups and those around them (version 2: `memory.max` and
   * `memory.high`, version 1: `memory.limit_in_bytes`), which are read again every 30 s.
   * @default [0.7, 0.8, 0.9]
   */
  rss?: number | readonly number[] | boolean;
  /**
   * The resident set is larger by this share than it was at any profile before.
   * @default 0.1
   */
  newPeak?: number | boolean;
  /**
   * The live heap, by a line through it after the last full collections, reaches the heap limit in less than
   * so many milliseconds; asked again after ten minutes.
   * @default 3600000
   */
  slope?: number | boolean;
  /**
   * How many profiles the rules may ask for within an hour, 1 to 3600; the last third is for `heapRatio` and `rss`.
   * @default 30
   */
  perHour?: number;
}

/** Bounds on the files of monitors in a directory, of all processes that share it. */
export interface MonitorKeep {
  /**
   * How many: with fewer than ten of each process leaks cannot be told.
   * @default 1000
   */
  files?: number;
  /**
   * How many bytes they have together.
   * @default 1073741824
   */
  bytes?: number;
  /** How old they are at most, milliseconds; default: any age. */
  ageMs?: number;
}

export interface MonitorOptions {
  /**
   * Where the profiles go, also those of `workers`. It is made if it is missing, with mode 0700.
   * @default '.', where the program is at the call
   */
  dir?: string;
  /**
   * Milliseconds from one regular profile to the next, 1 to 2147483647; Infinity for none. A full collection
   * within its last tenth has it taken at once, as then what it calls live is.
   * @default 3600000
   */
  intervalMs?: number;
  /** @default 'heapprofile' */
  format?: Format;
  /**
   * Name functions, files and positions as in the original sources.
   * @default false
   */
  sourceMaps?: boolean;
  /** See `EncodeOptions`. */
  labels?: Record<string, string>;
  /** What stays. Only files with names of monitors are removed, the oldest first, never the newest. */
  keep?: MonitorKeep;
  /**
   * Whether profiles are taken where memory grows, so that there is one before the process is killed; `true` is
   * all rules with their defaults, and an object all but what it says.
   * @default false
   */
  rules?: boolean | MonitorRules;
  /** Sends profiles to Pyroscope, see doc/fleet.md. */
  push?: PushOptions;
  /**
   * So many profiles (1 to 10, 2 if nothing is said) are written when the heap of the main thread is about to be full,
   * at once and without JavaScript, before V8 ends the process. In a worker thread this does nothing: Node.js ends
   * a worker at its limit, and V8 would often end the process instead if the limit were raised. Each time the limit is raised by the size of a young generation. How the process ends stays as it is. If it
   * lives on there is a 'profile' event. One monitor of a thread can have this: of a second it is an 'error' event,
   * ERR_UNSUPPORTED_OPTION, and it does all else.
   */
  heapLimit?: { profiles?: number };
  /**
   * Monitor the worker threads of this thread, too, those that are there and those that come, and theirs: each
   * with the same options, but for `signal`. For the main thread, whose inspector is used; it opens no port. A worker whose
   * event loop does not turn is not monitored until it does. Needs Node.js 20.16, 22.3 or newer, else there is an
   * 'error' event, ERR_UNSUPPORTED_OPTION; the preload follows into workers everywhere.
   * @default false
   */
  workers?: boolean;
  /**
   * A signal that asks for a profile, at most one each second (not in worker threads, which get none), an
   * AbortSignal that stops the monitor, or both in an array.
   */
  signal?: MonitorSignal | AbortSignal | readonly (MonitorSignal | AbortSignal)[];
  /**
   * Write one when the thread ends: normally, by `process.exit()` or an uncaught exception, and before SIGINT,
   * SIGTERM or SIGHUP end it. A signal that the program listens to is the program's alone, and so is what ends it then.
   * @default false
   */
  onExit?: boolean;
}

export interface PushOptions {
  /** Of the server, http: or https:, without a query; `/ingest` is added. */
  url: string;
  /** Name of the service: letters, digits, `_ . / -`, with a letter first. */
  app: string;
  /** By name; values without commas, braces and controls. */
  labels?: Record<string, string>;
  /** `X-Scope-OrgID`. */
  tenant?: string;
  auth?: { username: string; password: string } | { token: string };
  /**
   * Milliseconds from one profile to the next, 1000 to 2147483647: they are taken for this alone.
   * @default 60000
   */
  intervalMs?: number;
}

/** What became of the profiles to push; what waits for it is on disk, `dir`/push, for this user only. */
export interface PushStats {
  sent: number;
  retries: number;
  /** Not taken, as the one before was still being encoded or written; the next covers its time, too. */
  skipped: number;
  /** Too old, too many, refused by the server, or not written or encoded. */
  lost: { expired: number; full: number; rejected: number; failed: number };
  /** Of all that were sent: what went into `(smaller sites)`. */
  foldedSamples: number;
  foldedBytes: number;
  pending: number;
  pendingBytes: number;
  lastError: Error | null;
}

export type MonitorSignal = 'SIGUSR2' | 'SIGHUP' | 'SIGQUIT' | 'SIGWINCH';

/** Why a profile was taken: the time had come, a rule, or somebody asked. */
export type ProfileReason =
  | 'interval'
  | 'heapRatio'
  | 'growth'
  | 'rss'
  | 'newPeak'
  | 'slope'
  | 'signal'
  | 'flush'
  | 'exit'
  | 'heapLimit';

/** A profile that was written: what 'profile' listeners and subscribers of 'heap-profile:profile' get. */
export interface MonitorProfile {
  /** Its absolute path. */
  file: string;
  reason: ProfileReason;
  /** Of the capture; see `Snapshot` for what is not explained here. */
  summary: {
    takenAt: Date;
    liveBytes: number | null;
    nodeCount: number;
    sampleCount: number;
    fullCollections: number;
    /** null of `heapLimit`: nobody could be asked. */
    memoryUsage: MemoryUsage | null;
    /** What the old generation of this thread may have, bytes: V8's limit without its young generation. */
    heapLimit: number;
    /**
     * What the process may have, bytes: of the machine's memory and control groups' limits the least. These are read
     * when the monitor begins: of a profile of that moment it is the machine's memory.
     */
    memoryLimit: number;
    /** What the capture cost the thread, milliseconds; null of `heapLimit`. */
    pauseMs: number | null;
    /** The three functions that hold most, those that hold most first; none of `exit`. */
    sites: TopSite[];
  };
}

export interface MonitorStats {
  /** Profiles that were written. */
  written: number;
  /** Errors, also those that nobody listened to. */
  failed: number;
  /** Regular profiles that were left out, as one was being written or the disk had just failed. */
  skipped: number;
  isWriting: boolean;
  /** How many of those that were written each reason had. */
  reasons: Partial<Record<ProfileReason, number>>;
  lastFile: string | null;
  lastError: Error | null;
  /** Null without `push`. */
  push: PushStats | null;
}

/**
 * Takes profiles of the calling thread unattended. Its failures are 'error' events: without a listener they are
 * warnings of the process, never exceptions. It goes on: after a second, then more seldom, up to a minute apart.
 */
export interface Monitor extends EventEmitter {
  /** Each profile that was written. */
  on(event: 'profile', listener: (profile: MonitorProfile) => void): this;
  on(event: 'error', listener: (error: NodeJS.ErrnoException) => void): this;
  once(event: 'profile', listener: (profile: MonitorProfile) => void): this;
  once(event: 'error', listener: (error: NodeJS.ErrnoException) => void): this;
  /**
   * Takes a profile now, and with `push` one to send, and resolves to its path once it is written and that was tried, or to undefined: if it could not be written,
   * which is an 'error' event as any, or the monitor is stopped. For pushing it waits 30 s at most. Calls before it is taken share one.
   */
  flush(): Promise<string | undefined>;
  /**
   * Takes no more profiles, resolves when the one under way is written (or after 5 s, if the disk hangs), and ends the sampling
   * session if it was a monitor, `handler()` or `listen()` that started it and none of them is left; a handler
   * never ends. Never rejects; a second time it does nothing.
   */
  stop(): Promise<void>;
  stats(): MonitorStats;
  /**
   * Captures this thread and, with `workers`, all below it, and resolves to one snapshot, in which each thread is the root
   * of its calls, `(main thread)` or `(worker 3)`; in pprof files their samples have the label `thread id`. A thread
   * that does not answer within 5 seconds is left out, and said why. It keeps no session: snapshots of all threads cannot be
   * given to `Snapshot.leaks()`.
   * @throws ERR_NOT_SAMPLING
   */
  snapshotAll(): Promise<{ snapshot: Snapshot; leftOut: { threadId: number; reason: string }[] }>;
  /** Paths of the profiles that it wrote and that are there, the oldest first. */
  files(): string[];
  /** `stop()`, for `await using`. Node.js before 18.18 has no such symbol, and nothing here. */
  [Symbol.asyncDispose](): Promise<void>;
}

/**
 * Monitors the calling thread: takes profiles regularly and where its rules say, and writes them under names of
 * host, process, thread, time and number. Starts sampling with the defaults if nobody has, and again if another agent
 * stopped it; after the program's own `stop()` it takes nothing until `start()`. It never keeps the process alive. doc/production.md tells what to turn on, and the variables and flags of the same.
 *
 * Each profile is published on the diagnostics channel 'heap-profile:profile', too.
 * @throws ERR_INVALID_ARG_TYPE, ERR_INVALID_ARG_VALUE, ERR_OUT_OF_RANGE: wrong options; nothing else.
 */
export function monitor(options?: MonitorOptions): Monitor;

/** What answers are made of: options of `handler()` and `listen()`. */
export interface ServeOptions {
  /**
   * What `Authorization: Bearer …` must say; without it whoever reaches the server may read profiles. Not empty,
   * without spaces and controls; compared in constant time.
   */
  token?: string;
  /** Whose files `/leaks` looks at: what `monitor()` returned. */
  monitor?: { files(): string[] };
  /** Which directory's files `/leaks` looks at without a monitor: the 100 profiles that were written last. */
  dir?: string;
}

/** Options of `handler()`. */
export interface HandlerOptions extends ServeOptions {
  /**
   * The path under which it is mounted, as `request.url` tells, such as `/profiling`: what is not below it is not
   * answered. Express takes it from the URL itself: leave it out there.
   * @default ''
   */
  prefix?: string;
}

/** Options of `listen()`: a `port` or a `socket`. */
export interface ListenOptions extends ServeOptions {
  /** 0 for any that is free. */
  port?: number;
  /** @default '127.0.0.1' */
  host?: string;
  /** The path of a Unix socket, made with mode 0600; a socket that a killed process left there is replaced. */
  socket?: string;
}

/** What `listen()` resolves to. */
export interface Listening {
  /** Of a port: such as `http://127.0.0.1:6060/`. Undefined of a socket, and after `close()`. */
  readonly url: string | undefined;
  /**
   * Stops listening, and resolves when all requests have ended: windows end early, slow readers after 2 s. Ends the
   * sampling session as `Monitor.stop()` does.
   */
  close(): Promise<void>;
  [Symbol.asyncDispose](): Promise<void>;
}

/**
 * A listener for `node:http`, middleware for Express, and what answers raw requests of any other framework.
 * Answers GET and HEAD of `/` (a page with a flame graph), `/flamegraph`, `/debug/pprof/heap`, `/debug/pprof/allocs`,
 * `/debug/pprof/delta_heap`, `/heap.heapprofile` and `/leaks`, as doc/fleet.md says. All else it leaves to `next`, or
 * without one answers 404; what is answered already it leaves alone. It rejects only with what `next` throws. Starts sampling this thread, if nobody has, when it is made; where that fails, and where
 * the program called `stop()` since, requests are answered 503. One capture at a time: who asks within a second of one gets it,
 * others get 429 with `Retry-After`.
 *
 * Profiles tell the names and files of functions. Without `token` it is for the program to see who asks.
 * @throws ERR_INVALID_ARG_TYPE, ERR_INVALID_ARG_VALUE: wrong options.
 */
export function handler(
  options?: HandlerOptions,
): (
  request: import('node:http').IncomingMessage,
  response: import('node:http').ServerResponse,
  next?: () => void,
) => Promise<void>;

/**
 * A server of its own for what `handler()` answers. It keeps no process alive. In a cluster each worker needs a port of
 * its own. Without a token, what listens on a loopback address answers only to requests for an address or for localhost,
 * so that no web page can read profiles.
 * @throws ERR_INVALID_ARG_TYPE, ERR_INVALID_ARG_VALUE, ERR_OUT_OF_RANGE: wrong options.
 * @throws Node's errors of listening, such as `EADDRINUSE`.
 */
export function listen(options: ListenOptions): Promise<Listening>;
