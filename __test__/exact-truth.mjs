// Whether samples name the function and the line that allocated, by the sizes of objects: what
// exact-accuracy.spec.mjs and bench/exact-accuracy.mjs share. The programs are in fixtures/exact/. In them
//
// - `OBJECT(400)` stands for an object literal of so many bytes, `ARRAY`, `RECORD`, `LIST`, `FIELDS`,
//   `VARIABLES` and `SUM` for other long texts, which all stay on their line;
// - `// @400,432 make` says that objects of these sizes are allocated by the function `make` at this line;
//   `a|b` is either, where versions of V8 differ.
//
// Sizes that a program's optimized code allocates at once, V8 adds up: 808 is 400 and 408, at the line of
// the first. Only those that a comment claims are judged. `node --no-opt` inlines nothing: there V8's own
// stacks show that a claim is true.
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { samplesOf } from './exact-samples.mjs';
import { fixture, runChild } from './helpers.mjs';

export const PROGRAMS = [
  'literals.js',
  'classes.js',
  'calls.js',
  'callbacks.js',
  'builtins.js',
  'templates.js',
  'modules.mjs',
  'evals.js',
];

/** These and the program itself are where its claims are. */
const PARTS = { 'evals.js': ['evaluated.js', 'script.js'] };
/** V8 has no name for the script of an eval. */
const EVALUATED = { name: 'evaluated', file: 'evaluated.js' };
const FILES = [...PROGRAMS, ...Object.values(PARTS).flat()];

/** An object has three words and one for each property, an array's elements two, a context four. */
const properties = (bytes) => bytes / 8 - 3;
const elements = (bytes) => bytes / 8 - 2;
const variables = (bytes) => bytes / 8 - 4;

const list = (count, of, separator) =>
  Array.from({ length: count }, (_, i) => of(i)).join(separator);

const MACROS = {
  OBJECT: (bytes) => `{ ${list(properties(bytes), (i) => `p${i}: i`, ', ')} }`,
  ARRAY: (bytes) => `[${list(elements(bytes), () => 'i', ', ')}]`,
  RECORD: (bytes) => `{ ${list(properties(bytes), (i) => `r${i}: ${i}`, ', ')} }`,
  LIST: (bytes) => `[${list(elements(bytes), String, ', ')}]`,
  FIELDS: (bytes) => list(properties(bytes), (i) => `this.f${i} = i`, '; '),
  VARIABLES: (bytes) => `let ${list(variables(bytes), (i) => `v${i} = i`, ', ')}`,
  SUM: (bytes) => list(variables(bytes), (i) => `v${i}`, ' + '),
};

/** Each function has a loop of its own, into which V8 may inline it, and one with all the others. */
function loopsOf(names) {
  const loop = (calls) => `(n) => { for (let i = 0; i < n; i++) { ${calls} } }`;
  const calls = names.map((name) => `${name}(i);`);
  return `[${[...calls, calls.join(' ')].map(loop).join(', ')}]`;
}

/** Writes the programs with their macros expanded; no line moves. */
export function writePrograms(directory) {
  mkdirSync(directory, { recursive: true });
  const source = fixture('exact');
  for (const name of readdirSync(source).filter((name) => name !== 'run.js')) {
    const text = readFileSync(join(source, name), 'utf8');
    writeFileSync(join(directory, name), expand(text));
  }
  return directory;
}

function expand(text) {
  const names = Object.keys(MACROS).join('|');
  const loops = /LOOPS\(([^)]*)\)/.exec(text)?.[1];
  return text
    .replace(new RegExp(`\\b(${names})\\((\\d+)\\)`, 'g'), (_, name, bytes) => MACROS[name](bytes))
    .replace(/LOOPS\([^)]*\)/, () =>
      loopsOf(
        loops
          .split(',')
          .map((name) => name.trim())
          .filter(Boolean),
      ),
    );
}

