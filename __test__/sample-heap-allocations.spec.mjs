// heap-profile/sample-heap-allocations: the behaviour that programs written for that package know.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { afterEach, beforeEach, mock, test } from 'node:test';
import { pathToFileURL } from 'node:url';
import { promisify } from 'node:util';
import { runInThisContext } from 'node:vm';
import heapProfile from 'heap-profile';
import sh, * as named from 'heap-profile/sample-heap-allocations';
import { runChild, temporaryDirectory } from './helpers.mjs';

const require = createRequire(import.meta.url);
const directory = temporaryDirectory();
const addFormat = promisify(sh.addFormat);
const retained = [];
/** For programs of child processes. */
const requireIt = `require(${JSON.stringify(require.resolve('heap-profile/sample-heap-allocations'))})`;

/** Allocates objects that stay alive, in a function with a name to find. */
function allocateInNamedFunction(count = 2000) {
  for (let i = 0; i < count; i++) retained.push([i, i, i]);
}

/** The first call site of a function in which it allocated. */
function findSite(entries, name) {
  return sitesOf(entries).find((site) => site.name === name && site.allocations.length > 0);
}

function sitesOf(entries) {
  return entries.flatMap(({ callsites }) => callsites);
}

function visit() {
  let entries;
  sh.visitAllocationProfile((given) => {
    entries = given;
  });
  return entries;
}

function sampleNamedFunction() {
  sh.startSampling();
  allocateInNamedFunction();
}

/** A node as collectNodes gives it. */
function node(id, child_ids = [], allocations = []) {
  return { id, child_ids, allocations };
}

/** The nodes that can be reached from one, each once. */
function reach(root) {
  const reached = new Set([root]);
  for (const { children } of reached) for (const child of children) reached.add(child);
  return reached;
}

beforeEach(() => heapProfile.stop());
afterEach(() => {
  heapProfile.stop();
  retained.length = 0;
});

test('required and imported, default and by name, it is the same', () => {
  const required = require('heap-profile/sample-heap-allocations');
  assert.equal(sh, required);
  assert.deepEqual(Object.keys(required), [
    'addFormat',
    'collectAllocations',
    'collectNodes',
    'constructCallgraph',
    'startSampling',
    'stopSampling',
    'visitAllocationProfile',
  ]);
  for (const [name, value] of Object.entries(required)) assert.equal(named[name], value);
});

test('startSampling takes bytes and frames, 32 and 6 unless told', () => {
  const options = () => {
    const { sampleIntervalBytes, stackDepth, include } = heapProfile.status();
    return [sampleIntervalBytes, stackDepth, include];
  };
  sh.startSampling();
  assert.deepEqual(options(), [32, 6, 'live']);
  sh.stopSampling();
  sh.startSampling(1024);
  assert.deepEqual(options(), [1024, 6, 'live']);
  sh.stopSampling();
  sh.startSampling(undefined, 10);
  assert.deepEqual(options(), [32, 10, 'live']);
});

test('startSampling again with the same values does nothing, with others it throws', () => {
  sh.startSampling(64, 10);
  const { startedAt } = heapProfile.status();
  sh.startSampling(64, 10);
  for (const values of [[], [64], [64, 11], [65, 10]]) {
    assert.throws(() => sh.startSampling(...values), { code: 'ERR_ALREADY_SAMPLING' });
  }
  assert.deepEqual(heapProfile.status().startedAt, startedAt);
});

test('stopSampling is harmless when not started; sampling starts again after it', () => {
  sh.stopSampling();
  sh.startSampling();
  sh.stopSampling();
  sh.stopSampling();
  assert.equal(heapProfile.status().active, false);
  sh.startSampling(64, 10);
  assert.equal(heapProfile.status().active, true);
});

