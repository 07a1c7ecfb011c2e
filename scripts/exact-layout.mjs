// Finds where the V8 of a Node keeps its sampler, without a table, and compares that with
// lib/exact-layouts.json: `node scripts/exact-layout.mjs [20 26]`; without majors all that the table is for.
// Prints the row of each, to be put into the table; exits with 1 where the table has another one.
// It looks for values that it knows in a sampler that it has just started. Linux x64 only.
import { execFileSync } from 'node:child_process';
import { mkdirSync, readFileSync } from 'node:fs';
import { Session } from 'node:inspector';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { isDeepStrictEqual } from 'node:util';
import { installNodes } from './nodes.mjs';
import { mustRun, root } from './run.mjs';

const INTERVAL = 65_432;
const DEPTH = 77;
/** Bytes of each that are looked through. All HeapProfilers have at least so many. */
const HEAP_PROFILER = 136;
const SAMPLER = 320;
const ISOLATE = 4n << 20n;
const addon = join(root, 'target', 'exact-layout.node');

/** The row of the Node that runs this. */
async function findRow() {
  const { read, start } = createRequire(import.meta.url)(addon);
  const [isolate, profiler] = start(INTERVAL, DEPTH) ?? fail("V8's functions are not there");
  const words = (address, bytes) =>
    Array.from({ length: bytes / 8 }, (_, i) => read(address + BigInt(8 * i)) ?? 0n);
  const inProfiler = words(profiler, HEAP_PROFILER);
  const isSampler = (address) =>
    address > 4096n && read(address) === isolate && words(address, SAMPLER).includes(address);
  const slot = only('sampler', inProfiler, isSampler);
  const sampler = inProfiler[slot / 8];
  const before = words(sampler, SAMPLER);
  const last = await lastOrdinal();
  const after = words(sampler, SAMPLER);

  const rates = all(before, (word) => word === BigInt(INTERVAL));
  if (rates.length !== 3) fail(`our interval is there ${rates.length} times, not 3`);
  const [stepSize, observerRate, rate] = rates;
  // Its vtable pointer, before its first field.
  const observer = stepSize - 8;
  const heaps = all(before, (word) => word > isolate && word < isolate + ISOLATE);
  const heap = heaps[0];
  const otherHeap = only('heap', before, (word, at) => at > heap && word === before[heap / 8]);
  const isName = (word, at) => at > observerRate && word > 4096n && inProfiler.includes(word);
  const names = only('names', before, isName);
  const isRoot = (word) => word > 4096n && textOf(read(word)).startsWith('(root)');
  const isLast = (word, at) => at > heap && at < observer && word >= last && word < last + 1000n;
  return {
    v8: process.versions.v8.split('.').slice(0, 2).join('.'),
    heapProfiler: { names: 8 * inProfiler.indexOf(before[names / 8]), samplingHeapProfiler: slot },
    samplingHeapProfiler: {
      isolate: 0,
      heap,
      lastSampleId: only('number of the last sample', after, isLast),
      observer,
      names,
      rootName: only('name of the root', before, isRoot),
      stackDepth: only('depth', before, (word) => BigInt.asUintN(32, word) === BigInt(DEPTH)),
      rate,
    },
    observer: {
      stepSize: stepSize - observer,
      profiler: only('profiler', before, (word) => word === sampler) - observer,
      heap: otherHeap - observer,
      rate: observerRate - observer,
    },
  };
}

/** Allocates, and has the inspector tell the number of the last sample that is alive. */
async function lastOrdinal() {
  const session = new Session();
  session.connect();
  globalThis.kept = Array.from({ length: 1e6 }, (_, i) => ({ i }));
  const { profile } = await new Promise((resolve, reject) => {
    session.post('HeapProfiler.getSamplingProfile', (error, found) =>
      error ? reject(error) : resolve(found),
    );
  });
  return BigInt(Math.max(...profile.samples.map(({ ordinal }) => ordinal)));
}

/** The offsets of the words that are meant. */
function all(words, isMeant) {
  const offsets = words.map((_, index) => 8 * index);
  return offsets.filter((offset) => isMeant(words[offset / 8], offset));
}

function only(what, words, isMeant) {
  const offsets = all(words, isMeant);
  return offsets.length === 1 ? offsets[0] : fail(`the ${what} is there ${offsets.length} times`);
}

function textOf(word = 0n) {
  const bytes = Buffer.alloc(8);
  bytes.writeBigUInt64LE(word);
  return bytes.toString('latin1');
}

function fail(message) {
  throw new Error(message);
}

/** Has each Node find its row. */
function compare(majors) {
  const table = readTable('exact-layouts');
  const nodes = installNodes(majors);
  mkdirSync(dirname(addon), { recursive: true });
  // Node-API is the same in all of them.
  const include = join(dirname(dirname(nodes[0])), 'include', 'node');
  const flags = ['-std=c++17', '-shared', '-fPIC', '-isystem', include, '-o', addon];
  mustRun('c++', [...flags, join(root, 'scripts', 'exact-layout.cc')]);
  for (const node of nodes) {
    const row = JSON.parse(execFileSync(node, [fileURLToPath(import.meta.url), '--here']));
    const isKnown = table.some((known) => isDeepStrictEqual(known, row));
    console.log(JSON.stringify(row), isKnown ? 'as in the table' : 'NOT in the table');
    if (!isKnown) process.exitCode = 1;
  }
}

function readTable(name) {
  return JSON.parse(readFileSync(join(root, 'lib', `${name}.json`), 'utf8'));
}

if (process.argv[2] === '--here') {
  console.log(JSON.stringify(await findRow()));
  // V8 ends badly where it is sampled still.
  process.exit();
} else {
  const asked = process.argv.slice(2).map(Number);
  const verified = readTable('verified-runtimes').filter(({ v8 }) =>
    readTable('exact-layouts').some((row) => row.v8 === v8),
  );
  compare(asked.length > 0 ? asked : verified.map(({ node }) => node));
}