/** What a program claims: for each size { kind, places }, a place being `function file line`. */
export function claimsOf(program) {
  const claims = new Map();
  for (const file of [program, ...(PARTS[program] ?? [])]) {
    readFileSync(fixture('exact', file), 'utf8')
      .split('\n')
      .forEach((text, index) => {
        const [, sizes, name] = /\/\/ @([\d,]+) (.+)$/.exec(text) ?? ['', '', ''];
        for (const size of sizes.split(',').filter(Boolean).map(Number)) {
          const names = name.split('|');
          const claim = claims.get(size) ?? { kind: names[0], places: [] };
          claim.places.push(...names.map((of) => ({ name: of, file, line: index + 1 })));
          claims.set(size, claim);
        }
      });
  }
  return claims;
}

/**
 * Runs a program with a Node and judges its samples. Resolves to { status, metadata, kinds, wrong }:
 * `kinds` are rows like NONE with a `kind`, `wrong` counts what was said where function or line are wrong.
 */
export async function judgeProgram(program, directory, options) {
  const { node, execArgv = [], start, isLate = false, ticks = 60, calls = 100 } = options;
  const args = [join(directory, program), JSON.stringify({ start, isLate, ticks, calls })];
  const child = { command: node, execArgv: [...execArgv], timeout: 300_000 };
  const { code, signal, stdout, stderr } = await runChild(fixture('exact', 'run.js'), args, child);
  if (code !== 0) throw new Error(`${program} ended with ${signal ?? code}\n${stderr}`);
  const { first, status, profile } = JSON.parse(stdout);
  const samples = samplesOf(profile).filter(({ ordinal }) => ordinal >= first);
  return { status, metadata: profile.heapProfile, ...judge(samples, claimsOf(program)) };
}

/** All of a kind, and those with an exact stack: how many name the function, and its line. */
const NONE = { samples: 0, name: 0, exact: 0, exactName: 0, exactLine: 0, worse: 0 };

function judge(samples, claims) {
  const kinds = new Map();
  const wrong = new Map();
  for (const { size, isExact, frames } of samples) {
    const claim = claims.get(size);
    if (claim === undefined) continue;
    const row = kinds.get(claim.kind) ?? { kind: claim.kind, ...NONE };
    kinds.set(claim.kind, row);
    const found = verdict(frames, claim.places);
    row.samples++;
    row.name += found.isName;
    row.exact += isExact;
    row.exactName += isExact && found.isName;
    row.exactLine += isExact && found.isLine;
    row.worse += isExact && !found.isName && found.isFurtherOut;
    if (found.isLine) continue;
    const text = `${claim.kind} (${size}): ${found.text}${isExact ? '' : ', not exact'}`;
    wrong.set(text, (wrong.get(text) ?? 0) + 1);
  }
  return { kinds: [...kinds.values()], wrong };
}

/** The sum of rows. */
export function total(rows, kind = 'all') {
  const sum = { kind, ...NONE };
  for (const row of rows) for (const key of Object.keys(NONE)) sum[key] += row[key];
  return sum;
}

/** The program's innermost function is what allocated, be it by a builtin that it called. */
function verdict(frames, places) {
  const at = frames.findIndex(({ name, url }) => FILES.includes(fileOf(name, url)));
  const claimed = (frame) => places.filter((place) => isOf(place, frame));
  const named = at === -1 ? [] : claimed(frames[at]);
  return {
    isName: named.length > 0,
    isLine: named.some(({ line }) => line === frames[at].line),
    /** V8, which knows no inlined function, may have been right. */
    isFurtherOut: frames.some((frame) => claimed(frame).length > 0),
    text: describe(frames.slice(0, Math.max(at, 0) + 2)),
  };
}

function isOf(place, { name, url }) {
  return place.name === name && place.file === fileOf(name, url);
}

function fileOf(name, url) {
  return url === '' && name === EVALUATED.name ? EVALUATED.file : basename(url);
}

function describe(frames) {
  const texts = frames.map(
    ({ name, url, line }) => `${name || '(anonymous)'} ${basename(url)}:${line}`,
  );
  return texts.join(' < ') || 'no frame';
}
