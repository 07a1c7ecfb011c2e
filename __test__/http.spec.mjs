// Profiles over HTTP: what is answered, to whom, and how often.
import assert from 'node:assert/strict';
import { fork } from 'node:child_process';
import { EventEmitter, once } from 'node:events';
import { mkdtempSync, readFileSync, statSync, utimesSync, writeFileSync } from 'node:fs';
import { request as ask, createServer } from 'node:http';
import { createRequire } from 'node:module';
import { connect } from 'node:net';
import { join, relative } from 'node:path';
import { performance } from 'node:perf_hooks';
import { after, before, test } from 'node:test';
import { gunzipSync } from 'node:zlib';
import { Profile } from 'pprof-format';
import heapProfile, { Snapshot } from '../index.js';
import { decode } from './alloy.mjs';
import { fixture, runChild, temporaryDirectory } from './helpers.mjs';

const TIMEOUT = { timeout: 120_000 };
const directory = temporaryDirectory();
const retained = [];

function retainRecords(count) {
  for (let i = 0; i < count; i++) retained.push({ index: i, values: [i, i, i, i] });
}

before(() => {
  heapProfile.start({ sampleIntervalBytes: 8192 });
  retainRecords(60_000);
});

after(() => heapProfile.stop());

/** A server that answers with a listener until the test is over; its URL. */
async function serve(t, listener) {
  const server = createServer(listener).listen(0, '127.0.0.1');
  t.after(() => {
    server.close();
    server.closeAllConnections();
  });
  await once(server, 'listening');
  return Object.assign(new URL(`http://127.0.0.1:${server.address().port}/`), { server });
}

/** What is answered: waits where it is told to. */
async function get(url, headers = {}) {
  for (;;) {
    const response = await fetch(url, { headers });
    const body = Buffer.from(await response.arrayBuffer());
    const { status } = response;
    if (status !== 429) return { status, body, text: body.toString(), headers: response.headers };
    const seconds = Number(response.headers.get('retry-after'));
    assert.ok(seconds >= 1 && seconds <= 300, String(seconds));
    await new Promise((resolve) => setTimeout(resolve, 200));
  }
}

/** Asks for a window until one has begun; `asked` is what will be answered. */
async function beginWindow(url, seconds, options) {
  for (;;) {
    const begun = once(url.server, 'request');
    const asked = fetch(new URL(`debug/pprof/heap?seconds=${seconds}`, url), options);
    const [, response] = await begun;
    await new Promise((resolve) => setImmediate(resolve));
    if (!response.writableEnded) return { asked };
    await asked;
    await new Promise((resolve) => setTimeout(resolve, 200));
  }
}