test('wrong arguments throw, named as the caller knows them', () => {
  const type = (name) => ({
    name: 'TypeError',
    code: 'ERR_INVALID_ARG_TYPE',
    message: new RegExp(`^The "${name}" argument must be`),
  });
  const range = (name) => ({
    name: 'RangeError',
    code: 'ERR_OUT_OF_RANGE',
    message: new RegExp(`^The value of "${name}" is out of range`),
  });
  const callback = () => assert.fail('called');
  for (const [call, expected] of [
    [() => sh.startSampling('32'), type('interval')],
    [() => sh.startSampling(null), type('interval')],
    [() => sh.startSampling(32, '6'), type('stack_depth')],
    [() => sh.startSampling(0), range('interval')],
    [() => sh.startSampling(1.5), range('interval')],
    [() => sh.startSampling(32, 1025), range('stack_depth')],
    [() => sh.visitAllocationProfile(), type('callback')],
    [() => sh.collectAllocations(null), type('options')],
    [() => sh.collectAllocations(true), type('options')],
    [() => sh.collectAllocations({ stopSampling: 1 }), type('options.stopSampling')],
    [() => sh.collectAllocations({ noCircular: 'no' }), type('options.noCircular')],
    [() => sh.constructCallgraph({}), type('nodes')],
    [() => sh.addFormat(), type('options')],
    [() => sh.addFormat([], callback), type('options')],
    [() => sh.addFormat({}, callback), type('options.allocations')],
    [() => sh.addFormat({ allocations: [] }), type('callback')],
    [
      () => sh.addFormat({ allocations: [], includeSourceLines: '5' }, callback),
      type('options.includeSourceLines'),
    ],
    [
      () => sh.addFormat({ allocations: [], includeSourceLines: -1 }, callback),
      range('options.includeSourceLines'),
    ],
  ]) {
    assert.throws(call, expected);
  }
  assert.equal(heapProfile.status().active, false);
});

test('everything that reads the profile throws ERR_NOT_SAMPLING before startSampling', () => {
  const expected = { code: 'ERR_NOT_SAMPLING' };
  assert.throws(() => sh.visitAllocationProfile(() => assert.fail('called')), expected);
  assert.throws(() => sh.collectAllocations(), expected);
  assert.throws(() => sh.collectAllocations({}), expected);
  assert.throws(() => sh.collectNodes(), expected);
});

test('one session, one owner: each API stops and reads what the other started', () => {
  sh.startSampling();
  allocateInNamedFunction();
  assert.ok(JSON.stringify(heapProfile.get()).includes('allocateInNamedFunction'));
  heapProfile.start();
  assert.throws(() => heapProfile.start({ stackDepth: 64 }), { code: 'ERR_ALREADY_SAMPLING' });
  heapProfile.stop();
  assert.throws(() => sh.collectNodes(), { code: 'ERR_NOT_SAMPLING' });

  heapProfile.start({ sampleIntervalBytes: 64, stackDepth: 32 });
  allocateInNamedFunction();
  assert.ok(findSite(sh.collectAllocations(), 'allocateInNamedFunction'));
  sh.startSampling(64, 32);
  assert.throws(() => sh.startSampling(), { code: 'ERR_ALREADY_SAMPLING' });
  sh.stopSampling();
  assert.equal(heapProfile.status().active, false);
});

test('visitAllocationProfile calls back once, before it returns; what that throws is thrown', () => {
  sh.startSampling();
  const calls = [];
  const returned = sh.visitAllocationProfile((...args) => calls.push(args));
  assert.equal(returned, undefined);
  assert.equal(calls.length, 1);
  assert.equal(calls[0].length, 1);
  assert.ok(Array.isArray(calls[0][0]));
  const fail = () => {
    throw new Error('the program’s own');
  };
  assert.throws(() => sh.visitAllocationProfile(fail), { message: 'the program’s own' });
});

test('a call site says where its function is and what it allocated', () => {
  sampleNamedFunction();
  const entries = visit();
  for (const entry of entries) assert.deepEqual(Object.keys(entry), ['callsites']);
  const site = findSite(entries, 'allocateInNamedFunction');
  const { depth, allocations, script_id, ...position } = site;
  const before = readFileSync(new URL(import.meta.url), 'utf8').split('(count = 2000)')[0];
  assert.deepEqual(position, {
    name: 'allocateInNamedFunction',
    script: import.meta.url,
    start_position: before.length,
    line_number: before.split('\n').length,
    column_number: 'function allocateInNamedFunction'.length + 1,
  });
  const keys = 'depth name script script_id start_position line_number column_number allocations';
  assert.deepEqual(Object.keys(site), keys.split(' '));
  assert.ok(depth >= 1 && script_id > 0);
  const counted = allocations.reduce((sum, { count }) => sum + count, 0);
  assert.ok(counted >= 1000, JSON.stringify(allocations));
  for (const allocation of allocations)
    assert.deepEqual(Object.keys(allocation), ['size', 'count']);
});

