// What scrapers ask for, as they ask for it, and what they demand of the answer: Grafana Alloy, Parca, and the OpenTelemetry
// collector's pprof receiver (doc/fleet.md).
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { request as ask, createServer } from 'node:http';
import { after, before, test } from 'node:test';
import { gunzipSync } from 'node:zlib';
import heapProfile from '../index.js';
import { DeltaComputer, decode } from './alloy.mjs';

const TIMEOUT = { timeout: 120_000 };
const token = 'scraper';
const retained = [];
let server;

before(async () => {
  heapProfile.start({ sampleIntervalBytes: 8192 });
  for (let i = 0; i < 10_000; i++) retained.push({ i, values: [i, i] });
  server = createServer(heapProfile.handler({ token })).listen(0, '127.0.0.1');
  await once(server, 'listening');
});

after(() => {
  server.close();
  server.closeAllConnections();
  heapProfile.stop();
});

/** What Go's client sends for a scraper, and what comes back; a scraper that is told to wait asks later. */
async function scrape(path, userAgent) {
  const headers = {
    Host: `127.0.0.1:${server.address().port}`,
    'User-Agent': userAgent,
    Authorization: `Bearer ${token}`,
    'Accept-Encoding': 'gzip',
  };
  const { port } = server.address();
  for (;;) {
    const asked = ask({ port, host: '127.0.0.1', path, headers, agent: false }).end();
    const [response] = await once(asked, 'response');
    const body = Buffer.concat(await response.toArray());
    if (response.statusCode !== 429) return { response, body };
    await new Promise((resolve) => setTimeout(resolve, 200));
  }
}

/** As Alloy's validate.go has it. */
function assertIsPprof({ response, body }) {
  assert.equal(response.statusCode, 200);
  assert.match(response.headers['content-type'], /^application\/octet-stream/);
  // Go's client would undo this, and count the bytes wrongly.
  assert.equal(response.headers['content-encoding'], undefined);
  assert.equal(Number(response.headers['content-length']), body.length);
  assert.deepEqual([...body.subarray(0, 2)], [0x1f, 0x8b]);
  assert.ok(gunzipSync(body).length > 100);
}

test('Alloy: allocs twice, subtracted', TIMEOUT, async () => {
  const alloy = new DeltaComputer();
  const first = await scrape('/debug/pprof/allocs', 'Alloy/v1.12.0');
  assertIsPprof(first);
  alloy.add(first.body);
  const second = await scrape('/debug/pprof/allocs', 'Alloy/v1.12.0');
  assertIsPprof(second);
  const sent = alloy.add(second.body);
  const live = (of) => of.samples.reduce((sum, { values }) => sum + values.at(-1), 0);
  assert.equal(live(sent), live(decode(second.body)));
});

test('Alloy: delta_heap, for which it computes nothing itself', TIMEOUT, async () => {
  assertIsPprof(await scrape('/debug/pprof/delta_heap', 'Alloy/v1.12.0'));
});

test('Alloy asks for what Node has not, unless it is told', TIMEOUT, async () => {
  for (const name of ['block', 'goroutine', 'mutex', 'profile?seconds=14']) {
    const { response } = await scrape(`/debug/pprof/${name}`, 'Alloy/v1.12.0');
    assert.equal(response.statusCode, 404);
  }
});

test('Parca: heap, all types of which have a name and a unit', TIMEOUT, async () => {
  const scraped = await scrape('/debug/pprof/heap', 'Parca/0.24.0');
  assertIsPprof(scraped);
  const { types, locations } = decode(scraped.body);
  assert.deepEqual(types.slice(-2), ['inuse_objects', 'inuse_space']);
  for (const { line, mappingId } of locations)
    assert.ok(line.length > 0 && Number(mappingId) === 1);
});

test('the OpenTelemetry collector: the whole URL', TIMEOUT, async () => {
  assertIsPprof(await scrape('/debug/pprof/heap', 'Go-http-client/1.1'));
});
