// The real `go tool pprof` on what a real program wrote, and the same heap as @datadog/pprof sees it.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { gunzipSync } from 'node:zlib';
import { Profile } from 'pprof-format';
import { root, runChild, temporaryDirectory } from '../helpers.mjs';
import { complaints, findGo, peek, raw, top } from './pprof.mjs';

const fixtures = join(dirname(fileURLToPath(import.meta.url)), 'fixtures');
const leak = join(fixtures, 'leak.js');
const leakLine =
  readFileSync(leak, 'utf8')
    .split('\n')
    .findIndex((line) => line.includes('function leakOrders')) + 1;

/** Before Node.js 20 V8 keeps no collected objects. */
const INCLUDES = Number.parseInt(process.versions.node, 10) < 20 ? ['live'] : ['live', 'allocated'];

/** Runs a program that prints JSON. */
async function run(program, args, options) {
  const { code, stdout, stderr } = await runChild(program, args, options);
  assert.equal(code, 0, stderr);
  return JSON.parse(stdout);
}

/** The values that a profile must have, by type, in the order of the types. */
function expectedValues({ live, allocated }) {
  const values = {};
  for (const [prefix, estimate] of Object.entries({ alloc: allocated, inuse: live })) {
    if (estimate === null) continue;
    values[`${prefix}_objects`] = estimate.objects.estimate;
    values[`${prefix}_space`] = estimate.bytes.estimate;
  }
  return values;
}

/** Values were rounded once for each of so many samples. */
function assertSum(actual, expected, sampleCount, message) {
  assert.ok(Math.abs(actual - expected) <= sampleCount / 2, `${message}: ${actual}, ${expected}`);
}

/** A time.Duration of Go's as -raw shows it, its first four characters. */
function shownDuration(ms) {
  return (ms < 1000 ? `${ms}ms` : `${ms / 1000}s`).slice(0, 4);
}

test('go is there', () => findGo());

for (const include of INCLUDES) {
  test(`pprof shows what a program with include: '${include}' wrote`, async (t) => {
    const directory = temporaryDirectory();
    const truth = await run(leak, [root, include, directory]);
    const [before, after] = ['before', 'after'].map((name) => join(directory, `${name}.pb.gz`));
    const values = expectedValues(truth);
    const types = Object.keys(values);
    const shown = raw(after);

    await t.test('types, period, time and duration', () => {
      const units = { objects: 'count', space: 'bytes' };
      const expected = types.map((type) => `${type}/${units[type.split('_')[1]]}`);
      // The last one is the default.
      assert.deepEqual(shown.types, [...expected.slice(0, -1), `${expected.at(-1)}[dflt]`]);
      assert.equal(shown.header.get('PeriodType'), 'space bytes');
      assert.equal(shown.header.get('Period'), '16384');
      assert.ok(shown.header.get('Time').startsWith(truth.takenAt.slice(0, 10)));
      assert.equal(shown.header.get('Duration'), shownDuration(truth.durationMs));
    });

    await t.test('values are the estimates', () => {
      for (const [index, type] of types.entries()) {
        const sum = shown.samples.reduce((total, { values }) => total + values[index], 0);
        assertSum(sum, values[type], shown.samples.length, type);
      }
    });

    await t.test('labels and lines', () => {
      for (const { labels } of shown.samples) {
        for (const label of ['thread id:[0]', 'service:[shop]', 'version:[1.2.3]']) {
          assert.ok(labels.includes(label), labels);
        }
        assert.match(labels, /bytes:\[\d+\]/);
      }
      const places = shown.locations.filter(({ name }) => name === 'leakOrders');
      assert.deepEqual(places, [{ name: 'leakOrders', line: leakLine, startLine: leakLine }]);
    });

    await t.test('names are not looked for in binaries', () => assert.equal(complaints(after), ''));

    await t.test('the leak is first in -top, and -peek knows its caller', () => {
      for (const type of types) {
        assert.equal(top(after, type)[0].name, 'leakOrders', type);
        assert.match(peek(after, type, 'leakOrders'), /\| {3}main\n.*\| leakOrders\n/s);
      }
    });

    await t.test('-diff_base shows what leaked in between', () => {
      const type = include === 'live' ? 'inuse_space' : 'alloc_space';
      const rows = top(after, type, `-diff_base=${before}`);
      assert.equal(rows[0].name, 'leakOrders');
      const growth = rows.reduce((total, { flat }) => total + flat, 0);
      assertSum(growth, truth.growth, 2 * shown.samples.length, 'growth');
      // 20,000 arrays of 848 bytes are 17 MB.
      assert.ok(rows[0].flat > 13e6 && rows[0].flat < 21e6, String(rows[0].flat));
    });

    await t.test('pprof-format decodes the same', () => {
      const profile = Profile.decode(gunzipSync(readFileSync(after)));
      const text = (index) => profile.stringTable.strings[Number(index)];
      assert.deepEqual(
        profile.sampleType.map(({ type }) => text(type)),
        types,
      );
      for (const [index, type] of types.entries()) {
        const sum = profile.sample.reduce((total, { value }) => total + Number(value[index]), 0);
        assertSum(sum, values[type], profile.sample.length, type);
      }
      assert.equal(text(profile.defaultSampleType), types.at(-1));
      assert.equal(Number(profile.period), 16_384);
    });
  });
}