test('each path has its type and its content', TIMEOUT, async (t) => {
  const url = await serve(t, heapProfile.handler());
  for (const name of ['heap', 'allocs', 'delta_heap']) {
    const { status, headers, body } = await get(new URL(`debug/pprof/${name}`, url));
    assert.equal(status, 200);
    assert.equal(headers.get('content-type'), 'application/octet-stream');
    assert.equal(headers.get('x-content-type-options'), 'nosniff');
    assert.equal(headers.get('cache-control'), 'no-store');
    assert.match(headers.get('content-disposition'), /attachment; filename="\w+\.pb\.gz"/);
    const { types, samples } = decode(body);
    assert.deepEqual(types, ['inuse_objects', 'inuse_space']);
    assert.ok(samples.some(({ stack }) => stack.includes('retainRecords')));
  }
  const file = await get(new URL('heap.heapprofile', url));
  assert.equal(file.headers.get('content-type'), 'application/octet-stream');
  assert.ok((await Snapshot.parse(file.body)).sampleCount > 10);
  const page = await get(url);
  assert.match(page.headers.get('content-type'), /^text\/html/);
  assert.match(page.text, /<iframe src="flamegraph"/);
  assert.match(page.headers.get('content-security-policy'), /default-src 'none'/);
  const graph = await get(new URL('flamegraph', url));
  assert.match(graph.text, /retainRecords/);
  const text = await get(new URL('debug/pprof/heap?debug=1', url));
  assert.match(text.headers.get('content-type'), /^text\/plain/);
  assert.match(text.text, /^heap profile: \d+: \d+ \[live\] @ heap\/8192\n\d+: \d+ \(\d/);
  assert.match(text.text, /#\tretainRecords \(.*http\.spec\.mjs:\d+\)/);
});

test('?seconds=N is what changed in between, and less where it became less', TIMEOUT, async (t) => {
  const url = await serve(t, heapProfile.handler());
  const { asked } = await beginWindow(url, 2);
  const shared = fetch(new URL('debug/pprof/heap?seconds=2', url));
  retainRecords(20_000);
  const response = await asked;
  assert.equal(response.status, 200);
  const body = Buffer.from(await response.arrayBuffer());
  // On a loaded machine it may come later than in the same second.
  const same = await shared;
  if (same.status === 200) assert.ok(Buffer.from(await same.arrayBuffer()).equals(body));
  else assert.equal(same.status, 429);
  const profile = Profile.decode(gunzipSync(body));
  assert.ok(Number(profile.durationNanos) >= 2e9 && Number(profile.durationNanos) < 60e9);
  const { samples } = decode(body);
  const grown = samples.filter(({ stack }) => stack.includes('retainRecords'));
  const bytes = grown.reduce((sum, { values }) => sum + values[1], 0);
  // 20,000 records of some 120 bytes and what the array grew; the 60,000 from before would be three times as many.
  assert.ok(bytes > 1e6 && bytes < 7e6, String(bytes));
});

test('what was allocated is told once by delta_heap', TIMEOUT, async () => {
  const major = Number.parseInt(process.versions.node, 10);
  const include = major < 20 ? 'live' : 'allocated';
  const { code, stdout, stderr } = await runChild(fixture('http-deltas.js'), [include]);
  assert.equal(code, 0, stderr);
  const [first, second, leads] = JSON.parse(stdout);
  if (include === 'live') {
    assert.deepEqual(
      [Object.keys(first), leads],
      [['inuse_objects', 'inuse_space'], 'inuse_space'],
    );
    return;
  }
  assert.equal(leads, 'alloc_space');
  // 8 MB before, nothing of it after; what is live is told each time.
  assert.ok(first.alloc_space > 5e6, stdout);
  assert.equal(second.alloc_space, 0, stdout);
});

test('who asks within a second shares a capture, others wait', TIMEOUT, async (t) => {
  const url = await serve(t, heapProfile.handler());
  const heap = new URL('debug/pprof/heap', url);
  const start = performance.now();
  const responses = await Promise.all(Array.from({ length: 100 }, () => fetch(heap)));
  const seconds = (performance.now() - start) / 1000;
  const good = responses.filter(({ status }) => status === 200);
  for (const { status } of responses) assert.ok(status === 200 || status === 429);
  const bodies = await Promise.all(good.map(async (one) => Buffer.from(await one.arrayBuffer())));
  const captures = new Set(bodies.map((body) => body.toString('base64'))).size;
  // One of the test before may still be shared.
  assert.ok(captures >= 1 && captures <= 2 + seconds, `${captures} in ${seconds} s`);
});

test('a thousand who ask at once cost the memory of a few', TIMEOUT, async (t) => {
  const child = fork(fixture('http-load.js'));
  t.after(() => child.kill());
  const [url] = await once(child, 'message');
  const peak = async () => {
    child.send('peak');
    return (await once(child, 'message'))[0];
  };
  assert.equal((await get(url)).status, 200);
  const one = await peak();
  for (let round = 0; round < 3; round++) {
    const answers = await Promise.all(
      Array.from({ length: 1000 }, async () => {
        // Not fetch(), which gives up after ten seconds.
        const [response] = await once(ask(url, { agent: false }).end(), 'response');
        await once(response.resume(), 'end');
        return response.statusCode;
      }),
    );
    for (const status of answers) assert.ok(status === 200 || status === 429, String(status));
  }
  const thousand = await peak();
  // Sockets and requests take some 30 MB; a profile for each would take gigabytes.
  assert.ok(thousand - one < 200 * 2 ** 20, `${one} ${thousand}`);
});

/** Time that passes when it is told to, for what asks `performance` and setTimeout(). */
function fakeClock(t) {
  let now = 1e6;
  const timers = new Set();
  t.mock.method(performance, 'now', () => now);
  t.mock.method(globalThis, 'setTimeout', (call, milliseconds) => {
    timers.add({ call, at: now + milliseconds });
    return { unref() {} };
  });
  return (milliseconds) => {
    now += milliseconds;
    for (const timer of timers) {
      if (timer.at > now) continue;
      timers.delete(timer);
      timer.call();
    }
  };
}

test('who reads too slowly is cut off for others', TIMEOUT, async (t) => {
  const { Captures } = createRequire(import.meta.url)('../lib/http/captures.js');
  const captures = new Captures();
  const pass = fakeClock(t);
  const slow = Object.assign(new EventEmitter(), {
    isCut: false,
    destroy() {
      this.isCut = true;
    },
  });
  const first = captures.take(false);
  await first.encoded('pprof', (snapshot) => snapshot.encode('pprof'));
  captures.reads(slow);
  assert.equal(captures.take(false), first);
  for (const milliseconds of [1001, 8000]) {
    pass(milliseconds);
    assert.throws(() => captures.take(false), { status: 429 });
    assert.ok(!slow.isCut);
  }
  pass(1000);
  assert.notEqual(captures.take(false), first);
  assert.ok(slow.isCut);
});

test('garbage is collected when asked for, and not often', TIMEOUT, async (t) => {
  const url = await serve(t, heapProfile.handler());
  const before = heapProfile.status().fullCollections;
  const { status } = await get(new URL('debug/pprof/heap?gc=1', url));
  assert.equal(status, 200);
  assert.ok(heapProfile.status().fullCollections > before);
  let again;
  // The first second's capture is shared.
  do again = await fetch(new URL('debug/pprof/heap?gc=1', url));
  while (again.status === 200);
  assert.equal(again.status, 429);
  assert.ok(Number(again.headers.get('retry-after')) >= 1);
  assert.equal((await get(new URL('debug/pprof/heap', url))).status, 200);
});

test('HEAD costs nothing, other methods are refused, wrong parameters too', TIMEOUT, async (t) => {
  const url = await serve(t, heapProfile.handler());
  for (const path of ['', 'debug/pprof/heap?gc=1', 'debug/pprof/heap?seconds=300', 'leaks']) {
    const head = await fetch(new URL(path, url), { method: 'HEAD' });
    assert.equal(head.status, 200, path);
    assert.equal((await head.arrayBuffer()).byteLength, 0);
  }
  for (const method of ['POST', 'PUT', 'DELETE', 'OPTIONS', 'PATCH']) {
    const answer = await fetch(new URL('debug/pprof/heap', url), { method });
    assert.equal(answer.status, 405, method);
    assert.equal(answer.headers.get('allow'), 'GET, HEAD');
  }
  for (const query of [
    'seconds=-1',
    'seconds=301',
    'seconds=1e2',
    'seconds=x',
    'seconds=1&debug=1',
    'seconds=99999999999999999999',
    'seconds=%00',
    'seconds=0x5',
  ]) {
    const answer = await get(new URL(`debug/pprof/heap?${query}`, url));
    assert.equal(answer.status, 400, query);
  }
  for (const path of [
    'x',
    'debug/pprof',
    'debug/pprof/profile',
    'debug/pprof/heap/',
    'LEAKS',
    '__proto__',
    'constructor',
    'a/debug/pprof/heap',
  ]) {
    assert.equal((await get(new URL(path, url))).status, 404, path);
  }
});

test('absurd queries are answered', TIMEOUT, async (t) => {
  const url = await serve(t, heapProfile.handler());
  const queries = [
    '?',
    '?&&&=&',
    '?debug=%zz',
    `?${'a=1&'.repeat(2000)}`,
    '?gc=1e9',
    '?debug=-1',
    '?__proto__=1&seconds=',
    '?seconds=0',
    '#x?gc=1',
  ];
  for (const query of queries) {
    const { status } = await get(`${url}debug/pprof/heap${query}`);
    assert.equal(status, 200, query.slice(0, 20));
  }
});

test('with a token nobody else is answered, whatever it is made of', TIMEOUT, async (t) => {
  for (const token of ['secret', 'pässwörd-😀', 'x'.repeat(4000)]) {
    const url = await serve(t, heapProfile.handler({ token }));
    const latin1 = Buffer.from(token).toString('latin1');
    const status = async (authorization) => {
      const headers = authorization === undefined ? {} : { authorization };
      return new Promise((resolve, reject) => {
        ask(new URL('leaks?format=json', url), { headers, agent: false }, (response) => {
          response.resume();
          resolve(response.statusCode);
        })
          .on('error', reject)
          .end();
      });
    };
    for (const wrong of [
      undefined,
      '',
      'Bearer',
      `Bearer ${latin1}x`,
      `Basic ${latin1}`,
      latin1,
      `Bearer ${latin1.slice(1)}`,
      `Bearer x ${latin1}`,
    ]) {
      assert.equal(await status(wrong), 401, String(wrong).slice(0, 30));
    }
    // Allowed, but there are no files.
    assert.equal(await status(`Bearer ${latin1}`), 404);
    assert.equal(await status(`bearer  ${latin1}`), 404);
  }
});

test(
  'without sampling the answer is 503 and tells why, no path and no stack',
  TIMEOUT,
  async () => {
    const { code, stdout, stderr } = await runChild(fixture('http-stopped.js'));
    assert.equal(code, 0, stderr);
    const used =
      'no profile can be taken: another profiler samples this thread (ERR_SAMPLER_IN_USE)\n';
    const stopped = 'sampling was stopped: call start() of heap-profile\n';
    assert.deepEqual(JSON.parse(stdout), [[503, used], 200, [503, stopped]]);
  },
);

test(
  'a session outlasts the monitor that started it while a handler needs it',
  TIMEOUT,
  async () => {
    const { code, stdout, stderr } = await runChild(fixture('http-session.js'), [directory]);
    assert.equal(code, 0, stderr);
    assert.deepEqual(JSON.parse(stdout), {
      afterMonitor: 200,
      afterStop: 503,
      afterStart: 200,
      errors: [],
      // The program's own start() is the program's to end.
      afterAll: true,
      afterListening: [true, false],
    });
  },
);

test('a prefix is a directory, and nothing else is answered', TIMEOUT, async (t) => {
  const handle = heapProfile.handler({ prefix: '/profiling/x' });
  const url = await serve(t, handle);
  const status = async (path) => (await fetch(new URL(path, url), { redirect: 'manual' })).status;
  assert.equal(await status('profiling/x/'), 200);
  for (const path of [
    '',
    'leaks',
    'profiling/',
    'profiling/xleaks',
    'profiling/x/x/leaks',
    'profiling//x/leaks',
    'profiling/%78/leaks',
  ]) {
    assert.equal(await status(path), 404, path);
  }
  const redirected = await fetch(new URL('profiling/x', url), { redirect: 'manual' });
  assert.deepEqual([redirected.status, redirected.headers.get('location')], [302, './x/']);
  assert.match((await get(new URL('profiling/x', url))).text, /<iframe/);
  // What is not ours is left to others, with or without a token.
  let left = 0;
  const guarded = await serve(t, (request, response) =>
    heapProfile.handler({ token: 'secret', prefix: '/p' })(request, response, () => {
      left += 1;
      response.end('theirs');
    }),
  );
  assert.equal((await get(new URL('leaks', guarded))).text, 'theirs');
  assert.equal((await get(new URL('p/leaks', guarded))).status, 401);
  assert.equal(left, 1);
  // What somebody has answered already stays as it is.
  let outcome;
  const answered = await serve(t, (request, response) => {
    response.end('theirs');
    outcome = handle(request, response);
  });
  assert.equal((await get(new URL('x', answered))).text, 'theirs');
  await outcome;
});

/** Sends bytes as they are; what came back until the connection ended. */
function raw(url, text) {
  return new Promise((resolve, reject) => {
    const socket = connect(url.port, '127.0.0.1', () => socket.end(text));
    let answer = '';
    socket.setEncoding('latin1').on('data', (part) => {
      answer += part;
    });
    socket.on('error', reject).on('close', () => resolve(answer));
  });
}

test('requests that no browser sends', TIMEOUT, async (t) => {
  const url = await serve(t, heapProfile.handler({ prefix: '/p', token: 'secret' }));
  const line = (target) => `GET ${target} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n`;
  // Absolute forms, and paths that look like ours to a careless reader.
  assert.match(await raw(url, line('http://evil/p/leaks')), /^HTTP\/1\.1 401/);
  for (const target of [
    '//p/leaks',
    '/p%2fleaks',
    '/p/../leaks',
    '/x/../p/leaks',
    '/p;/leaks',
    '/p/%2e/leaks',
    '*',
    '/p\\leaks',
    'http://p/leaks',
  ]) {
    assert.match(await raw(url, line(target)), /^HTTP\/1\.1 4(?:04|00)/, target);
  }
  // A body with a request in it is no second request.
  const smuggled = 'GET /p/leaks HTTP/1.1\r\nAuthorization: Bearer secret\r\n\r\n';
  const answer = await raw(
    url,
    `GET /p/leaks HTTP/1.1\r\nHost: x\r\nContent-Length: ${smuggled.length}\r\nConnection: close\r\n\r\n${smuggled}`,
  );
  assert.equal(answer.match(/HTTP\/1\.1 /g).length, 1);
  assert.match(answer, /^HTTP\/1\.1 401/);
});

test('a window ends when nobody waits for it, and when the server closes', TIMEOUT, async (t) => {
  const url = await serve(t, heapProfile.handler());
  const gone = new AbortController();
  const { asked } = await beginWindow(url, 299, { signal: gone.signal });
  const refused = await fetch(new URL('debug/pprof/heap?seconds=1', url));
  assert.equal(refused.status, 429);
  assert.ok(Number(refused.headers.get('retry-after')) > 200);
  gone.abort();
  await assert.rejects(asked);
  // It makes room for another.
  assert.equal((await get(new URL('debug/pprof/heap?seconds=1', url))).status, 200);
  const { asked: last } = await beginWindow(url, 299);
  url.server.close();
  assert.equal((await last).status, 200);
});

test('/leaks is the verdict over the files, without their paths', TIMEOUT, async (t) => {
  const dir = mkdtempSync(join(directory, 'leaks-'));
  for (let index = 0; index < 3; index++) {
    retainRecords(1000);
    await heapProfile.snapshot().write(join(dir, `${index}.heapprofile`));
  }
  writeFileSync(join(dir, '3.heapprofile'), 'no profile');
  const files = () => [0, 1, 2, 3].map((index) => join(dir, `${index}.heapprofile`));
  for (const options of [{ dir: relative('.', dir) }, { monitor: { files } }]) {
    const url = await serve(t, heapProfile.handler(options));
    const { status, text } = await get(new URL('leaks', url), { accept: 'application/json' });
    assert.equal(status, 200);
    const answer = JSON.parse(text);
    assert.deepEqual(answer.snapshots, ['0.heapprofile', '1.heapprofile', '2.heapprofile']);
    assert.equal(answer.skipped[0].path, '3.heapprofile');
    assert.ok(!text.includes(directory));
    const told = await get(new URL('leaks', url));
    assert.match(told.headers.get('content-type'), /^text\/plain/);
    assert.match(told.text, /^(?:leaking|growing|unknown|steady)\n\n3 profiles over /);
    assert.ok(!told.text.includes(dir));
  }
  const none = await serve(t, heapProfile.handler());
  assert.equal((await get(new URL('leaks', none))).status, 404);
  const empty = await serve(t, heapProfile.handler({ monitor: { files: () => [] } }));
  assert.match((await get(new URL('leaks', empty))).text, /^leaks needs two or more profiles/);
});

test('/leaks looks at the files of a directory that were written last', TIMEOUT, async () => {
  const dir = mkdtempSync(join(directory, 'newest-'));
  const [first, second] = ['a-1', 'a-2'].map((name) => join(dir, `${name}.heapprofile`));
  for (const path of [first, second]) await heapProfile.snapshot().write(path);
  for (let i = 0; i < 98; i++) writeFileSync(join(dir, `b-${i}.heapprofile`), '');
  const old = join(dir, 'c.heapprofile');
  writeFileSync(old, '');
  utimesSync(old, 1e9, 1e9);
  const { LeakAnswers } = createRequire(import.meta.url)('../lib/http/leaks.js');
  const { skipped } = await new LeakAnswers({ dir }).take();
  assert.equal(skipped.length, 98);
  assert.ok(skipped.every(({ path }) => path.startsWith('b-')));
});

test('listen() serves a port or a socket, and ends', TIMEOUT, async (t) => {
  const server = await heapProfile.listen({ port: 0 });
  t.after(() => server.close());
  assert.match(server.url, /^http:\/\/127\.0\.0\.1:\d+\/$/);
  assert.equal((await get(`${server.url}debug/pprof/heap`)).status, 200);
  const { port } = new URL(server.url);
  const named = (host) =>
    raw({ port }, `HEAD / HTTP/1.1\r\nHost: ${host}\r\nConnection: close\r\n\r\n`);
  // By a name of its own a page could read what is here.
  assert.match(await named('evil.example'), /^HTTP\/1\.1 403/);
  for (const host of ['localhost', `localhost:${port}`, '127.0.0.1', '[::1]:1']) {
    assert.match(await named(host), /^HTTP\/1\.1 200/, host);
  }
  await assert.rejects(heapProfile.listen({ port: Number(port) }), { code: 'EADDRINUSE' });
  // However the address is spelt.
  for (const host of ['LOCALHOST', '127.1', '::ffff:127.0.0.1']) {
    const other = await heapProfile.listen({ port: 0, host });
    t.after(() => other.close());
    const place = { port: new URL(other.url).port };
    const answer = await raw(place, `HEAD / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n`);
    assert.match(answer, /^HTTP\/1\.1 403/, host);
  }
  await server.close();
  assert.equal(server.url, undefined);
  await assert.rejects(fetch(`http://127.0.0.1:${port}/`));
});

test('a socket is for its owner, and replaces what a killed process left', TIMEOUT, async (t) => {
  const socket = join(mkdtempSync(join(directory, 'socket-')), 's');
  const { signal } = await runChild(fixture('http-socket.js'), [socket]);
  assert.equal(signal, 'SIGKILL');
  const server = await heapProfile.listen({ socket });
  t.after(() => server.close());
  assert.equal(statSync(socket).mode & 0o777, 0o600);
  const status = await new Promise((resolve, reject) => {
    ask({ socketPath: socket, path: '/', method: 'HEAD', agent: false }, (response) => {
      response.resume();
      resolve(response.statusCode);
    })
      .on('error', reject)
      .end();
  });
  assert.equal(status, 200);
  await assert.rejects(heapProfile.listen({ socket }), { code: 'EADDRINUSE' });
  // Any other file is somebody's.
  const file = join(directory, 'precious');
  writeFileSync(file, 'data');
  await assert.rejects(heapProfile.listen({ socket: file }), { code: 'EADDRINUSE' });
  assert.equal(readFileSync(file, 'utf8'), 'data');
});

test(
  'nothing of it keeps a process alive or is loaded before it is asked for',
  TIMEOUT,
  async () => {
    const { code, stdout, stderr } = await runChild(fixture('http-ends.js'));
    assert.equal(code, 0, stderr);
    assert.equal(stdout, 'listening\n');
  },
);

test('polluted prototypes change nothing', TIMEOUT, async () => {
  const { code, stdout, stderr } = await runChild(fixture('http-polluted.js'));
  assert.equal(code, 0, stderr);
  assert.deepEqual(JSON.parse(stdout), [200, 401, 200]);
});

test('wrong options are refused, with the codes of Node, and no token is shown', async () => {
  const { handler, listen } = heapProfile;
  const type = { name: 'TypeError', code: 'ERR_INVALID_ARG_TYPE' };
  const value = { name: 'TypeError', code: 'ERR_INVALID_ARG_VALUE' };
  const cases = [
    [() => handler(null), type],
    [() => handler({ token: 1 }), type],
    [() => handler({ token: '' }), value],
    [() => handler({ prefix: 'x' }), value],
    [() => handler({ prefix: '/x/' }), value],
    [() => handler({ monitor: {} }), type],
    [() => handler({ dir: '' }), value],
    [() => handler({ port: 1 }), value],
    [() => listen(), value],
    [() => listen({}), value],
    [() => listen({ port: 0, socket: 'x' }), value],
    [() => listen({ socket: 'x', host: 'y' }), value],
    [() => listen({ port: 65_536 }), { name: 'RangeError', code: 'ERR_OUT_OF_RANGE' }],
    [() => listen({ port: '1' }), type],
  ];
  for (const [call, expected] of cases) {
    await assert.rejects(async () => call(), expected, String(call));
  }
  const hidden = (error) => !error.message.includes('my secret');
  assert.throws(() => handler({ token: 'my secret' }), hidden);
});
