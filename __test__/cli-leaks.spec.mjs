// What `heap-profile leaks` says to who has thirty seconds: the process, the paragraph of a leak, what to do
// next. The verdicts themselves are in cli-analysis.spec.mjs and in the core's tests.
import assert from 'node:assert/strict';
import { existsSync, mkdirSync, readdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { basename, join } from 'node:path';
import { test } from 'node:test';
import { buildSync } from 'esbuild';
import {
  cli,
  cliInTerminal,
  fixture,
  NO_WISHES,
  noTerminal,
  root,
  runChild,
  temporaryDirectory,
} from './helpers.mjs';

const require = createRequire(import.meta.url);
const { Snapshot } = require(root);
const { binaryPaths } = require('../lib/native.js');
const HOUR_MS = 3_600_000;
const MIB = 2 ** 20;

/** A sampled object of 64 bytes, as files estimate it at an interval of as many. */
const ESTIMATE = 64 / (1 - Math.exp(-1));

/**
 * Files of a session, an hour apart and with a full collection between two, in which each stack (frames as
 * `[name, url]`, the outermost first) has so many objects more in each. `usage` says what a file tells of
 * the process.
 */
function writeSession(directory, stacks, { count = 12, usage = () => ({}) } = {}) {
  mkdirSync(directory, { recursive: true });
  return Array.from({ length: count }, (_, at) => {
    const samples = [];
    let id = 1;
    const head = nodeOf('(root)', '', id);
    stacks.forEach(({ frames, each = 0, kept = 0 }, stack) => {
      let node = head;
      for (const [name, url] of frames) {
        id += 1;
        node.children.push(nodeOf(name, url, id));
        node = node.children.at(-1);
      }
      for (let object = 0; object < kept + each * (at + 1); object++) {
        const born = object < kept ? 0 : Math.floor((object - kept) / each);
        samples.push({
          size: ESTIMATE,
          nodeId: id,
          ordinal: 1e5 * born + 10 * (object + 1) + stack,
        });
        node.selfSize += ESTIMATE;
      }
    });
    samples.sort((one, other) => one.ordinal - other.ordinal);
    const takenAt = new Date(at * HOUR_MS);
    const session = { version: '1.0.0', sessionId: 'one', sampleIntervalBytes: 64 };
    const heapProfile = { ...session, takenAt, fullCollections: at, ...usage(at) };
    const file = join(directory, `${String(at).padStart(2, '0')}.heapprofile`);
    writeFileSync(file, JSON.stringify({ head, samples, heapProfile }));
    return file;
  });
}

function nodeOf(functionName, url, id) {
  const lineNumber = url === '' ? -1 : 6;
  const callFrame = { functionName, scriptId: '1', url, lineNumber, columnNumber: lineNumber };
  return { callFrame, selfSize: 0, id, children: [] };
}

/** Of MiB. */
function memoryUsage(rss, heap, arrayBuffers = 0, external = arrayBuffers) {
  const bytes = { rss, heapTotal: heap, heapUsed: heap, external, arrayBuffers };
  return Object.fromEntries(Object.entries(bytes).map(([name, size]) => [name, size * MIB]));
}

async function leaks(...args) {
  const { code, stdout, stderr } = await cli(['leaks', ...args]);
  assert.equal(stderr, '');
  return { code, stdout };
}

const LEAK = { frames: [['remember', '/app/cache.js']], each: 20 };

test('the answer starts with what the process did, and says where else to look', async () => {
  for (const [change, expected] of [
    [
      (at) => memoryUsage(70 + 6 * at, 10 + at, 4 + 4 * at),
      /^Process: heap 10 -> 21 MiB, ArrayBuffers 4 -> 48 MiB \(outside V8's heap, not attributed here\), RSS 70 -> 136 MiB in 11 h 0 min\nLook outside the heap first: RSS grew by 66 MiB, ArrayBuffers .* by 44 MiB: .*\nLEAK /,
    ],
    [
      (at) => memoryUsage(70 + 6 * at, 10, 4, 4 + 4 * at),
      /^Process: .*\nLook outside .* \(external\) by 44 MiB: .*\nLEAK /,
    ],
    [
      (at) => memoryUsage(70 + 6 * at, 10),
      /^Process: .*\nLook outside .*: look at native code, other threads/,
    ],
    [(at) => memoryUsage(70 + 6 * at, 10 + 6 * at), /^Process: .*\nLEAK /],
  ]) {
    const usage = (at) => ({ memoryUsage: change(at) });
    const { stdout } = await leaks(...writeSession(temporaryDirectory(), [LEAK], { usage }));
    assert.match(stdout, expected);
  }
  const { stdout } = await leaks(...writeSession(temporaryDirectory(), [LEAK]));
  assert.match(stdout, /^LEAK /);
});

test('of a worker thread the heap is its own, and the resident set that of all', async () => {
  const usage = (at) => ({ threadId: 3, memoryUsage: memoryUsage(70 + at, 10 + at) });
  const files = writeSession(temporaryDirectory(), [LEAK], { usage });
  assert.match((await leaks(...files)).stdout, /^Process: heap of thread 3 10 -> 21 MiB, /);
});

test('where no full collection was, what the process did is told all the same, after that', async () => {
  const usage = (at) => ({ fullCollections: 3, memoryUsage: memoryUsage(70 + at, 10 + at) });
  const { code, stdout } = await leaks(...writeSession(temporaryDirectory(), [LEAK], { usage }));
  assert.equal(code, 0);
  assert.match(
    stdout,
    /^V8 has made 0 full collections .*\nWait, .*\nProcess: heap 10 -> 21 MiB, /,
  );
});

test('memory that a program keeps in Buffers is told', async () => {
  const program = join(temporaryDirectory(), 'buffers.cjs');
  const code = `
    const heapProfile = require(${JSON.stringify(root)});
    heapProfile.start();
    const base = heapProfile.snapshot();
    globalThis.kept = Buffer.alloc(64 * 2 ** 20, 1);
    heapProfile.snapshot().diff(base).then((answer) => console.log(JSON.stringify(answer.process)));`;
  writeFileSync(program, code);
  const { stdout } = await runChild(program);
  const { before, after, elsewhere, heapSizeLimit, threadId } = JSON.parse(stdout);
  assert.equal(elsewhere, 'array-buffers');
  assert.ok(after.arrayBuffers - before.arrayBuffers >= 64 * 2 ** 20);
  assert.ok(heapSizeLimit > after.heapUsed && threadId === 0);
});

test('a leak is told as the time until the heap is full', async () => {
  // It grows by some 2 KiB an hour, and there are 20 KiB left.
  const usage = () => ({
    memoryUsage: memoryUsage(100, 10),
    heapSizeLimit: 10 * MIB + 20 * 1024,
  });
  const files = writeSession(temporaryDirectory(), [LEAK], { usage });
  const { code, stdout } = await leaks(...files);
  assert.equal(code, 3);
  assert.match(
    stdout,
    /^LEAK {2}\+[\d.]+ KiB\/h \(95 %: [\d.]+ to [\d.]+ KiB\), 100 % of the heap's growth; at this rate the heap limit of 10\.0 MiB is reached in \d+ h \d+ min$/m,
  );
});

test('a leak that does not fill the heap within a month is in the answer, and is no news', async () => {
  const usage = () => ({ memoryUsage: memoryUsage(100, 10), heapSizeLimit: 4096 * MIB });
  const files = writeSession(temporaryDirectory(), [LEAK], { usage });
  const { code, stdout } = await leaks(...files);
  assert.equal(code, 0);
  assert.match(stdout, /\nNo leak found\.\n/);
  assert.match(
    stdout,
    /\n1 site grows too slowly to fill the heap \(4 GiB at most\) within a month\.\n/,
  );
  const answer = JSON.parse((await leaks(...files, '--json')).stdout);
  const [{ verdict, reason, growthBytesPerHour, heapLimitMs }] = answer.sites;
  assert.deepEqual([answer.verdict, verdict, reason], ['steady', 'steady', 'too-slow']);
  assert.deepEqual(answer.leaks, []);
  const hours = (4086 * MIB) / growthBytesPerHour.estimate;
  assert.ok(Math.abs(heapLimitMs / HOUR_MS / hours - 1) < 1e-9);
});

test("what Node.js's functions do on their own comes after a leak of the program, and says what it is", async () => {
  const parser = { frames: [['parserOnHeadersComplete', 'node:_http_common']], each: 60 };
  const both = await leaks(...writeSession(temporaryDirectory(), [parser, LEAK]));
  assert.match(
    both.stdout,
    /^LEAK .*\n {6}allocated {2}remember .*(\n {6}.*)+\nLEAK .*\n {6}allocated {2}parserOnHeadersComplete /,
  );
  assert.equal(both.stdout.match(/^ {6}next /gm).length, 1);
  assert.match(
    both.stdout,
    /\n {6}what {7}a function of Node\.js, which no function of the program had called/,
  );
  const few = await leaks(...writeSession(temporaryDirectory(), [parser], { count: 11 }));
  assert.equal(few.code, 0);
  assert.match(
    few.stdout,
    /^No leak is certain\.\nGROWING .*\n {6}allocated .*\n {6}what .*\n {6}why {8}.*more than ten full collections/,
  );
  const many = await leaks(...writeSession(temporaryDirectory(), [parser], { count: 12 }));
  assert.equal(many.code, 3);
});

test("the path is the program's, from where one is", async () => {
  const directory = temporaryDirectory();
  const frames = [
    ['processTimers', 'node:internal/timers'],
    ['handle', `${directory}/node_modules/express/lib/router.js`],
    ['next', `${directory}/node_modules/@scope/router/index.js`],
    ['GET handler', `file://${directory}/src/app.js`],
    ['lookup', `${directory}/src/cache.js`],
    ['set', `${directory}/node_modules/lru/index.js`],
  ];
  const files = writeSession(join(directory, 'profiles'), [{ frames, each: 20 }]);
  const { stdout } = await cli(['leaks', ...files], { cwd: directory });
  assert.match(stdout, /\n {6}allocated {2}.*set lru\/index\.js:7 \(100 %\)\n/);
  assert.match(
    stdout,
    /\n {6}path {7}GET handler src\/app\.js:7 > lookup src\/cache\.js:7 > set lru\/index\.js:7 {3}\(3 frames of @scope\/router, express and node hidden\)\n/,
  );
  assert.doesNotMatch(stdout, /called from/);
  assert.match(
    (await cli(['leaks', ...files, '--verbose'])).stdout,
    /called from lookup .* < processTimers/,
  );
});

test('the path is that of the first site that the program leads to', async () => {
  const handle = ['handle', '/app/node_modules/router/index.js'];
  const inlined = { frames: [handle], each: 40 };
  const called = { frames: [handle, ['onRequest', '/app/app.js']], each: 5 };
  called.frames.push(['send', '/app/node_modules/router/send.js']);
  const { stdout } = await leaks(...writeSession(temporaryDirectory(), [inlined, called]));
  assert.match(
    stdout,
    /^LEAK .*\n {6}through {4}handle .*\n {6}allocated {2}handle .*\n {6}path {7}.*onRequest \/app\/app\.js:7 > send /,
  );
});

test('a long path is told by its ends', async () => {
  const frames = Array.from({ length: 30 }, (_, at) => [`f${at}`, '/app/deep.js']);
  const { stdout } = await leaks(...writeSession(temporaryDirectory(), [{ frames, each: 20 }]));
  assert.match(
    stdout,
    / {6}path {7}f0 \S+ > f1 \S+ > f2 \S+ > 23 more > f26 \S+ > f27 \S+ > f28 \S+ > f29 \S+$/m,
  );
});

test('what stays is a sparkline and a sentence', async () => {
  const { stdout } = await leaks(...writeSession(temporaryDirectory(), [LEAK]));
  assert.match(
    stdout,
    /^ {6}stays {6}█{10} of what is older than one full collection 100 % \(95 %: \d+ to 100 %\) is alive at the end$/m,
  );
});

test('where the current directory was removed the answer is given all the same', {
  skip: process.platform === 'win32' && 'Windows keeps it',
}, async () => {
  const directory = temporaryDirectory();
  writeSession(directory, [LEAK]);
  const program = `
    const { mkdtempSync, rmdirSync } = require('node:fs');
    const { execPath, argv } = process;
    const here = mkdtempSync(argv[1] + '/gone-');
    process.chdir(here);
    rmdirSync(here);
    const how = { stdio: 'inherit' };
    require('node:child_process').spawnSync(execPath, argv.slice(2), how);`;
  const script = join(root, 'bin', 'heap-profile.js');
  const args = [program, directory, script, 'leaks', directory];
  const { stdout, stderr } = await runChild('-e', args, { env: NO_WISHES });
  assert.equal(stderr, '');
  assert.ok(stdout.includes(`next       node ${script} flamegraph ${directory}/`), stdout);
});

test('the next command works as it is printed', async () => {
  const directory = join(temporaryDirectory(), "it's a $HOME");
  writeSession(directory, [LEAK]);
  const { stdout } = await cli(['leaks', '.'], { cwd: directory });
  const [, command] = /^ {6}next {7}(node .*)$/m.exec(stdout);
  for (const [line, cwd] of [
    [command, directory],
    [/^ {6}next {7}(node .*)$/m.exec((await leaks(directory)).stdout)[1], process.cwd()],
  ]) {
    const output = join(temporaryDirectory(), 'graph.html');
    const { code, stderr } = await runChild('-c', [`${line} -o ${output}`], { command: 'sh', cwd });
    assert.equal(code, 0, stderr);
    assert.match(line, /00\.heapprofile/);
    assert.match(line, /11\.heapprofile.* --base /);
  }
});

test('colours are for terminals, unless the environment says otherwise', {
  skip: noTerminal,
}, async () => {
  const files = writeSession(temporaryDirectory(), [LEAK]);
  const red = '\u001b[31mLEAK\u001b[39m';
  assert.ok((await cliInTerminal(['leaks', ...files])).stdout.includes(red));
  const noColor = { env: { NO_COLOR: '1' } };
  assert.ok(!(await cliInTerminal(['leaks', ...files], noColor)).stdout.includes('\u001b[3'));
  assert.ok(!(await leaks(...files)).stdout.includes('\u001b'));
  const forced = await cli(['leaks', ...files], { env: { FORCE_COLOR: '1' } });
  assert.ok(forced.stdout.includes(red));
});

test('where there is no leak: what was looked at, what would have been seen, and how to see more', async () => {
  const still = { frames: [['load', '/app/table.js']], kept: 20 };
  const files = writeSession(temporaryDirectory(), [still], { count: 6 });
  const { stdout } = await leaks(...files);
  assert.match(
    stdout,
    /^No leak found\.\n6 snapshots over 5 h 0 min, 5 full collections between them\.\nA leak of ([\d.]+) B an hour would .* at this interval of 64 B\.\nTo see one of ([\d.]+) B an hour, go on for 5 h 0 min more\.\n/,
  );
  // What is promised is delivered.
  const { detectable } = await Snapshot.leaks(files);
  const longer = writeSession(temporaryDirectory(), [still], { count: 11 });
  assert.ok((await Snapshot.leaks(longer)).detectable <= detectable / 2);
});

test('where many functions grow a little each, the whole is told', async () => {
  const stacks = Array.from({ length: 40 }, (_, at) => {
    return { frames: [[`part${at}`, '/app/request.js']], each: 1 };
  });
  const { code, stdout } = await leaks(...writeSession(temporaryDirectory(), stacks, { count: 6 }));
  assert.equal(code, 0);
  assert.match(
    stdout,
    /^No leak found\.\nBut the heap as a whole grew, by [\d.]+ KiB an hour \(95 %: [\d.]+ to [\d.]+ KiB\), no function by enough .*\n6 snapshots /,
  );
});

test('all that matters would have been seen: there is nothing to change', async () => {
  const still = { frames: [['load', '/app/table.js']], kept: 20 };
  const usage = () => ({ memoryUsage: memoryUsage(100, 10), heapSizeLimit: 4096 * MIB });
  const { stdout } = await leaks(...writeSession(temporaryDirectory(), [still], { usage }));
  assert.match(
    stdout,
    /\nWhat is smaller does not fill the heap \(4 GiB at most\) within a month\.\n/,
  );
  assert.doesNotMatch(stdout, /To see/);
});

test('Markdown and JSON are complete, text is not unless it is asked for', async () => {
  const files = writeSession(temporaryDirectory(), [LEAK]);
  assert.doesNotMatch((await leaks(...files)).stdout, /^verdict/m);
  assert.match((await leaks(...files, '--verbose')).stdout, /^leaking +old objects stay/m);
  const { stdout } = await leaks(...files, '--markdown');
  assert.match(stdout, /^\| leaking \| old objects stay \|/m);
  assert.doesNotMatch(stdout, /^ {4}/m);
  const { leaks: told, sites } = JSON.parse((await leaks(...files, '--json')).stdout);
  assert.deepEqual(told[0].sites, [0]);
  assert.equal(told[0].through.functionName, sites[0].functionName);
  assert.deepEqual(told[0].growthBytesPerHour, sites[0].growthBytesPerHour);
});

test("heap-profile's own functions are no sites, and what they hold is told", async () => {
  const directory = temporaryDirectory();
  await runChild(fixture('cli', 'leaky.js'), [directory]);
  const files = readdirSync(directory).map((name) => join(directory, name));
  const [base, last] = await Promise.all(
    [files[0], files.at(-1)].map((file) => Snapshot.read(file)),
  );
  const isOwn = ({ url }) => url.startsWith(join(root, 'lib')) || url === join(root, 'index.js');
  const find = ({ name, url, children }) => [name, url, ...children.flatMap(find)];
  assert.ok(find(withUrls(last.tree())).some((url) => url === join(root, 'index.js')));
  for (const hideNodeInternals of [false, true]) {
    const top = await last.top({ hideNodeInternals });
    const diff = await last.diff(base, { hideNodeInternals });
    const { sites } = await Snapshot.leaks(files, { hideNodeInternals });
    for (const answer of [top.sites, diff.sites, sites]) assert.ok(!answer.some(isOwn));
    const held = top.sites.reduce((sum, { bytes }) => sum + bytes.estimate, top.ownBytes.estimate);
    assert.ok(top.ownBytes.estimate > 0 && Math.abs(held / top.bytes.estimate - 1) < 1e-9);
    const grown = diff.sites.reduce((sum, { growth }) => sum + growth.estimate, 0);
    assert.ok(Math.abs(grown + diff.ownGrowth.estimate - diff.growth.estimate) < 1);
  }
  // What tells of it is in every format that can be read.
  const pprof = await Snapshot.parse(await last.encode('pprof'));
  const { process, ownBytes } = await last.top();
  const again = await pprof.top();
  assert.deepEqual(again.process, process);
  assert.ok(Math.abs(again.ownBytes.estimate / ownBytes.estimate - 1) < 1e-9);
  const { stdout } = await cli(['top', files.at(-1)]);
  assert.match(stdout, /^[\d.]+ KiB is heap-profile's own, no site\.$/m);
});

test('of a program that heap-profile is bundled into, nothing is taken for its own', async () => {
  const directory = temporaryDirectory();
  mkdirSync(join(directory, 'lib'));
  const code = `
    const heapProfile = require(${JSON.stringify(root)});
    heapProfile.start({ sampleIntervalBytes: 1024 });
    globalThis.kept = [];
    (function keep() {
      for (let i = 0; i < 1e4; i++) globalThis.kept.push({ i });
    })();
    heapProfile.snapshot().top().then((answer) => console.log(JSON.stringify(answer)));`;
  const [binary] = binaryPaths().filter((path) => existsSync(path));
  symlinkSync(binary, join(directory, basename(binary)));
  // Where those of this package lie, seen from the binary.
  const outfile = join(directory, 'lib', 'index.js');
  const stdin = { contents: code, resolveDir: root };
  buildSync({ stdin, outfile, bundle: true, platform: 'node', external: ['*.node'] });
  const { stdout, stderr } = await runChild(outfile);
  assert.equal(stderr, '');
  const { sites, ownBytes } = JSON.parse(stdout);
  assert.ok(sites.some(({ url }) => url === outfile));
  assert.equal(ownBytes.estimate, 0);
});

test('what somebody did to Object.prototype changes nothing', async () => {
  const preload = join(temporaryDirectory(), 'pollute.cjs');
  const values = { text: 'x', style: 'red', verbose: true, before: null, notes: [], each: 1 };
  writeFileSync(preload, `Object.assign(Object.prototype, ${JSON.stringify(values)});`);
  const files = writeSession(temporaryDirectory(), [LEAK]);
  const { stdout } = await leaks(...files);
  const polluted = await cli(['leaks', ...files], { execArgv: ['--require', preload] });
  assert.equal(polluted.stdout, stdout);
});

/** A tree of `tree()`, each node with its script as `url`. */
function withUrls({ name, scriptName, children }) {
  return { name, url: scriptName, children: children.map(withUrls) };
}
