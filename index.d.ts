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
}

/** What `status()` tells. Without a session of ours everything but the thread is null. */
export type Status =
  | {
      active: true;
      sampleIntervalBytes: number;
      stackDepth: number;
      include: 'live' | 'allocated';
      startedAt: Date;
      /** `worker_threads.threadId`; 0 is the main thread. */
      threadId: number;
    }
  | {
      active: false;
      sampleIntervalBytes: null;
      stackDepth: null;
      include: null;
      startedAt: null;
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
  children: SamplingHeapProfileNode[];
}

/** A sample of a `.heapprofile` file. */
export interface SamplingHeapProfileSample {
  /** Estimated bytes that the sampled object stands for, not rounded. */
  size: number;
  /** `id` of the node that allocated it. */
  nodeId: number;
  /** Increases with time within a session. */
  ordinal: number;
}

/** What DevTools reads: the DevTools protocol's HeapProfiler.SamplingHeapProfile. */
export interface SamplingHeapProfile {
  head: SamplingHeapProfileNode;
  /** Oldest first. */
  samples: SamplingHeapProfileSample[];
}

/** A capture, held outside V8's heap until it is garbage. */
export class Snapshot {
  private constructor();
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
  readonly takenAt: Date;
  readonly sampleIntervalBytes: number;
  /** What the capture cost the thread: V8's part and ours, milliseconds. */
  readonly timings: { v8Ms: number; copyMs: number };
  /**
   * Why some frames are not those of the original code although source maps were asked for: the
   * script as V8 names it, what is wrong with its map, and how many nodes it has.
   */
  readonly warnings: { url: string; message: string; count: number }[];
  /** The call tree as V8 has it; a fresh copy each time. */
  tree(): AllocationProfileNode;
  /** What DevTools reads; a fresh copy each time. `write()` does this without blocking. */
  toJSON(): SamplingHeapProfile;
  /**
   * Writes a `.heapprofile` file, atomically and with mode 0600, and resolves to its name.
   * @param filename default: `heap-profile-${Date.now()}.heapprofile` in the current directory,
   * counted up until the name is free. What exists under an explicit name is replaced.
   * @throws file errors with `code`, `syscall` and `path`, such as `ENOSPC`.
   */
  write(filename?: string): Promise<string>;
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
 * another agent started alone. Takes as long as `snapshot()`.
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
 * `snapshot().write(filename)`; errors go to the promise or, if given, to the callback. Wrong
 * arguments reject the promise, or throw if there is a callback.
 */
export function write(filename?: string): Promise<string>;
export function write(callback: WriteCallback): void;
export function write(filename: string | undefined, callback: WriteCallback): void;