/** A tree as entries of [depth, name] in pre-order, made by recursion: the plain way. */
function entriesByRecursion({ children }) {
  const inPreOrder = (child, depth) => [
    [depth, child.name, child.lineNumber],
    ...child.children.flatMap((next) => inPreOrder(next, depth + 1)),
  ];
  return children.map((child) => inPreOrder(child, 1));
}

/** Runs `check` with a given profile: one that samples changes all the time. */
function withProfile(tree, check) {
  const get = mock.method(heapProfile, 'get', () => tree);
  try {
    check();
  } finally {
    get.mock.restore();
  }
}

test('each child of the root is one entry, in pre-order, none lost, the root in none', () => {
  sampleNamedFunction();
  const tree = heapProfile.get();
  assert.ok(tree.children.length >= 2);
  withProfile(tree, () => {
    const entries = visit();
    const found = entries.map(({ callsites }) =>
      callsites.map(({ depth, name, line_number }) => [depth, name, line_number]),
    );
    assert.deepEqual(found, entriesByRecursion(tree));
    assert.ok(!sitesOf(entries).some(({ name }) => name === '(root)'));
  });
});

test('collectAllocations leaves the entries out in which nothing was allocated', () => {
  const site = (name, allocations, children = []) => ({
    ...{ name, scriptName: '', scriptId: 0, startPosition: 0, lineNumber: 0, columnNumber: 0 },
    ...{ nodeId: 0, allocations, children },
  });
  const some = [{ size: 8, count: 1 }];
  const tree = site('(root)', some, [
    site('first', [], [site('nothing', [])]),
    site('second', [], [site('something', some)]),
    site('third', some),
    site('last', []),
  ]);
  withProfile(tree, () => {
    const names = (entries) => entries.map(({ callsites }) => callsites.map(({ name }) => name));
    const kept = [['second', 'something'], ['third']];
    assert.deepEqual(names(sh.collectAllocations()), kept);
    assert.deepEqual(names(sh.collectAllocations(undefined)), kept);
    assert.deepEqual(names(visit()), [['first', 'nothing'], ...kept, ['last']]);
  });
});

test('collectAllocations without an argument goes on sampling', () => {
  sampleNamedFunction();
  assert.ok(findSite(sh.collectAllocations(), 'allocateInNamedFunction'));
  assert.equal(heapProfile.status().active, true);
});

test('collectNodes gives flat nodes that name their children by id', () => {
  sampleNamedFunction();
  const nodes = sh.collectNodes();
  const { id, child_ids, ...root } = nodes[0];
  assert.equal(id, '0:0:0 (root)');
  assert.equal(root.name, '(root)');
  const keys =
    'id script_id script_name name line_number column_number start_position allocations child_ids';
  const ids = new Set(nodes.map((each) => each.id));
  for (const each of nodes) {
    assert.deepEqual(Object.keys(each), keys.split(' '));
    const { script_id, line_number, column_number, name } = each;
    assert.equal(each.id, `${script_id}:${line_number}:${column_number} ${name}`);
    for (const child of each.child_ids) assert.ok(ids.has(child), child);
  }
  assert.ok(child_ids.length > 0);
  const ours = nodes.find(({ name }) => name === 'allocateInNamedFunction');
  assert.equal(ours.script_name, import.meta.url);
  assert.ok(ours.allocations.length > 0);
});

