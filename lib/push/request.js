// One request to Pyroscope's `POST /ingest`: a form with the profile, `Content-Type: multipart/form-data`, without
// `format`. With node:http, whose sockets can be told not to keep the process alive.
'use strict';

const { randomBytes } = require('node:crypto');
const { isIP } = require('node:net');

/** From the first byte out to the last byte in. */
const TIMEOUT_MS = 15_000;
/** Until the server takes the connection: so long libuv keeps the process alive, whether or not the socket does. */
const CONNECT_MS = 2000;
/** What a server says of an error is read so far. */
const MAX_ANSWER = 4096;

/**
 * @param {any} options checked
 * @param {{ bytes: Buffer, from: number, until: number }} profile
 * @param {AbortSignal} signal ends it
 * @returns {Promise<{ status: number, retryAfter: string | undefined, text: string }>}
 */
function post(options, { bytes, from, until }, signal) {
  const url = ingestUrl(options, from, until);
  const boundary = `heap-profile-${randomBytes(16).toString('hex')}`;
  const head =
    `--${boundary}\r\nContent-Disposition: form-data; name="profile"; filename="profile.pb.gz"\r\n` +
    'Content-Type: application/octet-stream\r\n\r\n';
  const body = Buffer.concat([Buffer.from(head), bytes, Buffer.from(`\r\n--${boundary}--\r\n`)]);
  const headers = {
    ...authorization(options.auth),
    ...(options.tenant === undefined ? {} : { 'X-Scope-OrgID': latin1(options.tenant) }),
    'Content-Type': `multipart/form-data; boundary=${boundary}`,
    'Content-Length': body.length,
    'User-Agent': 'heap-profile',
  };
  return exchange(url, headers, body, signal);
}

function ingestUrl({ url, app, labels }, from, until) {
  const ingest = new URL(url);
  ingest.pathname = `${ingest.pathname.replace(/\/+$/, '')}/ingest`;
  const name = nameOf(app, labels);
  ingest.search = String(
    new URLSearchParams([
      ['name', name],
      ['from', String(from)],
      ['until', String(until)],
      ['spyName', 'nodespy'],
    ]),
  );
  return ingest;
}

/** As Pyroscope's parser has it: quotes would be a part of the value. */
function nameOf(app, labels) {
  const pairs = Object.entries(labels).map(([key, text]) => `${key}=${text}`);
  return `${app}{${pairs.join(',')}}`;
}

function authorization(auth) {
  if (auth === undefined) return {};
  if (auth.token !== undefined) return { Authorization: latin1(`Bearer ${auth.token}`) };
  const basic = Buffer.from(`${auth.username}:${auth.password}`).toString('base64');
  return { Authorization: `Basic ${basic}` };
}

/** UTF-8, of which Node sends one byte for each of these characters. */
function latin1(text) {
  return Buffer.from(text).toString('latin1');
}

function exchange(url, headers, body, signal) {
  const { request } = url.protocol === 'https:' ? require('node:https') : require('node:http');
  return new Promise((resolve, reject) => {
    // No agent: what waits for the next minute need not stay open.
    const asked = request(url, { method: 'POST', headers, agent: false, signal });
    const timer = setTimeout(() => asked.destroy(new Error('timed out')), TIMEOUT_MS).unref();
    const settle = (how) => (value) => {
      clearTimeout(timer);
      how(value);
    };
    // Where there is neither an answer nor an error, as after 101.
    const gone = () => settle(reject)(new Error('ended without an answer'));
    asked.on('socket', (socket) => {
      socket.unref();
      limitConnecting(asked, socket, url.hostname);
    });
    asked.on('error', settle(reject));
    asked.on('close', gone);
    asked.on('response', (response) => {
      asked.off('close', gone);
      response.on('error', settle(reject));
      readAnswer(response, settle(resolve));
    });
    asked.end(body);
  });
}

/** From when the address is known: resolvers have time limits of their own, longer ones. */
function limitConnecting(asked, socket, host) {
  let timer;
  const begin = () => {
    timer = setTimeout(() => asked.destroy(new Error('no connection in time')), CONNECT_MS).unref();
  };
  if (isIP(host.replace(/^\[(.*)\]$/, '$1'))) begin();
  else socket.once('lookup', begin);
  for (const event of ['connect', 'close']) socket.once(event, () => clearTimeout(timer));
}

function readAnswer(response, done) {
  let text = '';
  const finish = () => {
    const { statusCode: status, headers } = response;
    done({ status, retryAfter: headers['retry-after'], text });
  };
  response.setEncoding('utf8');
  response.on('data', (part) => {
    text += part;
    if (text.length < MAX_ANSWER) return;
    text = text.slice(0, MAX_ANSWER);
    finish();
    response.destroy();
  });
  response.on('end', finish);
  // Without an end the server broke off, which is no answer.
  response.on('close', () => response.complete || response.emit('error', new Error('broke off')));
}

module.exports = { nameOf, post };
