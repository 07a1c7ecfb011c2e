// Stands in for Pyroscope's /ingest: checks each request as Pyroscope does, and more strictly where we know better.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer } from 'node:http';
import { gunzipSync } from 'node:zlib';
import { decode } from './alloy.mjs';

const MAX_BYTES = 4 * 2 ** 20;
const MAX_SAMPLES = 16_000;
const MAX_AGE_MS = 3_600_000;

/** Pyroscope's parser of `name`: a value goes on to a comma or a brace, and knows no quotes. */
function parseName(text) {
  const [, app, list] = /^([^{]+)\{(.*)\}$/.exec(text);
  assert.match(app, /^[A-Za-z_][\w./-]*$/);
  const pairs = list === '' ? [] : list.split(',').map((pair) => pair.split('='));
  for (const [key, value] of pairs) {
    assert.match(key, /^[A-Za-z_][\w.]*$/);
    assert.ok(!/["{}]/.test(value), value);
  }
  return { app, labels: Object.fromEntries(pairs) };
}

/** The one part of a form, which must be called `profile`. */
function parseForm(contentType, body) {
  const [, boundary] = /^multipart\/form-data; boundary=([\w-]{1,70})$/.exec(contentType);
  const text = body.toString('latin1');
  const end = `\r\n--${boundary}--\r\n`;
  assert.ok(text.startsWith(`--${boundary}\r\n`) && text.endsWith(end));
  const start = text.indexOf('\r\n\r\n') + 4;
  assert.match(
    text.slice(0, start),
    /^Content-Disposition: form-data; name="profile"; filename="[\w.]+"\r$/m,
  );
  const part = text.slice(start, -end.length);
  assert.ok(!part.includes(`--${boundary}`));
  return Buffer.from(part, 'latin1');
}

function checkRequest(request, body) {
  assert.equal(request.method, 'POST');
  const { pathname, searchParams } = new URL(request.url, 'http://x');
  assert.equal(pathname, '/ingest');
  assert.deepEqual([...searchParams.keys()], ['name', 'from', 'until', 'spyName']);
  assert.equal(Number(request.headers['content-length']), body.length);
  const [from, until] = ['from', 'until'].map((key) => searchParams.get(key));
  for (const time of [from, until]) assert.match(time, /^\d{13}$/);
  assert.ok(Number(from) <= Number(until) && Number(until) <= Date.now() + 1000);
  assert.ok(Number(until) > Date.now() - MAX_AGE_MS);
  const bytes = parseForm(request.headers['content-type'], body);
  assert.ok(gunzipSync(bytes).length <= MAX_BYTES);
  const profile = decode(bytes);
  assert.ok(profile.samples.length <= MAX_SAMPLES);
  const sizes = [Number(from), Number(until)];
  return { ...parseName(searchParams.get('name')), from: sizes[0], until: sizes[1], profile };
}

/**
 * `answer(response, index)` answers what was checked, by default as Pyroscope does; false if that is no answer. `requests` are those that were
 * taken, `wrong` why others were not, `most` how many were open at once.
 */
export async function standIn(t, answer = (response) => response.end()) {
  const pyroscope = { requests: [], wrong: [], open: 0, most: 0, attempts: 0 };
  const server = createServer(async (request, response) => {
    pyroscope.open += 1;
    pyroscope.most = Math.max(pyroscope.most, pyroscope.open);
    response.on('close', () => {
      pyroscope.open -= 1;
    });
    try {
      const body = Buffer.concat(await request.toArray());
      const taken = { ...checkRequest(request, body), headers: request.headers };
      const isTaken = await answer(response, pyroscope.attempts++);
      if (isTaken !== false && response.statusCode < 300) pyroscope.requests.push(taken);
    } catch (error) {
      if (error.code === 'ECONNRESET') return;
      pyroscope.wrong.push(error);
      response.writeHead(500).end();
    }
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.after(() => {
    server.close();
    server.closeAllConnections();
  });
  return Object.assign(pyroscope, { server, url: `http://127.0.0.1:${server.address().port}` });
}
