// What a request asks for, and whether it may.
'use strict';

const { createHash, timingSafeEqual } = require('node:crypto');
const { Refusal } = require('./refusal.js');

/** A window is not longer than this, seconds. */
const MAX_SECONDS = 300;

/** `http://host` of a request in absolute form. */
const ORIGIN = /^https?:\/\/[^/?#]*/i;

/**
 * The path of a request below the prefix, and its query; undefined where it is not below it.
 * @param {string} url
 * @param {string} prefix
 */
function targetOf(url, prefix) {
  const [, path, query = ''] = /^([^?#]*)(?:\?([^#]*))?/.exec(url.replace(ORIGIN, '')) ?? [];
  if (path === undefined || !path.startsWith(prefix)) return undefined;
  const below = path.slice(prefix.length);
  if (below !== '' && !below.startsWith('/')) return undefined;
  return { path: below, query: new URLSearchParams(query) };
}

/** Go's parameters, read as Go reads them: what is no number is 0, but for the seconds. */
function parametersOf(query) {
  const isText = integer(query.get('debug')) > 0;
  const seconds = secondsOf(query.get('seconds'));
  if (isText && seconds !== undefined) {
    throw new Refusal(400, 'seconds and debug cannot be had together');
  }
  return { isText, seconds, isCollected: integer(query.get('gc')) > 0 };
}

function integer(text) {
  return /^\d{1,9}$/.test(text ?? '') ? Number(text) : 0;
}

function secondsOf(text) {
  if (text === null || text === '' || text === '0') return undefined;
  const seconds = integer(text);
  if (seconds < 1 || seconds > MAX_SECONDS) {
    throw new Refusal(400, `seconds must be an integer from 1 to ${MAX_SECONDS}`);
  }
  return seconds;
}

/**
 * Throws unless the request has the token. As long as that takes it takes with any other token.
 * @param {import('node:http').IncomingMessage} request
 * @param {string | undefined} token
 */
function checkToken(request, token) {
  if (token === undefined) return;
  const [, given = ''] = /^bearer +([^\s]+) *$/i.exec(request.headers.authorization ?? '') ?? [];
  // Node reads headers as Latin-1, and what is not ASCII is sent as UTF-8.
  if (timingSafeEqual(digest(Buffer.from(given, 'latin1')), digest(Buffer.from(token)))) return;
  throw new Refusal(401, 'the bearer token is missing or wrong', { 'WWW-Authenticate': 'Bearer' });
}

function digest(bytes) {
  return createHash('sha256').update(bytes).digest();
}

function checkMethod(method) {
  if (method === 'GET' || method === 'HEAD') return;
  throw new Refusal(405, 'only GET and HEAD are known here', { Allow: 'GET, HEAD' });
}

module.exports = { checkMethod, checkToken, MAX_SECONDS, parametersOf, targetOf };