test('constructCallgraph merges nodes of the same id and resolves their children', () => {
  const nodes = [
    node('0:0:0 (root)', ['a', 'b']),
    node('a', ['c'], [{ size: 8, count: 1 }]),
    node('c', ['d']),
    node('d'),
    node('b', ['c', 'gone'], [{ size: 16, count: 2 }]),
    node('c', ['d', 'e'], [{ size: 24, count: 3 }]),
    node('e', [], [{ size: 8, count: 1 }]),
    node('d', [], [{ size: 8, count: 1 }]),
  ];
  const before = structuredClone(nodes);
  const root = sh.constructCallgraph(nodes);
  assert.deepEqual(nodes, before);
  const [a, b] = root.children;
  assert.deepEqual([root.id, a.id, b.id], ['0:0:0 (root)', 'a', 'b']);
  const [c] = a.children;
  assert.deepEqual(b.child_ids, ['c', 'gone']);
  assert.deepEqual(b.children, [c]);
  assert.equal(b.children[0], c);
  assert.deepEqual(c.child_ids, ['d', 'e']);
  assert.deepEqual(
    c.children.map(({ id }) => id),
    ['d', 'e'],
  );
  assert.deepEqual(c.allocations, [{ size: 24, count: 3 }]);
  assert.deepEqual(c.children[0].allocations, [{ size: 8, count: 1 }]);
  assert.equal(reach(root).size, 6);
});

test('constructCallgraph wants the root', () => {
  const expected = { name: 'TypeError', code: 'ERR_INVALID_ARG_VALUE', message: /0:0:0 \(root\)/ };
  assert.throws(() => sh.constructCallgraph([]), expected);
  assert.throws(() => sh.constructCallgraph([node('a')]), expected);
});

test('functions that call each other are cycles of the call graph, which noCircular cuts', () => {
  function recurse(depth) {
    return depth === 0 ? allocateInNamedFunction() : again(depth);
  }
  function again(depth) {
    recurse(depth - 1);
    retained.push([depth]);
  }
  const findIn = (root, name) => [...reach(root)].find((each) => each.name === name);
  sh.startSampling(32, 64);
  recurse(8);

  const circular = sh.collectAllocations({ stopSampling: false, noCircular: false });
  const again1 = findIn(circular, 'again');
  assert.ok(again1.children.some((child) => child.children.includes(again1)));

  const cut = sh.collectAllocations({ stopSampling: false });
  const names = ({ children }) => children.map(({ name }) => name).sort();
  assert.deepEqual(names(findIn(cut, 'recurse')), ['again', 'allocateInNamedFunction']);
  assert.deepEqual(names(findIn(cut, 'again')), []);
  assert.equal(findIn(cut, 'again').child_ids.length, 1);
  assertAcyclic(cut);
});

/** Takes functions away that call nothing (else); in a cycle every function calls another. */
function assertAcyclic(root) {
  const left = reach(root);
  for (let size = -1; size !== left.size; ) {
    size = left.size;
    for (const each of left) {
      if (!each.children.some((child) => left.has(child))) left.delete(each);
    }
  }
  assert.deepEqual(
    [...left].map(({ id }) => id),
    [],
  );
}

test('collectAllocations with an object returns the call graph and stops, unless told not to', () => {
  sampleNamedFunction();
  const has = (root) => [...reach(root)].some(({ name }) => name === 'allocateInNamedFunction');
  assert.ok(has(sh.collectAllocations({ stopSampling: false })));
  assert.equal(heapProfile.status().active, true);
  assert.ok(has(sh.collectAllocations({})));
  assert.equal(heapProfile.status().active, false);
});

test('a stack of 1,000 frames goes through everything', () => {
  const descend = (depth) => (depth === 0 ? allocateInNamedFunction() : void descend(depth - 1));
  sh.startSampling(32, 1000);
  descend(1100);
  assert.equal(Math.max(...sitesOf(sh.collectAllocations()).map(({ depth }) => depth)), 1000);
  const nodes = sh.collectNodes();
  assert.ok(nodes.filter(({ name }) => name === 'descend').length >= 999);
  assertAcyclic(sh.collectAllocations({}));
});

test('a chain of 250,000 functions neither overflows the stack nor takes for ever', () => {
  const length = 250_000;
  const nodes = [node('0:0:0 (root)', ['0'])];
  for (let i = 0; i < length; i++) nodes.push(node(String(i), [String((i + 1) % length)]));
  const root = sh.constructCallgraph(nodes);
  assert.equal(reach(root).size, length + 1);

  const tree = { name: '(root)', scriptId: 0, lineNumber: 0, columnNumber: 0, children: [] };
  for (let i = 0, at = tree; i < length; i++) {
    at.allocations = [];
    at.children = [{ name: `f${i}`, scriptId: 1, lineNumber: 1, columnNumber: 1, children: [] }];
    [at] = at.children;
    at.allocations = [];
  }
  withProfile(tree, () => {
    assert.equal(visit()[0].callsites.at(-1).depth, length);
    assert.equal(reach(sh.collectAllocations({})).size, length + 1);
  });
});

