// A server of its own for profiles, which keeps no process alive. index.d.ts documents it.
'use strict';

const { once } = require('node:events');
const { chmodSync, lstatSync, unlinkSync } = require('node:fs');
const { createServer } = require('node:http');
const { connect, isIP } = require('node:net');
const { bare } = require('../bare.js');
const session = require('../session.js');
const { createHandler } = require('./handler.js');

/** Who is slower with a request is cut off, milliseconds; and no more than so many connect. */
const TIMES = {
  headersTimeout: 5000,
  requestTimeout: 10_000,
  keepAliveTimeout: 5000,
  connectionsCheckingInterval: 2000,
  maxHeaderSize: 8192,
};
const MOST_CONNECTIONS = 128;
/** How long requests may still take once it closes. */
const LAST_MS = 2000;

/** As the system tells addresses, however they were spelt. */
const LOOPBACK = /^(?:127\.|::1$|::ffff:127\.)/;

/** @param {any} options checked */
async function listenOn(options) {
  const { port, host = '127.0.0.1', socket, ...rest } = options;
  const handle = createHandler(bare(rest));
  let isGuarded = true;
  const server = createServer(TIMES, (request, response) => {
    if (isGuarded && !isLocalName(request.headers.host)) return refuseName(response);
    handle(request, response);
  });
  server.maxConnections = MOST_CONNECTIONS;
  server.unref();
  server.on('connection', (connection) => connection.unref());
  server.on('listening', () => {
    const isLocal =
      socket === undefined && LOOPBACK.test(/** @type {any} */ (server.address()).address);
    isGuarded = isLocal && rest.token === undefined;
  });
  try {
    await bind(server, socket === undefined ? { port, host } : { path: socket });
  } catch (error) {
    server.close();
    session.leave('handler');
    throw error;
  }
  return new Listening(server, socket);
}

/** In a cluster nobody could tell which worker answers on a shared port. */
async function bind(server, place) {
  try {
    server.listen(bare({ ...place, exclusive: true }));
    await once(server, 'listening');
  } catch (error) {
    const isTaken = error.code === 'EADDRINUSE' && isSocket(place.path);
    if (!isTaken || (await isAlive(place.path))) throw error;
    // A killed process left it.
    unlinkSync(place.path);
    server.listen(bare({ ...place, exclusive: true }));
    await once(server, 'listening');
  }
  if (place.path !== undefined) chmodSync(place.path, 0o600);
}

/** Any other file that is there is somebody's. */
function isSocket(path) {
  return path !== undefined && lstatSync(path, { throwIfNoEntry: false })?.isSocket() === true;
}

/** Whether somebody listens on a socket. */
function isAlive(path) {
  return new Promise((resolve) => {
    const connection = connect(path);
    connection.once('error', (error) =>
      resolve(/** @type {any} */ (error).code !== 'ECONNREFUSED'),
    );
    connection.once('connect', () => {
      connection.destroy();
      resolve(true);
    });
  });
}

/**
 * A page that somebody's browser shows must not read profiles by a name of its own that leads here (DNS
 * rebinding): as in Node's inspector, only addresses and localhost are names.
 */
function isLocalName(host = '') {
  const name = host.replace(/:\d*$/, '').replace(/^\[(.*)\]$/, '$1');
  return name === '' || isIP(name) !== 0 || /^(?:.+\.)?localhost$/i.test(name);
}

function refuseName(response) {
  response.writeHead(403, { 'Content-Type': 'text/plain; charset=utf-8' });
  response.end('ask by an address, or by localhost\n');
}

class Listening {
  #server;
  #socket;
  /** @type {Promise<void> | undefined} */
  #closed;

  constructor(server, socket) {
    this.#server = server;
    this.#socket = socket;
  }

  get url() {
    if (this.#socket !== undefined) return undefined;
    const { address, port } = this.#server.address() ?? {};
    if (port === undefined) return undefined;
    return `http://${isIP(address) === 6 ? `[${address}]` : address}:${port}/`;
  }

  async close() {
    this.#closed ??= new Promise((resolve) => {
      // Windows end early; who does not read then has had time. This one timer holds the process until all is closed.
      const timer = setTimeout(() => this.#server.closeAllConnections(), LAST_MS);
      this.#server.close(() => {
        clearTimeout(timer);
        session.leave('handler');
        resolve(undefined);
      });
      this.#server.closeIdleConnections();
    });
    return this.#closed;
  }

  async [Symbol.asyncDispose]() {
    return this.close();
  }
}

// Node.js before 18.18 has no such symbol, and the method would be called that.
Reflect.deleteProperty(Listening.prototype, 'undefined');

module.exports = { listenOn };
