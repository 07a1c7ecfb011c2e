// The real `go tool pprof` points at the lines that allocate and call, of a profile made by hand.
import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { before, test } from 'node:test';
import { fixture, root, temporaryDirectory } from '../helpers.mjs';
import { linedProfile } from '../lines.mjs';
import { findGo, list, raw, top, weblist } from './pprof.mjs';

const { Snapshot } = createRequire(import.meta.url)(root);
const script = fixture('lines', 'cache.js');
const file = join(temporaryDirectory(), 'lines.pb.gz');
const TYPE = 'inuse_space';

before(async () => {
  findGo();
  const profile = Buffer.from(JSON.stringify(linedProfile(script)));
  writeFileSync(file, await (await Snapshot.parse(profile)).encode('pprof'));
});

test('a location has the line of the call or of the allocation, a function its start', () => {
  const places = raw(file).locations.map(({ name, line, startLine }) => [name, line, startLine]);
  assert.deepEqual(places.sort(), [
    ['handle', 13, 12],
    ['handle', 14, 12],
    ['remember', 7, 6],
    ['remember', 8, 6],
    ['remember', 9, 6],
    ['set', 0, 0],
  ]);
});

test('-top is by function, -lines by line', () => {
  const names = (...options) => top(file, TYPE, ...options).map(({ name }) => name);
  assert.deepEqual(names(), ['remember', 'set', 'handle']);
  const lines = names('-lines');
  assert.equal(lines[0], `remember ${script}:8`);
  assert.ok(lines.includes(`handle ${script}:13`) && lines.includes(`handle ${script}:14`), lines);
});

test('-list and -weblist put the bytes beside the code', () => {
  const text = list(file, TYPE, 'remember');
  const rows = text.split('\n').map((row) => /^ *(\S+) +(\S+) +(\d+):(.*)$/.exec(row));
  const own = Object.fromEntries(rows.filter(Boolean).map(([, flat, , line]) => [line, flat]));
  assert.match(text, /8: {2}entry\.body = new Array\(50\)\.fill\(key\);/);
  assert.ok(Number.parseFloat(own[8]) > Number.parseFloat(own[7]), text);
  assert.equal(own[6], '.');
  assert.match(list(file, TYPE, 'handle'), /13: {2}remember\(request\.url\);/);
  assert.match(weblist(file, TYPE, 'remember'), /entry\.body = new Array/);
});