/** Call sites of one script, for addFormat. */
function entriesOf(script, sites) {
  const rest = { depth: 1, name: 'f', script_id: 1, start_position: 0, column_number: 3 };
  const allocations = [{ size: 16, count: 2 }];
  return [{ callsites: sites.map((site) => ({ script, allocations, ...rest, ...site })) }];
}

function writeLines(name, count, end = '\n') {
  const path = join(directory, name);
  writeFileSync(path, Array.from({ length: count }, (_, i) => `line ${i + 1}`).join(end));
  return path;
}

function sources(entries) {
  return sitesOf(entries).map(({ formatted }) => formatted.source);
}

test('addFormat adds location, allocations and source to the call sites of a profile', async () => {
  sampleNamedFunction();
  const entries = sh.collectAllocations();
  assert.equal(await addFormat({ allocations: entries }), entries);
  for (const site of sitesOf(entries)) {
    const { location, allocations, source } = site.formatted;
    assert.equal(location, `${site.script}:${site.line_number}:${site.column_number}`);
    assert.deepEqual(
      allocations,
      site.allocations.map(({ size, count }) => `${count} x ${size}`),
    );
    if (site.script.startsWith('node:')) assert.equal(source, undefined);
  }
  const { source } = findSite(entries, 'allocateInNamedFunction').formatted;
  assert.equal(source.length, 5);
  assert.deepEqual(source.slice(0, 2), [
    'function allocateInNamedFunction(count = 2000) {',
    '  for (let i = 0; i < count; i++) retained.push([i, i, i]);',
  ]);
});

test('as many lines of source as asked for, of those that there are', async () => {
  const script = writeLines('ten.js', 10);
  const sites = [{ line_number: 1 }, { line_number: 9 }, { line_number: 11 }, { line_number: 0 }];
  const formatWith = async (options) =>
    sources(await addFormat({ allocations: entriesOf(script, sites), ...options }));
  const none = [undefined, undefined];
  assert.deepEqual(await formatWith({ includeSourceLines: 2 }), [
    ['line 1', 'line 2'],
    ['line 9', 'line 10'],
    ...none,
  ]);
  assert.equal((await formatWith({}))[0].length, 5);
  const many = await formatWith({ includeSourceLines: 100 });
  assert.deepEqual([many[0].length, many[1].length, ...many.slice(2)], [10, 2, ...none]);
  assert.deepEqual(await formatWith({ includeSourceLines: 0 }), [...none, ...none]);
});

test('lines are counted as V8 counts them', async () => {
  for (const end of ['\r\n', '\r', '\u2028']) {
    const script = writeLines('ends.js', 4, end);
    const allocations = entriesOf(script, [{ line_number: 3 }]);
    assert.deepEqual(sources(await addFormat({ allocations })), [['line 3', 'line 4']]);
  }
});

test('only call sites that allocated in a readable file have source', async () => {
  const path = writeLines('readable file.js', 3);
  const site = { line_number: 3 };
  for (const script of [path, pathToFileURL(path).href, `${pathToFileURL(path).href}?query`]) {
    const allocations = entriesOf(script, [site, { ...site, allocations: [] }]);
    assert.deepEqual(sources(await addFormat({ allocations })), [['line 3'], undefined]);
  }
  for (const script of [
    '',
    'node:fs',
    'evalmachine.<anonymous>',
    'https://example.org/a.js',
    'file://elsewhere/a.js',
    'file:///a%2Fb.js',
    'relative.js',
    join(directory, 'missing.js'),
    'nul\0.js',
    '/nul\0.js',
    directory,
  ]) {
    const formatted = await addFormat({ allocations: entriesOf(script, [site]) });
    assert.deepEqual(sources(formatted), [undefined], script);
    assert.equal(formatted[0].callsites[0].formatted.location, `${script}:3:3`);
  }
});

