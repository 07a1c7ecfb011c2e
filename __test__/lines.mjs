// A profile with exact stacks, made by hand of what fixtures/lines/cache.js does, so that no test of lines needs a
// runtime that can have them. `node __test__/lines.mjs` writes it to fixtures/lines/cache.heapprofile.
import { writeFileSync } from 'node:fs';
import { pathToFileURL } from 'node:url';
import { fixture } from './helpers.mjs';

const INTERVAL = 512;

/** Of objects: their size, and by the line that allocates them how many of ten. */
const OBJECTS = [
  { nodeId: 3, line: 8, size: 416, of: 6 },
  { nodeId: 3, line: 7, size: 40, of: 2 },
  { nodeId: 4, line: 8, size: 416, of: 1 },
  // Set grows the table: a function of V8's, which has no lines.
  { nodeId: 5, line: 0, size: 1024, of: 1 },
];

function node(id, functionName, url, place, members, ...children) {
  const [lineNumber, columnNumber] = place;
  const callFrame = { functionName, scriptId: '1', url, lineNumber, columnNumber };
  return { callFrame, selfSize: 0, id, ...members, children };
}

/** Lines as files have them, from 0; a line that is unknown is left out. */
function lineOf(name, line) {
  return line === 0 ? {} : { [name]: line - 1 };
}

/** Adds up in the nodes what the samples hold. */
function addUp(head, samples) {
  const pending = [head];
  while (pending.length > 0) {
    const one = pending.pop();
    const own = samples.filter(({ nodeId }) => nodeId === one.id);
    one.selfSize = own.reduce((sum, { size }) => sum + size, 0);
    pending.push(...one.children);
  }
  return head;
}

/**
 * The profile after so many times ten sampled objects; `changes` is what the file says otherwise of itself.
 */
export function linedProfile(url = '/srv/cache.js', tens = 6, changes = {}) {
  const all = Array.from({ length: tens }, () =>
    OBJECTS.flatMap(({ of, ...kind }) => Array(of).fill(kind)),
  ).flat();
  const samples = all.map(({ nodeId, line, size }, ordinal) => {
    const estimate = size / (1 - Math.exp(-size / INTERVAL));
    return { size: estimate, nodeId, ordinal: ordinal + 1, ...lineOf('lineNumber', line) };
  });
  const remember = (id, line, ...calls) =>
    node(id, 'remember', url, [5, 17], lineOf('callLineNumber', line), ...calls);
  const grow = node(5, 'set', '', [-1, -1], lineOf('callLineNumber', 9));
  const handle = node(2, 'handle', url, [11, 15], {}, remember(3, 13), remember(4, 14, grow));
  const head = node(1, '(root)', '', [-1, -1], {}, handle);
  const exactStacks = { enabled: true, exactSamples: samples.length, v8Samples: 0 };
  const heapProfile = {
    version: '1.0.0',
    sessionId: 'lines',
    startedAt: '2026-01-01T00:00:00.000Z',
    sampleIntervalBytes: INTERVAL,
    include: 'live',
    exactStacks,
    takenAt: new Date(Date.UTC(2026, 0, 1, tens)).toISOString(),
    fullCollections: tens,
    ...changes,
  };
  return { head: addUp(head, samples), samples, heapProfile };
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) {
  const file = fixture('lines', 'cache.heapprofile');
  writeFileSync(file, `${JSON.stringify(linedProfile(), null, 1)}\n`);
}
