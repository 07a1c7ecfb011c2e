// Answers: headers and a body that is in memory, or why there is none.
'use strict';

const { bare } = require('../bare.js');
const { Refusal } = require('./refusal.js');

/** Nothing is kept, guessed, framed by others or loaded from elsewhere. */
const HEADERS = {
  'Cache-Control': 'no-store',
  'X-Content-Type-Options': 'nosniff',
  'Referrer-Policy': 'no-referrer',
  'Content-Security-Policy':
    "default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'; img-src data:; " +
    "frame-src 'self'; frame-ancestors 'self'",
};

const TEXT = 'text/plain; charset=utf-8';
const HTML = 'text/html; charset=utf-8';
const JSON_TYPE = 'application/json; charset=utf-8';
/** Of profiles: Grafana Alloy takes no other. */
const BINARY = 'application/octet-stream';

/**
 * @typedef {import('node:http').ServerResponse} Response
 * @typedef {{ type: string, body: string | Buffer, filename?: string, status?: number, headers?: Record<string, string> }} Answer
 */

/**
 * @param {Response} response
 * @param {Answer} answer
 */
function send(response, answer) {
  const { type, body, filename, status = 200, headers = {} } = bare(answer);
  const bytes = Buffer.isBuffer(body) ? body : Buffer.from(body);
  begin(response, status, { ...headers, 'Content-Type': type, 'Content-Length': bytes.length });
  if (filename !== undefined) {
    response.setHeader('Content-Disposition', `attachment; filename="${filename}"`);
  }
  // One buffer for all who get it: nothing of it is copied.
  response.end(bytes);
}

/**
 * What HEAD gets: nothing is captured for it.
 * @param {Response} response
 */
function sendHead(response, type) {
  begin(response, 200, { 'Content-Type': type });
  response.end();
}

/**
 * @param {Response} response
 * @param {string} location
 */
function redirect(response, location) {
  begin(response, 302, { Location: location, 'Content-Length': 0 });
  response.end();
}

/**
 * An error that is none of ours is a bug; what it says may name paths.
 * @param {Response} response
 */
function refuse(response, error) {
  const { status, message, headers } =
    error instanceof Refusal ? error : new Refusal(500, `internal error (${codeOf(error)})`);
  // After a part of another answer nothing can be said any more.
  if (response.headersSent) return response.destroy();
  send(response, { status, headers, type: TEXT, body: `${message}\n` });
}

function codeOf(error) {
  return /^[A-Z0-9_]+$/.test(error?.code ?? '') ? error.code : 'ERR_INTERNAL';
}

function begin(response, status, headers) {
  response.statusCode = status;
  for (const [name, value] of Object.entries({ ...HEADERS, ...headers })) {
    response.setHeader(name, value);
  }
}

module.exports = { BINARY, HTML, JSON_TYPE, redirect, refuse, send, sendHead, TEXT };