test('nothing waits for a pipe that a script is named after', async () => {
  const pipe = join(directory, 'pipe.js');
  execFileSync('mkfifo', [pipe]);
  const program = join(directory, 'pipe-program.cjs');
  const allocations = entriesOf(pipe, [{ line_number: 1 }]);
  writeFileSync(
    program,
    `const sh = ${requireIt};
    sh.addFormat({ allocations: ${JSON.stringify(allocations)} }, (error, [{ callsites }]) => {
      console.log(error, Object.keys(callsites[0].formatted).join());
    });`,
  );
  const { stdout, stderr } = await runChild(program, [], { timeout: 20_000 });
  assert.equal(stdout, 'null location,allocations\n', stderr);
});

test('each file is read once, however many call sites it has', async () => {
  const path = writeLines('once.js', 3);
  const other = writeLines('other.js', 3);
  const sites = [{ line_number: 1 }, { line_number: 2 }];
  const allocations = [
    ...entriesOf(path, sites),
    ...entriesOf(pathToFileURL(path).href, sites),
    ...entriesOf(other, sites),
    ...entriesOf(path, sites),
  ];
  // In a child, whose readFile is replaced before the module takes it.
  const program = join(directory, 'once-program.cjs');
  writeFileSync(
    program,
    `const fs = require('node:fs/promises');
    const { readFile } = fs;
    const reads = [];
    fs.readFile = (file, ...rest) => { reads.push(file); return readFile(file, ...rest); };
    const sh = ${requireIt};
    sh.addFormat({ allocations: ${JSON.stringify(allocations)} }, (error, formatted) => {
      const sites = formatted.flatMap(({ callsites }) => callsites);
      console.log(JSON.stringify([error, reads, sites.every((site) => site.formatted.source)]));
    });`,
  );
  const { stdout, stderr } = await runChild(program);
  assert.deepEqual(JSON.parse(stdout), [null, [path, other], true], stderr);
});

test('addFormat calls back later, once; an error is what is wrong with the allocations', async () => {
  for (const allocations of [[], entriesOf(writeLines('later.js', 3), [{ line_number: 1 }])]) {
    for (const includeSourceLines of [0, 5]) {
      const calls = [];
      const returned = sh.addFormat({ allocations, includeSourceLines }, (...args) =>
        calls.push(args),
      );
      assert.equal(returned, undefined);
      assert.deepEqual(calls, []);
      await new Promise((resolve) => setTimeout(resolve, 50));
      assert.deepEqual(calls, [[null, allocations]]);
    }
  }
  await assert.rejects(addFormat({ allocations: [null] }), TypeError);
});

test('what a callback of addFormat throws is an uncaught exception of the program, once', async () => {
  const program = join(directory, 'throws.cjs');
  writeFileSync(
    program,
    `const sh = ${requireIt};
    let calls = 0;
    process.on('unhandledRejection', () => console.log('rejection'));
    process.on('uncaughtException', (error) => console.log(error.message, calls));
    sh.addFormat({ allocations: [] }, () => { calls++; throw new Error('mine'); });`,
  );
  const { code, stdout, stderr } = await runChild(program);
  assert.deepEqual([code, stdout], [0, 'mine 1\n'], stderr);
});

test('scripts of CommonJS modules and of vm are found by their names', async () => {
  const cjs = join(directory, 'module.cjs');
  const body = 'const all = []; for (let i = 0; i < 500; i++) all.push([i]); return all;';
  writeFileSync(cjs, `#!/usr/bin/env node\n\nexports.f = function inCommonJS() { ${body} };\n`);
  const { f } = require(cjs);
  const g = runInThisContext(`(function inScript() { ${body} })`, { filename: 'made-up.js' });
  sh.startSampling();
  retained.push(f(), g());
  const formatted = await addFormat({ allocations: sh.collectAllocations() });
  const { source } = findSite(formatted, 'inCommonJS').formatted;
  assert.deepEqual(source, [`exports.f = function inCommonJS() { ${body} };`, '']);
  assert.equal(findSite(formatted, 'inScript').formatted.source, undefined);
});

test('requiring it does nothing: no addon is loaded', async () => {
  const program = join(directory, 'require.cjs');
  writeFileSync(
    program,
    `${requireIt};
    const { sharedObjects } = process.report.getReport();
    console.log(sharedObjects.filter((file) => file.includes('heap-profile.')).length);`,
  );
  const { stdout, stderr } = await runChild(program);
  assert.equal(stdout, '0\n', stderr);
});
