// The rules and the schedule of monitors, by clocks of their own: nothing here waits.
import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { totalmem } from 'node:os';
import { dirname, join } from 'node:path';
import { test } from 'node:test';
import { root, runChild, temporaryDirectory } from './helpers.mjs';

const require = createRequire(import.meta.url);
const load = (name) => require(join(root, 'lib', 'monitor', `${name}.js`));
const { Rules } = load('rules');
const { Schedule } = load('schedule');
const { readMemoryLimit } = load('cgroup');
const { checkMonitorOptions } = load('options');
const { readRules } = load('rules-text');

const MIB = 2 ** 20;
const HOUR = 3_600_000;
const temporary = temporaryDirectory();

/** Rules, and what they say of heaps of so many MiB after full collections a second apart. */
function heapsUnder(options, limit = 1000) {
  const rules = new Rules(checkMonitorOptions({ rules: options }).rules);
  let now = 0;
  return (live, { rss = live, seconds = 10, isCollected = true } = {}) => {
    now += seconds * 1000;
    const sizes = { rss: rss * MIB, live: isCollected ? live * MIB : undefined };
    const rule = rules.evaluate({ now, memoryLimit: 2000 * MIB, heapLimit: limit * MIB, ...sizes });
    if (rule !== undefined) rules.taken(rss * MIB);
    return rule;
  };
}

const NONE = { heapRatio: false, growth: false, rss: false, newPeak: false, slope: false };

test('levels of the heap are told once, and again when it was well below', () => {
  const ask = heapsUnder({ ...NONE, heapRatio: [0.7, 0.9] });
  const asked = [690, 700, 710, 910, 890, 910, 840, 660, 695, 701, 640, 960].map((live) =>
    ask(live),
  );
  const at = 'heapRatio';
  const none = undefined;
  assert.deepEqual(asked, [none, at, none, at, none, none, none, none, none, none, none, at]);
  // 640 was below both.
  assert.equal(ask(640), none);
  assert.equal(ask(701), at);
});

test('a level is asked of heaps after full collections only, garbage is none', () => {
  const ask = heapsUnder({ ...NONE, heapRatio: true });
  assert.equal(ask(990, { isCollected: false }), undefined);
  assert.equal(ask(710), 'heapRatio');
});

test('levels of the resident set are of the memory limit, at any moment', () => {
  const ask = heapsUnder({ ...NONE, rss: 0.8 });
  assert.equal(ask(1, { rss: 1599, isCollected: false }), undefined);
  assert.equal(ask(1, { rss: 1600, isCollected: false }), 'rss');
  assert.equal(ask(1, { rss: 1700 }), undefined);
});

test('growth is since the last profile, and what is small is none', () => {
  const ask = heapsUnder({ ...NONE, growth: 0.2 });
  const asked = [1, 15, 200, 239, 241, 280, 290].map((live) => ask(live));
  const none = undefined;
  assert.deepEqual(asked, [none, none, 'growth', none, 'growth', none, 'growth']);
});

test('peaks are those of the resident set, once each', () => {
  const ask = heapsUnder({ ...NONE, newPeak: true });
  const rss = [100, 109, 121, 100, 130, 134, 100, 147];
  const asked = rss.map((rss) => ask(1, { rss, isCollected: false }));
  const [none, peak] = [undefined, 'newPeak'];
  assert.deepEqual(asked, [none, none, peak, none, none, none, none, peak]);
});

test('growth and peaks do not trigger within five seconds, levels do', () => {
  const ask = heapsUnder({ growth: 0.1, newPeak: false, slope: false, rss: false });
  ask(100);
  assert.equal(ask(150, { seconds: 1 }), 'growth');
  assert.equal(ask(200, { seconds: 1 }), undefined);
  assert.equal(ask(700, { seconds: 1 }), 'heapRatio');
  assert.equal(ask(800, { seconds: 1 }), 'heapRatio');
});