test('@datadog/pprof, asked for the same heap, tells the same', async () => {
  const directory = temporaryDirectory();
  const { ours, parsed } = await run(join(fixtures, 'beside-datadog.js'), [root, directory], {
    execArgv: ['--expose-gc'],
  });

  // What they wrote has V8's rounded counts, of which ours are worked out again. Their file has the
  // memory outside V8's heap too, which no estimate counts.
  assert.equal(parsed.sampleCount, ours.sampleCount);
  for (const of of ['bytes', 'objects']) {
    const [one, other] = [ours, parsed].map(({ estimate }) => estimate[of].estimate);
    assert.ok(Math.abs(one / other - 1) < 1e-9, `${of}: ${one}, ${other}`);
  }

  // Here their numbers are V8's own: the objects are far smaller than the interval, where its
  // rounding is a small share, and each function has half as much again as the next.
  const [mine, theirs] = ['ours', 'theirs'].map((name) =>
    top(join(directory, `${name}.pb.gz`), 'inuse_space', '-ignore=\\(external\\)').slice(0, 10),
  );
  const names = (rows) => rows.map(({ name }) => name);
  assert.deepEqual(names(mine), names(theirs));
  for (const [index, { name, flat }] of mine.entries()) {
    assert.ok(Math.abs(flat / theirs[index].flat - 1) < 0.03, `${name}: ${flat}`);
  }
});

/** pprof does not ask again by itself. */
async function patiently(work) {
  for (let attempt = 0; ; attempt++) {
    try {
      return work();
    } catch (error) {
      if (!/429/.test(error.message) || attempt === 20) throw error;
      await new Promise((resolve) => setTimeout(resolve, 1000));
    }
  }
}

test('pprof fetches from a server that runs', async (t) => {
  const env = { ...process.env, PORT: '0' };
  const server = spawn(process.execPath, [join(root, 'examples', 'http', 'server.js')], { env });
  t.after(() => server.kill());
  const [line] = await once(server.stdout.setEncoding('utf8'), 'data');
  const url = line.trim();
  for (let i = 0; i < 200; i++) await (await fetch(`${url}/login`)).json();
  const heap = `${url}/profiles/debug/pprof/heap`;
  assert.equal((await patiently(() => top(heap, 'inuse_space')))[0].name, 'login');
  // Nothing is requested meanwhile, and nothing grows.
  const rows = await patiently(() => top(heap, 'inuse_space', '-seconds=2'));
  const grown = rows.find(({ name }) => name === 'login');
  assert.ok(grown === undefined || grown.flat === 0, JSON.stringify(grown));
});
