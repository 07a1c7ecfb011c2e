// The API of the package sample-heap-allocations, for the programs written for it. What differs is
// in doc/sample-heap-allocations.md. Lines, columns and positions are V8's: see AllocationProfileNode.
import type { Allocation } from '../index.js';

/** A function in one calling context. */
export interface CallSite {
  /** Its place in the stack, 1 for a function that nothing called. */
  depth: number;
  name: string;
  /** Name or URL of its script, empty if it has none. */
  script: string;
  script_id: number;
  start_position: number;
  line_number: number;
  column_number: number;
  /** What the function itself allocated. */
  allocations: Allocation[];
}

/** A child of the profile's root and all that was called from it, in pre-order. */
export interface AllocationEntry<Site = CallSite> {
  callsites: Site[];
}

export interface Format {
  /** `script:line:column` of the function. */
  location: string;
  /** `count x size`, for each of the call site's allocations. */
  allocations: string[];
  /** The first lines of the function; only for call sites that allocated, in files that can be read. */
  source?: string[];
}

export interface FormattedCallSite extends CallSite {
  formatted: Format;
}

/** A function in one calling context that names its children by id. */
export interface CallNode {
  /** `script_id:line_number:column_number name`; the same for all contexts of the function. */
  id: string;
  script_id: number;
  script_name: string;
  name: string;
  line_number: number;
  column_number: number;
  start_position: number;
  /** What the function itself allocated. */
  allocations: Allocation[];
  child_ids: string[];
}

/** A function in all its calling contexts. */
export interface CallgraphNode extends CallNode {
  children: CallgraphNode[];
}

/**
 * `start({ sampleIntervalBytes: interval, stackDepth: stack_depth })`: starts sampling the calling
 * thread. Does nothing when it is already sampled by us with these values.
 * @param interval average **bytes** of allocation between two samples, an integer from 1 to 2^31 - 1;
 * the original called it milliseconds, which it never was. 32 is for short runs: it is slow.
 * Default: 32.
 * @param stack_depth frames kept of each stack, an integer from 1 to 1024. Default: 6.
 * @throws ERR_INVALID_ARG_TYPE, ERR_OUT_OF_RANGE: wrong arguments.
 * @throws ERR_ALREADY_SAMPLING: it runs with other values.
 * @throws ERR_UNSUPPORTED_RUNTIME, ERR_SAMPLER_IN_USE: as `start()` does.
 */
export function startSampling(interval?: number, stack_depth?: number): void;

/** `stop()`: ends our session, whichever API started it, and discards its samples. */
export function stopSampling(): void;

/**
 * Calls back once, before it returns, with one entry for each child of the profile's root. What the
 * root itself allocated is in `collectNodes()` only.
 * @throws ERR_INVALID_ARG_TYPE: `callback` is not a function.
 * @throws ERR_NOT_SAMPLING, ERR_SAMPLER_IN_USE: as `snapshot()` does; so do all that follow.
 */
export function visitAllocationProfile(callback: (entries: AllocationEntry[]) => void): void;

/** Without an argument: the entries of `visitAllocationProfile` in which anything was allocated. */
export function collectAllocations(): AllocationEntry[];

/**
 * With an object: the root of `constructCallgraph(collectNodes())`.
 * @param options.stopSampling whether to stop sampling afterwards. Default: true.
 * @param options.noCircular whether to take those children out that lead back to a function on the
 * way from the root. They stay in `child_ids`. Default: true.
 * @throws ERR_INVALID_ARG_TYPE: wrong options.
 */
export function collectAllocations(options: {
  stopSampling?: boolean;
  noCircular?: boolean;
}): CallgraphNode;

/** The profile's nodes in pre-order, the root first. */
export function collectNodes(): CallNode[];

/**
 * Merges nodes of the same id (their allocations are put together, as are their `child_ids`, each
 * once) and gives each its `children`; ids that no node has are left out. Functions that call
 * themselves or each other make cycles. The nodes given stay as they are.
 * @returns the node `0:0:0 (root)`.
 * @throws ERR_INVALID_ARG_TYPE, ERR_INVALID_ARG_VALUE: no array, or no root in it.
 */
export function constructCallgraph(nodes: readonly CallNode[]): CallgraphNode;

/**
 * Adds `formatted` to each call site. A file that cannot be read is no error: its call sites have
 * no `source`. Each file is read once.
 * @param options.includeSourceLines lines of source for each call site, an integer, 0 for none.
 * Default: 5.
 * @param callback called once, later, with what was given as `options.allocations`, or with an error
 * if that does not hold entries.
 * @throws ERR_INVALID_ARG_TYPE, ERR_OUT_OF_RANGE: wrong arguments.
 */
export function addFormat(
  options: { allocations: AllocationEntry[]; includeSourceLines?: number },
  callback: (error: Error | null, allocations: AllocationEntry<FormattedCallSite>[]) => void,
): void;
