// `heap-profile top`, `diff` and `leaks`, and the functions on Snapshot behind them.
import assert from 'node:assert/strict';
import {
  copyFileSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { createRequire } from 'node:module';
import { basename, join } from 'node:path';
import { before, test } from 'node:test';
import {
  cli,
  cliInTerminal,
  fixture,
  noTerminal,
  root,
  runChild,
  temporaryDirectory,
} from './helpers.mjs';

const { Snapshot } = createRequire(import.meta.url)(root);
const directory = temporaryDirectory();
const captures = () => readdirSync(directory).map((name) => join(directory, name));
const first = join(directory, '0.heapprofile');
const last = join(directory, '5.heapprofile');

/** An inlined function counts for its caller; in code this small main() is the only one. */
const LEAKING = /leakRecord|main/;

before(async () => {
  const { code, stderr } = await runChild(fixture('cli', 'leaky.js'), [directory]);
  assert.equal(code, 0, stderr);
});

/** Of a call tree as the inspector gives it. */
function node(functionName, url, selfSize, ...children) {
  const callFrame = { functionName, scriptId: '1', url, lineNumber: 0, columnNumber: 0 };
  return { callFrame, selfSize, children };
}

/** Two files, of what `program` makes of more and more bytes. */
function writeGrowing(program) {
  const together = temporaryDirectory();
  return [1000, 2000].map((bytes) => {
    const file = join(together, `${bytes}.heapprofile`);
    writeFileSync(file, JSON.stringify({ head: node('(root)', '', 0, program(bytes)) }));
    return file;
  });
}

/** A sampled object of 64 bytes, as files estimate it at an interval of as many. */
const ESTIMATE = 64 / (1 - Math.exp(-1));

/**
 * Files of one session, an hour apart; `start` and `end` are the first and the last that has an object,
 * `changes` is what they say differently of the session.
 */
function writeSession(lives, changes) {
  const together = temporaryDirectory();
  const count = Math.max(...lives.map(({ end }) => end)) + 1;
  const sampled = lives.map((life, ordinal) => ({ ...life, ordinal }));
  return Array.from({ length: count }, (_, at) => {
    const samples = sampled
      .filter(({ start, end }) => start <= at && at <= end)
      .map(({ ordinal }) => ({ size: ESTIMATE, nodeId: 2, ordinal }));
    const takenAt = new Date(at * 3_600_000);
    const session = { version: '1.0.0', sessionId: 'one', sampleIntervalBytes: 64 };
    const heapProfile = { ...session, takenAt, ...changes };
    const hold = { ...node('hold', '/app.js', ESTIMATE * samples.length), id: 2 };
    const head = { ...node('(root)', '', 0, hold), id: 1 };
    const file = join(together, `${at}.heapprofile`);
    writeFileSync(file, JSON.stringify({ head, samples, heapProfile }));
    return file;
  });
}

/** So many objects with that life. */
function objects(count, start, end) {
  return Array.from({ length: count }, () => ({ start, end }));
}

/** What our files say of their process, before all else. */
const SIZE = '[\\d.]+ [KMG]iB';
const HELD = `Process: heap ${SIZE} of ${SIZE} at most, ArrayBuffers ${SIZE} \\(outside V8's heap, not attributed here\\), RSS ${SIZE}\n`;
const CHANGE = `[\\d.]+ -> ${SIZE}`;
const CHANGED = `Process: heap ${CHANGE}, ArrayBuffers ${CHANGE} \\(outside V8's heap, not attributed here\\), RSS ${CHANGE}`;

async function json(...args) {
  const { code, stdout, stderr } = await cli([...args, '--json']);
  assert.equal(stderr, '');
  return { code, answer: JSON.parse(stdout) };
}

test('top: those that hold most first, with intervals', async () => {
  const { code, answer } = await json('top', last, '--hide-node-internals');
  assert.equal(code, 0);
  const [site] = answer.sites;
  assert.match(site.functionName, LEAKING);
  assert.match(site.url, /leaky\.js$/);
  assert.ok(site.lineNumber > 0);
  assert.ok(site.bytes.low < site.bytes.estimate && site.bytes.estimate < site.bytes.high);
  assert.ok(site.share > 0.5 && site.share <= 1);
  const snapshot = await Snapshot.read(last);
  assert.deepEqual(await snapshot.top({ hideNodeInternals: true, limit: 20 }), answer);
  const { live } = { live: snapshot.estimate().bytes };
  assert.ok(Math.abs(answer.bytes.estimate - live.estimate) < 1);
  assert.ok(Math.abs(answer.bytes.low - live.low) < 1);
});

test('top: by file, by package, with totals, filtered', async () => {
  const by = async (...args) => (await json('top', last, ...args)).answer.sites;
  const [file] = await by('--by', 'file', '--hide-node-internals');
  assert.match(file.url, /leaky\.js$/);
  assert.equal(file.functionName, '');
  const packages = (await by('--by', 'package')).map(({ url }) => url);
  assert.ok(packages.includes('(app)'), packages);
  const [whole] = await by('--total', '--limit', '1');
  assert.equal(whole.functionName, '(root)');
  assert.ok((await by('--filter', 'leaky.js')).every(({ url }) => url.endsWith('leaky.js')));
});

test('top and diff: files and packages have no column of functions', async () => {
  for (const by of ['file', 'package']) {
    for (const [args, columns] of [
      [['top', last], `live bytes +95 % interval +objects +share +${by}`],
      [['diff', first, last], `growth +95 % interval +before +after +${by}`],
    ]) {
      const { stdout } = await cli([...args, '--by', by]);
      assert.match(stdout, new RegExp(`^ *${columns}\\n`, 'm'));
      assert.match(stdout, by === 'file' ? /leaky\.js$/m : /\(app\)$/m);
      assert.doesNotMatch(stdout, /\(anonymous\)/);
    }
  }
});

test('a directory is no profile: what to name is said', async () => {
  const empty = temporaryDirectory();
  for (const [args, example] of [
    [['top', directory], `, such as ${last}`],
    [['diff', directory, directory], `, such as ${last}`],
    [['flamegraph', last, '--base', directory], `, such as ${last}`],
    [['convert', directory, '-o', '-'], `, such as ${last}`],
    [['top', empty], ''],
  ]) {
    const named = example === '' ? empty : directory;
    assert.deepEqual(await cli(args), {
      code: 1,
      signal: null,
      stdout: '',
      stderr: `error: ${named} is a directory: name a profile${example}; only leaks looks at all of a directory\n`,
    });
  }
});

test('leaks: --recursive looks into subdirectories, and nowhere twice', async () => {
  const top = temporaryDirectory();
  mkdirSync(join(top, 'a', 'b'), { recursive: true });
  for (const [index, file] of captures().entries()) {
    copyFileSync(file, join(top, index % 2 === 0 ? 'a' : join('a', 'b'), `${index}.heapprofile`));
  }
  symlinkSync(top, join(top, 'a', 'loop'));
  const flat = await cli(['leaks', top]);
  assert.equal(flat.code, 1);
  const hint = '(--recursive looks into subdirectories)';
  assert.equal(
    flat.stderr,
    `error: leaks needs two or more profiles of one session in ${top} ${hint}; there is none\n`,
  );
  const { code, answer } = await json('leaks', top, '--recursive');
  assert.deepEqual([code, answer.snapshots.length], [3, captures().length]);
  const empty = temporaryDirectory();
  const { stderr } = await cli(['leaks', empty, '-r']);
  assert.match(stderr, new RegExp(`one session in ${empty}; there is none\n$`));
});

test('leaks: a link in a directory that leads round in a circle is skipped, and said', async () => {
  const directory = temporaryDirectory();
  for (const file of captures()) copyFileSync(file, join(directory, basename(file)));
  symlinkSync('b.heapprofile', join(directory, 'a.heapprofile'));
  symlinkSync('a.heapprofile', join(directory, 'b.heapprofile'));
  const { code, stdout, stderr } = await cli(['leaks', directory]);
  assert.equal(code, 1);
  assert.match(stdout, /^LEAK /m);
  assert.match(stderr, /^(error: skipped: ELOOP: .*[ab]\.heapprofile'\n){2}$/);
});

test('leaks: fewer than two captures of a session are an error with a code', async () => {
  const code = 'ERR_TOO_FEW_SNAPSHOTS';
  const one = await Snapshot.read(first);
  const message = /^leaks needs two or more profiles of one session; there is only one$/;
  await assert.rejects(Snapshot.leaks([]), { name: 'Error', code, message: /; there is none$/ });
  await assert.rejects(Snapshot.leaks([one]), { code, message });
  await assert.rejects(Snapshot.leaks([first]), { code, message, skipped: [] });
  const error = await Snapshot.leaks([one, 'nothing']).catch((caught) => caught);
  assert.equal(error.code, code);
  assert.deepEqual(
    error.skipped.map(({ path }) => path),
    ['nothing'],
  );
  // One of each session is no more.
  const other = join(temporaryDirectory(), 'other.heapprofile');
  const profile = JSON.parse(readFileSync(first));
  profile.heapProfile.sessionId = 'another';
  writeFileSync(other, JSON.stringify(profile));
  await assert.rejects(Snapshot.leaks([first, other]), {
    code,
    message: /there is only one, and one of 1 other session$/,
  });
});

test('top: text and Markdown say the same', async () => {
  const text = await cli(['top', last, '--limit', '3']);
  const heading = '[\\d.]+ [KM]iB live \\(95 %: .* to .*\\) in [\\d,]+ objects; ';
  assert.match(text.stdout, new RegExp(`^${HELD}${heading}`));
  assert.match(text.stdout, /live bytes +95 % interval +objects +share +function +place/);
  const markdown = await cli(['top', last, '--limit', '3', '--markdown']);
  assert.match(
    markdown.stdout,
    /^\| live bytes \| 95 % interval \| objects \| share \| function \| place \|$/m,
  );
  assert.match(markdown.stdout, /^\| ---: \| ---: \| ---: \| ---: \| --- \| --- \|$/m);
});

test('top: the samples in the heading are those of the live bytes', async () => {
  const file = join(temporaryDirectory(), 'a.heapprofile');
  const profile = JSON.parse(readFileSync(last));
  const collectedOrdinals = [profile.samples[0].ordinal];
  Object.assign(profile.heapProfile, { include: 'allocated', collectedOrdinals });
  writeFileSync(file, JSON.stringify(profile));
  const { sampleCount } = await Snapshot.read(last);
  const { stdout } = await cli(['top', file]);
  assert.match(stdout, new RegExp(`; ${(sampleCount - 1).toLocaleString('en')} samples at `));
});

test('colours are for terminals, unless the environment says otherwise', {
  skip: noTerminal,
}, async () => {
  const ESCAPE = '\u001b';
  const args = ['top', last, '--limit', '1'];
  for (const [run, env, isColoured] of [
    [cli, {}, false],
    [cli, { CI: '1' }, false],
    [cli, { FORCE_COLOR: '1' }, true],
    [cli, { FORCE_COLOR: '1', NO_COLOR: '1' }, false],
    [cliInTerminal, {}, true],
    [cliInTerminal, { NO_COLOR: '1' }, false],
    [cliInTerminal, { FORCE_COLOR: '0' }, false],
    [cliInTerminal, { TERM: 'dumb' }, false],
  ]) {
    const { code, stdout } = await run(args, { env });
    assert.equal(code, 0, stdout);
    assert.match(stdout, /live bytes/);
    assert.equal(stdout.includes(ESCAPE), isColoured, `${run.name} ${JSON.stringify(env)}`);
  }
});

test('a filter that nothing matches', async () => {
  for (const args of [
    ['top', last],
    ['diff', first, last],
  ]) {
    const { code, stdout } = await cli([...args, '--filter', 'xyzzy']);
    assert.equal(code, 0);
    assert.match(stdout, /\n\nNo function or file has 'xyzzy' in its name\.\n$/);
  }
});

test('diff: what grew, and what may be noise', async () => {
  const { code, answer } = await json('diff', first, last, '--hide-node-internals');
  assert.equal(code, 0);
  assert.ok(answer.sameSession && answer.spanMs > 0);
  const [site] = answer.sites;
  assert.match(site.functionName, LEAKING);
  assert.ok(!site.isNoise && site.growth.low > 0);
  assert.ok(Math.abs(site.current - site.base - site.growth.estimate) < 1);
  const [base, current] = [await Snapshot.read(first), await Snapshot.read(last)];
  const options = { hideNodeInternals: true, limit: 20 };
  assert.deepEqual(await current.diff(base, options), answer);
  const same = await current.diff(current);
  assert.ok(same.sites.every(({ isNoise, growth }) => isNoise && growth.estimate === 0));
  const { stdout } = await cli(['diff', first, last]);
  assert.match(
    stdout,
    new RegExp(`^${CHANGED} in .*\nGrowth: \\+[\\d.]+ [KM]iB \\(95 %: .*\\) in `),
  );
  const unchanged = await cli(['diff', last, last, '--markdown']);
  assert.match(unchanged.stdout, /^Process: .*\n\nGrowth: 0 B \(95 %: .*, within noise\)/);
  const reversed = await cli(['diff', last, first]);
  assert.match(
    reversed.stdout,
    new RegExp(`^${CHANGED}\nGrowth: -.*\\)\nBASE was taken [\\d.]+ s after FILE\\.\n`),
  );
});

test('leaks: a verdict with its evidence, and exit code 3', async () => {
  const { code, answer } = await json('leaks', directory, '--hide-node-internals');
  assert.equal(code, 3);
  assert.equal(answer.verdict, 'leaking');
  assert.equal(answer.snapshots.length, 6);
  const [site] = answer.sites;
  assert.match(site.functionName, LEAKING);
  assert.equal(site.reason, 'old-objects-stay');
  assert.ok(site.growthBytesPerHour.low > 0);
  assert.ok(site.retention.low > 0.5 && site.share > 0.5);
  assert.ok(answer.detectable > 0);
  assert.equal(site.history.length, 6);
  assert.ok(Math.abs(site.history.at(-1).bytes / site.liveBytes.estimate - 1) < 1e-9);
  assert.ok(site.history.every(({ standardError }) => standardError >= 0));
  // V8 may inline the function half-way: then its later cohorts are its caller's.
  assert.ok(site.cohorts.length >= 2);
  for (const { snapshot, bytes, survival } of site.cohorts) {
    assert.ok(snapshot >= 1 && bytes > 0 && survival.length <= 5 - snapshot);
    assert.ok(survival.every((part) => part > 0 && part <= 1));
  }
  const { stdout } = await cli(['leaks', ...captures(), '--hide-node-internals', '--verbose']);
  assert.match(
    stdout,
    /^LEAK {2}\+.*\/h \(95 %: .*, \d+ % of the heap's growth; at this rate the heap /m,
  );
  assert.match(stdout, /^ {6}allocated {2}\w+ .*leaky\.js:\d+ \(\d+ %\)/m);
  assert.match(stdout, /^leaking +old objects stay +\+/m);
  assert.match(stdout, /in the first snapshot, .* of what was born between, .* is left after/);
  const snapshots = await Promise.all(captures().map((file) => Snapshot.read(file)));
  const ours = await Snapshot.leaks(snapshots.reverse(), { hideNodeInternals: true });
  assert.deepEqual(ours.sites[0], site);
});

test("leaks: Node.js's own functions are hidden, unless they are asked for", async () => {
  const files = writeGrowing((bytes) =>
    node('subscribe', '/app.js', 0, node('on', 'node:events', bytes)),
  );
  for (const [args, expected] of [
    [[], 'subscribe'],
    [['--hide-node-internals'], 'subscribe'],
    [['--no-hide-node-internals'], 'on'],
  ]) {
    const { sites } = (await json('leaks', ...files, ...args)).answer;
    assert.deepEqual(
      sites.map(({ functionName }) => functionName),
      [expected],
    );
  }
});

test('leaks: two captures are no proof', async () => {
  const { code, stdout } = await cli(['leaks', first, last]);
  assert.equal(code, 0);
  assert.match(
    stdout,
    /^No leak is certain\.\nGROWING {2}.*(\n {6}.*)+\n {6}why {8}.*\n {6}next {7}3 more snapshots would tell/m,
  );
  assert.match(stdout, /too few to show a leak of any size/);
});

test('leaks: of files that do not tell enough only growth is told, of however many', async () => {
  const foreign = writeGrowing((bytes) => node('grow', '/app.js', bytes));
  const growing = [1, 2, 3, 4, 5].flatMap((at) => objects(20 * at, at, 5));
  const attached = writeSession(growing, { sampleIntervalBytes: undefined });
  for (const files of [foreign, attached]) {
    const { code, answer } = await json('leaks', ...files);
    assert.deepEqual([code, answer.growthOnly, answer.detectable], [0, true, null]);
    const [{ verdict, reason }] = answer.sites;
    assert.deepEqual([verdict, reason], ['growing', 'no-session']);
    const { stdout } = await cli(['leaks', ...files]);
    assert.match(stdout, /^No leak is certain\.\nGROWING {2}/);
    assert.match(
      stdout,
      /^These files can show growth, never a leak: they do not say which session/m,
    );
    assert.doesNotMatch(stdout, /five or more/);
  }
});

test('leaks: why a site is steady', async () => {
  // More and more objects, each of which is there in two files.
  const dying = writeSession([0, 1, 2, 3, 4].flatMap((at) => objects(20 * at + 20, at, at + 1)));
  const text = await cli(['leaks', ...dying, '--verbose']);
  assert.match(text.stdout, /^No leak found\.\n/);
  assert.match(text.stdout, /\nverdict +why +growth\/h .*\nsteady +old objects die +\+/);
  const markdown = await cli(['leaks', ...dying, '--markdown']);
  assert.match(markdown.stdout, /^\| verdict \| why \| .*\n.*\n\| steady \| old objects die \| /m);
  const still = writeSession(objects(20, 0, 4));
  assert.match((await cli(['leaks', ...still, '--verbose'])).stdout, /^steady +no growth +0 B /m);
});

test('leaks: says how many more snapshots would tell, and they do', async () => {
  const files = writeSession([...objects(3, 1, 3), ...objects(3, 2, 3), ...objects(10, 3, 3)]);
  const { stdout } = await cli(['leaks', ...files, '--verbose']);
  const [, more] = stdout.match(/\n {6}next {7}(\d+) more snapshots would tell/);
  assert.match(stdout, /^growing +too few old objects +/m);
  const last = 3 + Number(more);
  const lives = Array.from({ length: last }, (_, at) => objects(3, at + 1, last)).flat();
  const { code } = await cli(['leaks', ...writeSession(lives)]);
  assert.equal(code, 3);
});

test('leaks: of many snapshots 64 are told, and all are judged', async () => {
  const count = 130;
  const lives = Array.from({ length: count }, (_, at) => objects(2, at, count - 1));
  const files = writeSession([...lives.flat(), ...objects(1, 3, 4)]);
  const { code, answer } = await json('leaks', ...files);
  assert.deepEqual([code, answer.verdict, answer.snapshots.length], [3, 'leaking', count]);
  const { moments, sites } = answer;
  assert.deepEqual([moments.length, moments[0], moments.at(-1)], [64, 0, count - 1]);
  const [{ history, cohorts }] = sites;
  assert.equal(history.length, 64);
  assert.deepEqual(
    cohorts.map(({ snapshot }) => snapshot),
    moments.slice(1),
  );
  assert.equal(cohorts[0].survival.length, 62);
  const { stdout } = await cli(['leaks', ...files, '--verbose']);
  assert.match(stdout, /of what was born between, .*100 % is left after 2 to 126 snapshots\./);
});

/** A file of `count` stacks of so many calls of one function, each call of which holds something. */
function writeStacks(count, depth, functionName) {
  const file = join(temporaryDirectory(), 'stacks.heapprofile');
  const call = (name, callee) => node(name, '/app.js', 1, ...callee);
  const stack = (_, at) => {
    let callee = [];
    for (let left = 1; left < depth; left++) callee = [call(functionName, callee)];
    return call(`f${at}`, callee);
  };
  const head = node('(root)', '', 0, ...Array.from({ length: count }, stack));
  writeFileSync(file, JSON.stringify({ head }));
  return file;
}

test('top and diff by stack: of very many sites the largest are told, with their nearest callers', async () => {
  const snapshot = await Snapshot.read(writeStacks(40, 1000, 'f'));
  for (const ask of ['top', 'diff']) {
    const question = [{ by: 'stack', total: true }];
    if (ask === 'diff') question.unshift(snapshot);
    const { sites, omitted } = await snapshot[ask](...question);
    assert.equal(sites.length, 10_000);
    assert.ok(omitted >= 30_000, omitted);
    assert.equal(Math.max(...sites.map(({ stack }) => stack.length)), 64);
  }
  const { sites } = await snapshot.top({ by: 'stack', limit: 10_001 });
  assert.equal(sites.length, 10_001);
});

test('an answer that is larger than a process can bear is an error', async () => {
  const snapshot = await Snapshot.read(writeStacks(1, 1000, 'f'.repeat(10_000)));
  const question = { by: 'stack', total: true };
  await assert.rejects(snapshot.top(question), { code: 'ERR_TOO_LARGE', message: /fewer sites/ });
  await assert.rejects(snapshot.diff(snapshot, question), { code: 'ERR_TOO_LARGE' });
  assert.equal((await snapshot.top({ ...question, limit: 20 })).sites.length, 20);
});

test('leaks: the session that leaks is told of, whatever else lies about', async () => {
  const other = temporaryDirectory();
  const ofAnother = ['a', 'b', 'c'].map((name, hour) => {
    const profile = JSON.parse(readFileSync(first));
    profile.heapProfile.sessionId = 'another';
    profile.heapProfile.takenAt = new Date(hour * 3_600_000).toISOString();
    profile.heapProfile.fullCollections = hour;
    const file = join(other, `${name}.heapprofile`);
    writeFileSync(file, JSON.stringify(profile));
    return file;
  });
  const { answer } = await json('leaks', ...ofAnother, directory);
  assert.equal(answer.verdict, 'leaking');
  assert.deepEqual(answer.others, [{ verdict: 'steady', snapshots: ofAnother }]);
  const { stdout } = await cli(['leaks', ...ofAnother, directory]);
  assert.match(stdout, /^Other sessions \(ask about their files alone\): 1 steady\.$/m);
});

test('leaks: without a full collection between the snapshots nothing is known, and that comes first', async () => {
  const uncollected = temporaryDirectory();
  for (const name of readdirSync(directory)) {
    const profile = JSON.parse(readFileSync(join(directory, name)));
    profile.heapProfile.fullCollections = 7;
    writeFileSync(join(uncollected, name), JSON.stringify(profile));
  }
  const { code, answer } = await json('leaks', uncollected);
  assert.deepEqual([code, answer.verdict, answer.fullCollections], [0, 'unknown', 0]);
  assert.ok(
    answer.sites.every(({ verdict, reason }) => `${verdict} ${reason}` === 'unknown no-collection'),
  );
  const { stdout } = await cli(['leaks', uncollected]);
  assert.match(
    stdout,
    /^V8 has made 0 full collections between these 6 snapshots: nothing can be said yet\.\nWait, or start with forceGC\.\n/,
  );
});

test('leaks: what the files tell of collections is told', async () => {
  const { answer } = await json('leaks', directory);
  assert.ok(answer.fullCollections >= 5);
  const { stdout } = await cli(['leaks', directory]);
  assert.match(stdout, /^6 snapshots over [\d.]+ s, \d+ full collections between them\.$/m);
  const untold = temporaryDirectory();
  for (const name of readdirSync(directory)) {
    const profile = JSON.parse(readFileSync(join(directory, name)));
    delete profile.heapProfile.fullCollections;
    writeFileSync(join(untold, name), JSON.stringify(profile));
  }
  const asBefore = await json('leaks', untold);
  assert.deepEqual([asBefore.answer.verdict, asBefore.answer.fullCollections], ['leaking', null]);
  assert.match((await cli(['leaks', untold])).stdout, /they do not tell when V8 collected garbage/);
});

test('what V8 did not tell the live objects of is not said to be live, and shows no leak', async () => {
  const profile = JSON.parse(readFileSync(last));
  profile.heapProfile.include = 'allocated';
  const file = join(temporaryDirectory(), 'allocated.heapprofile');
  writeFileSync(file, JSON.stringify(profile));
  const line = 'All that was allocated counts: V8 did not tell which of it is live.';
  const top = await cli(['top', file]);
  assert.match(top.stdout, /^Process: .*\n[\d.]+ [KM]iB allocated \(95 %/);
  assert.match(top.stdout, /^allocated bytes /m);
  assert.ok(
    top.stdout.includes(`\n${line}\n`) && !(await cli(['top', last])).stdout.includes(line),
  );
  const diff = await cli(['diff', first, file]);
  assert.ok(diff.stdout.includes(`\n${line}\n`));
  const { answer } = await json('diff', first, last);
  assert.equal(answer.include, 'live');
  const leaks = await cli(['leaks', file, ...captures()]);
  assert.match(leaks.stderr, /^error: skipped: .*does not tell live objects from collected ones/);
  assert.equal(leaks.code, 1);
});

test('leaks: a bad file among many is skipped, and the exit code says so', async () => {
  const bad = join(temporaryDirectory(), 'bad.heapprofile');
  writeFileSync(bad, '{"head":');
  const { code, stdout, stderr } = await cli(['leaks', bad, ...captures()]);
  assert.equal(code, 1);
  assert.match(stderr, /^error: skipped: .*bad\.heapprofile: .*at byte 8/);
  assert.match(stdout, /^LEAK {2}/m);
  const alone = await cli(['leaks', bad, first]);
  assert.equal(alone.code, 1);
  assert.match(alone.stderr, /\nerror: leaks needs two or more profiles .*; there is only one\n$/);
  const none = await cli(['leaks', 'nothing', temporaryDirectory()]);
  assert.equal(none.code, 1);
  assert.match(
    none.stderr,
    /^error: skipped: ENOENT: no such file or directory, open '.*nothing'\n/,
  );
  assert.match(none.stderr, /\nerror: leaks needs .*; there is none\n$/);
  const { skipped } = await Snapshot.leaks([first, last, 'nothing']);
  assert.equal(skipped.length, 1);
  assert.equal(skipped[0].path, 'nothing');
  assert.match(skipped[0].message, /^ENOENT: no such file or directory, open '.*nothing'$/);
});

test('names do not reach the terminal as they are', async () => {
  const file = join(temporaryDirectory(), 'a.heapprofile');
  const odd = node('\u001b[31mred|`x`\n', '/a', 9);
  writeFileSync(file, JSON.stringify({ head: node('(root)', '', 0, odd) }));
  const text = await cli(['top', file]);
  assert.match(text.stdout, /\ufffd\[31mred\|`x`\ufffd/);
  assert.match(text.stdout, /as the file says/);
  const markdown = await cli(['top', file, '--markdown']);
  assert.match(markdown.stdout, /\ufffd\\\[31mred\\\|\\`x\\`\ufffd/);
});

test('names do not reach the terminal in the words of leaks, errors and warnings', async () => {
  const files = writeGrowing((bytes) => node('\u001b[31mred\n', 'file:///\u001b[31m.js', bytes));
  const { stdout } = await cli(['leaks', ...files]);
  assert.match(
    stdout,
    /^No leak is certain\.\nGROWING {2}.*\n {6}allocated {2}\ufffd\[31mred\ufffd \/\ufffd\[31m\.js:1 /,
  );
  const mapped = await cli(['top', files[0], '--source-maps']);
  assert.match(mapped.stderr, /^warning: file:\/\/\/\ufffd\[31m\.js: /);
  const missing = await cli(['top', '\u001b[31m']);
  assert.match(missing.stderr, /^error: ENOENT.*\ufffd\[31m'\n$/);
  const skipped = await cli(['leaks', '\u001b[31m', ...files]);
  assert.match(skipped.stderr, /^error: skipped: ENOENT.*\ufffd\[31m'\n$/);
});

test('wrong arguments say what was expected', async () => {
  for (const [args, message] of [
    [['top'], /error: 'top' needs FILE/],
    [
      ['top', last, '--by', 'row'],
      /: --by needs function, file, package, stack or line, got "row"\n/,
    ],
    [['top', last, '--limit', 'x'], /: --limit needs a number, got "x"\n/],
    [['top', last, '--limit', '0'], /: --limit needs a number from 1 to 2147483647, got "0"\n/],
    [['top', last, '--self', '--total'], /not both/],
    [['diff', last], /needs BASE FILE/],
    [['leaks', '-'], /stdin is one profile, and leaks needs two or more/],
  ]) {
    const { code, stderr } = await cli(args);
    assert.equal(code, 2, stderr);
    assert.match(stderr, message);
  }
  const snapshot = await Snapshot.read(last);
  const code = 'ERR_INVALID_ARG_TYPE';
  await assert.rejects(snapshot.top({ total: 1 }), { code });
  await assert.rejects(snapshot.diff({}), { code });
  await assert.rejects(Snapshot.leaks(last), { code });
  await assert.rejects(Snapshot.leaks([7]), { code });
  await assert.rejects(Snapshot.leaks([last], { total: true }), { code: 'ERR_INVALID_ARG_VALUE' });
});
