// The one shared object: what it needs, what it shows, that it stays mapped. ELF only: elsewhere
// the linker has no such notions. readelf and nm come with every C++ compiler on Linux.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { createRequire } from 'node:module';
import { test } from 'node:test';

const { binaryPaths } = createRequire(import.meta.url)('../lib/native.js');
const binary = binaryPaths().find((path) => existsSync(path));
const isElf = process.platform === 'linux';

// All that the shim calls, found with these mangled names in Node 18, 20, 22, 24, 25 and 26.
const V8_SYMBOLS = [
  '_ZN2v810StackTrace17CurrentStackTraceEPNS_7IsolateEiNS0_17StackTraceOptionsE',
  '_ZN2v812HeapProfiler20GetAllocationProfileEv',
  '_ZN2v812HeapProfiler24StopSamplingHeapProfilerEv',
  '_ZN2v812HeapProfiler25StartSamplingHeapProfilerEmiNS0_13SamplingFlagsE',
  '_ZN2v82V810GetVersionEv',
  '_ZN2v87Isolate13TryGetCurrentEv',
  '_ZN2v87Isolate15GetHeapProfilerEv',
  '_ZN2v87Isolate17GetHeapStatisticsEPNS_14HeapStatisticsE',
  '_ZN2v87Isolate21AddGCEpilogueCallbackEPFvPS0_NS_6GCTypeENS_15GCCallbackFlagsEPvES4_S2_',
  '_ZN2v87Isolate23GetArrayBufferAllocatorEv',
  '_ZN2v87Isolate24AddNearHeapLimitCallbackEPFmPvmmES1_',
  '_ZN2v87Isolate24RemoveGCEpilogueCallbackEPFvPS0_NS_6GCTypeENS_15GCCallbackFlagsEPvES4_',
  '_ZN2v87Isolate27RemoveNearHeapLimitCallbackEPFmPvmmEm',
  '_ZN2v87Isolate36AutomaticallyRestoreInitialHeapLimitEd',
  '_ZN2v87Isolate9InContextEv',
  '_ZNK2v810StackFrame11GetLocationEv',
  '_ZNK2v810StackFrame11GetScriptIdEv',
  '_ZNK2v810StackFrame13GetScriptNameEv',
  '_ZNK2v810StackFrame15GetFunctionNameEv',
  '_ZNK2v810StackTrace13GetFrameCountEv',
  '_ZNK2v810StackTrace8GetFrameEPNS_7IsolateEj',
];

function lines(command, ...args) {
  return execFileSync(command, [...args, binary], { encoding: 'utf8' })
    .trim()
    .split('\n');
}

function symbols(kind) {
  return lines('nm', '-D', kind).map((line) => line.trim().split(/\s+/).pop());
}

test('needs no C++ runtime library', { skip: !isElf }, () => {
  const needed = lines('readelf', '-d').filter((line) => line.includes('(NEEDED)'));
  assert.ok(needed.length > 0);
  assert.deepEqual(
    needed.filter((line) => /stdc\+\+|libc\+\+/.test(line)),
    [],
  );
});

test('is never unmapped', { skip: !isElf }, () => {
  assert.ok(lines('readelf', '-d').some((line) => /\(FLAGS_1\).*NODELETE/.test(line)));
});

test('shows nothing but what Node-API asks for', { skip: !isElf }, () => {
  assert.deepEqual(symbols('--defined-only'), ['napi_register_module_v1']);
});

test('calls only what every supported V8 has', { skip: !isElf }, () => {
  const undefinedSymbols = symbols('--undefined-only');
  const mangled = undefinedSymbols.filter((name) => name.startsWith('_Z'));
  assert.deepEqual(mangled.sort(), V8_SYMBOLS);
  // node::ObjectWrap and its like would be among them.
  assert.ok(!undefinedSymbols.some((name) => name.includes('4node')));
});
