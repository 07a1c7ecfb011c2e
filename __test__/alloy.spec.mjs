// Profiles that Grafana Alloy scrapes: what it computes of two in a row is true.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import heapProfile from '../index.js';
import { DeltaComputer, decode } from './alloy.mjs';
import { fixture, runChild } from './helpers.mjs';

const retained = [];
const major = Number.parseInt(process.versions.node, 10);
// Before Node.js 20 V8 keeps no collected objects.
const include = major >= 20 ? 'allocated' : 'live';

// Stacks of one depth, and objects of one size: only the names and places differ.
const left = { keep: () => retained.push(new Array(2000).fill(0)) };
const right = { keep: () => retained.push(new Array(2000).fill(0)) };

function allocate(count) {
  for (let i = 0; i < count; i++) {
    left.keep();
    right.keep();
  }
}

before(() => heapProfile.start({ sampleIntervalBytes: 8192, include }));
after(() => heapProfile.stop());

const encode = () => heapProfile.snapshot().encode('pprof', { labels: { service: 'shop' } });

/** The sums of all samples, by type. */
function sumsOf({ types, samples }) {
  const sum = (index) => samples.reduce((total, { values }) => total + values[index], 0);
  return Object.fromEntries(types.map((type, index) => [type, sum(index)]));
}

test('no two stacks of a profile look alike to Alloy, in whichever profile they are', async () => {
  allocate(500);
  const first = decode(await encode());
  allocate(500);
  const second = decode(await encode());
  const stacks = new Map();
  for (const { samples } of [first, second]) {
    assert.equal(new Set(samples.map(({ key }) => key)).size, samples.length);
    for (const { key, stack } of samples) assert.equal(stacks.get(key) ?? stack, stack);
    for (const { key, stack } of samples) stacks.set(key, stack);
  }
  const distinct = new Set(stacks.values());
  assert.equal(distinct.size, stacks.size);
  assert.ok(second.samples.length > 10);
});

test('what Alloy sends on is what was allocated in between, and what is live', async () => {
  const alloy = new DeltaComputer();
  const first = await encode();
  assert.equal(alloy.add(first).samples.length, decode(first).samples.length);
  allocate(1000);
  const second = await encode();
  const [before, now] = [sumsOf(decode(first)), sumsOf(decode(second))];
  const expected = Object.entries(now).map(([type, value]) => {
    return [type, type.startsWith('alloc_') ? value - before[type] : value];
  });
  assert.deepEqual(sumsOf(alloy.add(second)), Object.fromEntries(expected));
});

test('addresses are there, unique, and outlast the process', async () => {
  const { locations, mappings } = decode(await encode());
  const addresses = locations.map(({ address }) => String(address));
  assert.equal(new Set(addresses).size, addresses.length);
  assert.ok(!addresses.includes('0'));
  // The names that locations have are all there is: nobody has to look for binaries.
  assert.equal(mappings.length, 1);
  assert.equal(mappings[0].hasFunctions, true);
  for (const { mappingId } of locations) assert.equal(mappingId, mappings[0].id);

  const program = fixture('addresses.js');
  const runs = [await runChild(program), await runChild(program)];
  for (const { code, stderr } of runs) assert.equal(code, 0, stderr);
  const [one, other] = runs.map(({ stdout }) => decode(Buffer.from(stdout, 'base64')));
  const keysOf = ({ samples }) => samples.filter(({ stack }) => stack.includes('keepArrays'));
  const stacksOf = new Map(keysOf(one).map(({ key, stack }) => [key, stack]));
  const shared = keysOf(other).filter(({ key, stack }) => stacksOf.get(key) === stack);
  assert.ok(shared.length > 0, JSON.stringify([keysOf(one), keysOf(other)]));
});