test('the slope tells a limit that is less than an hour away', () => {
  const slow = heapsUnder({ ...NONE, slope: HOUR });
  for (let minute = 0; minute < 60; minute++)
    assert.equal(slow(100 + minute, { seconds: 60 }), undefined);
  const fast = heapsUnder({ ...NONE, slope: HOUR });
  const asked = Array.from({ length: 20 }, (_, minute) => fast(100 + 20 * minute, { seconds: 60 }));
  assert.equal(asked.filter((rule) => rule === 'slope').length, 2);
  assert.equal(asked.indexOf('slope'), 4);
});

test('there are at most so many in an hour, the last third for levels', () => {
  const ask = heapsUnder({
    growth: 0.1,
    heapRatio: [0.7, 0.8, 0.9],
    newPeak: false,
    slope: false,
    rss: false,
    perHour: 6,
  });
  let live = 50;
  const grown = [];
  for (; live < 650; live *= 1.2) grown.push(ask(live));
  assert.equal(grown.filter((rule) => rule === 'growth').length, 4);
  assert.deepEqual([ask(750), ask(850), ask(950)], ['heapRatio', 'heapRatio', undefined]);
  // It was not forgotten.
  assert.equal(ask(960, { seconds: 3600 }), 'heapRatio');
});

/** A leak under the default rules: what its last profile is short of at any moment, as a share of the limit. */
for (const [what, step, seconds] of [
  ['slow', 1, 30],
  ['fast', 20, 1],
  ['sudden', 60, 1],
]) {
  test(`black box: a ${what} leak is never more than a tenth of the limit or ten seconds ahead`, () => {
    const rules = new Rules(checkMonitorOptions({ rules: true }).rules);
    let [now, takenAt, takenBytes] = [0, -Infinity, 40];
    for (let live = 40; live < 1000; live += step) {
      now += seconds * 1000;
      const moment = {
        now,
        rss: (live + 50) * MIB,
        memoryLimit: 4000 * MIB,
        heapLimit: 1000 * MIB,
      };
      const rule = rules.evaluate({ ...moment, live: live * MIB });
      if (rule !== undefined) {
        rules.taken(moment.rss);
        [takenAt, takenBytes] = [now, live];
      }
      const isFresh = now - takenAt <= 10_000 || live - takenBytes <= 100;
      assert.ok(isFresh, `at ${live} MiB the last profile is of ${takenBytes} MiB`);
    }
  });
}

test('the schedule is a grid; a full collection in the last tenth is taken, what was missed is not', () => {
  const schedule = new Schedule(1000, 0);
  assert.deepEqual(
    [899, 900].map((now) => schedule.isDue(now, true)),
    [false, true],
  );
  assert.deepEqual(
    [999, 1000].map((now) => schedule.isDue(now, false)),
    [false, true],
  );
  schedule.advance(910);
  assert.equal(schedule.due, 2000);
  schedule.advance(2300);
  assert.equal(schedule.due, 3000);
  // The program was stopped for a while.
  schedule.advance(9500);
  assert.equal(schedule.due, 10_500);
  assert.equal(new Schedule(Infinity, 0).isDue(1e12, true), false);
});

/** A tree of files that stands for `/`. */
function tree(files) {
  const directory = mkdtempSync(join(temporary, 'root-'));
  for (const [path, text] of Object.entries(files)) {
    mkdirSync(dirname(join(directory, path)), { recursive: true });
    writeFileSync(join(directory, path), text);
  }
  return directory;
}

const V2 = '30 23 0:26 / /sys/fs/cgroup rw,nosuid - cgroup2 cgroup2 rw\n';
const V1 = '31 23 0:27 /docker/ab /sys/fs/cgroup/memory rw - cgroup cgroup rw,memory\n';

