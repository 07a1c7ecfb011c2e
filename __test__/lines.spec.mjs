// Lines of calls and allocations, from files to answers: what exact stacks are for. The profiles are made by
// hand, see lines.mjs.
import assert from 'node:assert/strict';
import { copyFileSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { test } from 'node:test';
import { describe, explain } from '../flamegraph/text.mjs';
import { buildTree } from '../flamegraph/tree.mjs';
import { cli, fixture, root, temporaryDirectory } from './helpers.mjs';
import { linedProfile } from './lines.mjs';

const { Snapshot } = createRequire(import.meta.url)(root);
const file = fixture('lines', 'cache.heapprofile');
const HINT = 'functions may be named at a caller that V8 inlined them into';

const parse = (profile, options) => Snapshot.parse(Buffer.from(JSON.stringify(profile)), options);

/** Written to a file of its own. */
function written(profile) {
  const path = join(temporaryDirectory(), 'lines.heapprofile');
  writeFileSync(path, JSON.stringify(profile));
  return path;
}

async function text(...args) {
  const { code, stdout, stderr } = await cli(args);
  assert.equal(stderr, '');
  return { code, stdout };
}

/** C libraries differ in the last digit. */
const rounded = (profile) =>
  JSON.parse(JSON.stringify(profile), (key, value) =>
    key === 'size' || key === 'selfSize' ? value.toFixed(6) : value,
  );

const linesOf = ({ lines }) => lines.map(({ lineNumber }) => lineNumber);

test('the fixture is what lines.mjs makes', () => {
  assert.deepEqual(rounded(JSON.parse(readFileSync(file, 'utf8'))), rounded(linedProfile()));
});

test('toJSON and files have the lines that were read', async () => {
  const snapshot = await Snapshot.read(file);
  const { head, samples, heapProfile } = linedProfile();
  assert.deepEqual(rounded(snapshot.toJSON()), rounded({ head, samples }));
  const again = JSON.parse(await snapshot.encode());
  assert.deepEqual(
    rounded({ ...again, heapProfile: 0 }),
    rounded({ head, samples, heapProfile: 0 }),
  );
  assert.deepEqual(again.heapProfile.exactStacks, heapProfile.exactStacks);
});

test('pprof keeps lines, and functions where they start', async () => {
  const snapshot = await Snapshot.read(file);
  const bytes = await snapshot.encode('pprof');
  const again = await Snapshot.parse(bytes);
  assert.deepEqual(await again.encode('pprof'), bytes);
  const pick = ({ functionName, lineNumber, columnNumber, lines }) => ({
    functionName,
    lineNumber,
    columnNumber,
    lines: lines.map(({ lineNumber }) => lineNumber),
  });
  const sites = async (one) => (await one.top()).sites.map(pick);
  assert.deepEqual(await sites(again), await sites(snapshot));
});

test('folded stacks have the line of each call', async () => {
  const folded = String(await (await Snapshot.read(file)).encode('folded'));
  const line = /;handle \(\/srv\/cache\.js:13\);remember \(\/srv\/cache\.js:8\) \d+\n/;
  assert.match(folded, line);
  assert.match(folded, /handle \(\/srv\/cache\.js:14\);remember \(\/srv\/cache\.js:9\);set \d+\n/);
});

test('top: a site is a function still, with its lines and those of its callers', async () => {
  const { sites, stacks } = await (await Snapshot.read(file)).top();
  assert.deepEqual(stacks, { exact: true, exactShare: 1, reason: null });
  const [remember, set] = sites;
  assert.deepEqual([remember.functionName, remember.lineNumber], ['remember', 6]);
  assert.deepEqual(linesOf(remember), [8, 7]);
  const [first, second] = remember.lines;
  assert.deepEqual([first.url, first.columnNumber], ['/srv/cache.js', 0]);
  assert.ok(Math.abs(first.share + second.share - 1) < 1e-9 && first.share > second.share);
  assert.deepEqual([set.functionName, set.lines], ['set', []]);
  const calls = ({ functionName, callLineNumber }) => [functionName, callLineNumber];
  assert.deepEqual(set.stack.map(calls).slice(0, 2), [
    ['remember', 9],
    ['handle', 14],
  ]);
});

test('top: what is hidden counts for the line that called it', async () => {
  const { sites } = await (await Snapshot.read(file)).top({ hideNodeInternals: true });
  assert.deepEqual(sites.map(linesOf), [[8, 9, 7]]);
});

test('top: with total a line has what it calls', async () => {
  const { sites } = await (await Snapshot.read(file)).top({ total: true, filter: 'handle' });
  assert.deepEqual(linesOf(sites[0]), [13, 14]);
});

test('top --by line tells lines apart', async () => {
  const { sites } = await (await Snapshot.read(file)).top({ by: 'line' });
  assert.deepEqual(
    sites.map((site) => [site.functionName, linesOf(site)[0]]),
    [
      ['remember', 8],
      ['set', undefined],
      ['remember', 7],
    ],
  );
  const { stdout } = await text('top', file, '--by', 'line');
  assert.match(stdout, /remember +\/srv\/cache\.js:8\n/);
  assert.match(stdout, /remember +\/srv\/cache\.js:7\n/);
  assert.ok(!stdout.includes(HINT), stdout);
});

test('a line that is unknown is no other line', async () => {
  const profile = linedProfile();
  for (const sample of profile.samples) {
    if (sample.lineNumber === 6) delete sample.lineNumber;
  }
  const { stdout } = await text('top', written(profile), '--by', 'line');
  assert.match(stdout, /remember +\/srv\/cache\.js:\?\n/);
});

test('diff: the lines that grew, and of what shrank those that did', async () => {
  const [before, after] = [await parse(linedProfile(undefined, 2)), await Snapshot.read(file)];
  const grown = (await after.diff(before)).sites[0];
  assert.deepEqual([grown.functionName, linesOf(grown)], ['remember', [8, 7]]);
  const shrunk = (await before.diff(after)).sites.at(-1);
  assert.deepEqual([shrunk.functionName, linesOf(shrunk)], ['remember', [8, 7]]);
  const { stdout } = await text('diff', written(linedProfile(undefined, 2)), file);
  assert.match(stdout, /remember +\/srv\/cache\.js:8\n/);
});

/** Files of one session in which all stays. */
function session(changes) {
  const directory = temporaryDirectory();
  for (let at = 1; at <= 8; at++) {
    const profile = linedProfile(undefined, 8 * at, changes);
    writeFileSync(join(directory, `${at}.heapprofile`), JSON.stringify(profile));
  }
  return directory;
}

test('leaks: one site of all lines, and the paragraph names the first', async () => {
  const directory = session();
  const { stdout } = await text('leaks', directory);
  assert.match(stdout, /LEAK/);
  assert.match(stdout, /allocated +remember \/srv\/cache\.js:8 /);
  assert.match(stdout, /path +handle \/srv\/cache\.js:13 > remember \/srv\/cache\.js:8\n/);
  assert.ok(!stdout.includes(HINT), stdout);
  const { stdout: json } = await text('leaks', directory, '--json');
  const { sites, stacks } = JSON.parse(json);
  assert.deepEqual([sites.length, sites[0].functionName], [1, 'remember']);
  assert.deepEqual(linesOf(sites[0]), [8, 9, 7]);
  assert.ok(sites[0].lines[0].share > 0.5);
  assert.equal(stacks.exact, true);
});

test('what the stacks are not is said once, where it is so', async () => {
  const count = async (profile) => {
    const { stdout } = await text('top', written(profile));
    return stdout.split(HINT).length - 1;
  };
  const asked = (exactStacks) => linedProfile(undefined, 6, { exactStacks });
  assert.equal(await count(asked(undefined)), 1);
  assert.match((await text('top', written(asked(undefined)))).stdout, /; --exact-stacks tells\n/);
  const refused = asked({ enabled: false, reason: 'no such offsets' });
  assert.match(
    (await text('top', written(refused))).stdout,
    /no exact stacks: no such offsets; functions may be named/,
  );
  assert.equal(await count(asked({ enabled: true, exactSamples: 99, v8Samples: 1 })), 0);
  assert.equal(await count(asked({ enabled: true, exactSamples: 1, v8Samples: 1 })), 1);
  const { heapProfile, ...foreign } = linedProfile();
  assert.equal(await count(foreign), 0);
  const { stdout } = await text('leaks', session({ exactStacks: undefined }));
  assert.equal(stdout.split(HINT).length - 1, 1);
});

test('a flame graph has a node for each line, of which the page makes one for each function', async () => {
  const html = String(await (await Snapshot.read(file)).encodeFlamegraph());
  const [, text] = /<script id="data" type="application\/json">(.*?)<\/script>/.exec(html);
  const { frames, calls, stacks } = JSON.parse(text);
  assert.equal(stacks.exact, true);
  const described = frames.map(describe);
  const rows = (node) => [node.name, node.shortPlace, ...node.children.map(rows)];
  const byLine = buildTree(calls, described, [], true);
  const [handle, other] = byLine.children.map(rows);
  assert.deepEqual(handle.slice(0, 3), ['handle', 'cache.js:13', ['remember', 'cache.js:8']]);
  assert.deepEqual(other.slice(0, 2), ['handle', 'cache.js:14']);
  const whole = buildTree(calls, described, [], false);
  const [remember] = whole.children[0].children;
  assert.deepEqual(
    [whole.children.length, remember.name, remember.shortPlace],
    [1, 'remember', 'cache.js:6'],
  );
  assert.equal(whole.children[0].value, byLine.children[0].value + byLine.children[1].value);
  assert.match(explain(remember, '1 %'), /^remember\n\/srv\/cache\.js:8, 9, and 7\n/);
});

/** A script of two lines for one, and its map. */
function mapped(mappings) {
  const directory = temporaryDirectory();
  mkdirSync(join(directory, 'src'));
  const script = join(directory, 'cache.js');
  copyFileSync(fixture('lines', 'cache.js'), script);
  const code = readFileSync(script, 'utf8');
  writeFileSync(script, `${code}//# sourceMappingURL=cache.js.map\n`);
  const map = { version: 3, sources: ['src/cache.ts'], names: [], mappings };
  writeFileSync(join(directory, 'cache.js.map'), JSON.stringify(map));
  return script;
}

test('source maps tell the original lines of calls and allocations', async () => {
  // Each line of the script, from its first column, is the tenth after it.
  const mappings = `AAUA${';AACA'.repeat(16)}`;
  const snapshot = await parse(linedProfile(mapped(mappings)), { sourceMaps: true });
  const { sites } = await snapshot.top();
  const [remember, set] = sites;
  assert.match(remember.url, /src\/cache\.ts$/);
  assert.equal(remember.lineNumber, 16);
  assert.deepEqual(linesOf(remember), [18, 17]);
  assert.match(remember.lines[0].url, /src\/cache\.ts$/);
  assert.deepEqual(
    set.stack.slice(0, 2).map(({ callLineNumber }) => callLineNumber),
    [19, 24],
  );
});

test('of a line that is made of several nothing is told', async () => {
  // Line 8 has two mappings, to lines 18 and 19.
  const mappings = `AAUA${';AACA'.repeat(6)};AACA,QACA${';AAAA'}${';AACA'.repeat(8)}`;
  const snapshot = await parse(linedProfile(mapped(mappings)), { sourceMaps: true });
  const { sites } = await snapshot.top();
  assert.deepEqual([sites[0].lineNumber, linesOf(sites[0])], [16, [17]]);
});