for (const [what, files, limit] of [
  ['no files', {}, Infinity],
  [
    'version 2, the least of nested ones',
    {
      'proc/self/cgroup': '0::/a.slice/b.scope\n',
      'proc/self/mountinfo': V2,
      'sys/fs/cgroup/a.slice/memory.max': '4096000\n',
      'sys/fs/cgroup/a.slice/b.scope/memory.max': '8192000\n',
      'sys/fs/cgroup/a.slice/b.scope/memory.high': 'max\n',
    },
    4096000,
  ],
  [
    'version 2, memory.high',
    {
      'proc/self/cgroup': '0::/a\n',
      'proc/self/mountinfo': V2,
      'sys/fs/cgroup/a/memory.max': 'max\n',
      'sys/fs/cgroup/a/memory.high': '2048000\n',
    },
    2048000,
  ],
  [
    'version 2 in a container that sees only its own',
    {
      'proc/self/cgroup': '0::/\n',
      'proc/self/mountinfo': V2,
      'sys/fs/cgroup/memory.max': '1024000\n',
    },
    1024000,
  ],
  [
    'a path that leads out of what is seen',
    {
      'proc/self/cgroup': '0::/../../other\n',
      'proc/self/mountinfo': V2,
      'sys/fs/cgroup/memory.max': '1024000\n',
    },
    1024000,
  ],
  [
    'version 1 in a container, whose path is what is mounted',
    {
      'proc/self/cgroup': '5:cpu,cpuacct:/docker/ab\n4:memory:/docker/ab\n0::/\n',
      'proc/self/mountinfo': V1,
      'sys/fs/cgroup/memory/memory.limit_in_bytes': '512000\n',
    },
    512000,
  ],
  [
    'version 1 without a limit',
    {
      'proc/self/cgroup': '4:memory:/docker/ab\n',
      'proc/self/mountinfo': V1,
      'sys/fs/cgroup/memory/memory.limit_in_bytes': '9223372036854771712\n',
    },
    Infinity,
  ],
  [
    'lines that say nothing',
    { 'proc/self/cgroup': 'x\n\n0::', 'proc/self/mountinfo': ' - \n1 - cgroup2\nx' },
    Infinity,
  ],
]) {
  test(`memory limit: ${what}`, async () => {
    assert.equal(await readMemoryLimit(tree(files)), Math.min(limit, totalmem()));
  });
}

test('rules as text', () => {
  assert.equal(readRules('R', '1'), true);
  assert.equal(readRules('R', '0'), false);
  const rules = readRules(
    'R',
    'growth=0.5,rss=off,newPeak=on,heapRatio=0.8:0.95,slope=30m,perHour=9',
  );
  const expected = {
    growth: 0.5,
    rss: false,
    newPeak: true,
    heapRatio: [0.8, 0.95],
    slope: 1_800_000,
    perHour: 9,
  };
  assert.deepEqual({ ...rules }, expected);
  for (const text of [
    '',
    '2',
    'growth',
    'growth=',
    'growth=x',
    'rss=1.5',
    'rss=0.5:',
    'a=1',
    'growth=1,',
    'perHour=off',
  ]) {
    assert.throws(() => readRules('R', text), {
      code: 'ERR_INVALID_ARG_VALUE',
      message: /^R needs 1, 0 or rules/,
    });
  }
});

test('the limit of the heap is that of the old generation', async () => {
  const path = JSON.stringify(join(root, 'lib', 'monitor', 'heap-size.js'));
  const print = `console.log(require(${path}).oldGenerationLimit() / 2 ** 20)`;
  const worker = `
    const { Worker } = require('node:worker_threads');
    new Worker(${JSON.stringify(print)}, { eval: true, resourceLimits: { maxOldGenerationSizeMb: 96 } });`;
  for (const [flags, program, expected] of [
    [['--max-old-space-size=64'], print, 64],
    [['--max-old-space-size=192', '--max-semi-space-size=8'], print, 192],
    [[], worker, 96],
  ]) {
    const { stdout, stderr } = await runChild('-e', [program], { execArgv: flags });
    assert.equal(stdout, `${expected}\n`, stderr);
  }
});
