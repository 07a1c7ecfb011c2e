// Answers requests for profiles, as Go's net/http/pprof does. index.d.ts documents it.
'use strict';

const session = require('../session.js');
const { encodeWindow } = require('../snapshot.js');
const { BINARY, HTML, JSON_TYPE, redirect, refuse, send, sendHead, TEXT } = require('./answers.js');
const { Captures } = require('./captures.js');
const { Deltas } = require('./deltas.js');
const { LeakAnswers } = require('./leaks.js');
const { checkMethod, checkToken, parametersOf, targetOf } = require('./request.js');
const { ensureSampling, includesCollected } = require('./sampling.js');
const { leaksText, PAGE, stacksText } = require('./texts.js');

/**
 * @typedef {import('node:http').IncomingMessage} Request
 * @typedef {import('node:http').ServerResponse} Response
 * @typedef {import('../../index.d.ts').Snapshot} Snapshot
 */

class Handler {
  #token;
  #prefix;
  #captures = new Captures();
  #deltas = new Deltas(this.#captures);
  #leaks;
  /** What `delta_heap` told of last. @type {any} */
  #told;

  /** Paths, with what HEAD says of them and what answers GET. */
  #routes = new Map([
    ['/', { type: HTML, answer: async () => ({ type: HTML, body: PAGE }) }],
    ['/flamegraph', { type: HTML, answer: (call) => this.#flamegraph(call) }],
    ['/heap.heapprofile', { type: BINARY, answer: (call) => this.#heapprofile(call) }],
    ['/leaks', { type: TEXT, answer: (call) => this.#verdict(call) }],
    ['/debug/pprof/heap', { type: BINARY, answer: (call) => this.#pprof(call, 'heap') }],
    ['/debug/pprof/allocs', { type: BINARY, answer: (call) => this.#pprof(call, 'allocs') }],
    ['/debug/pprof/delta_heap', { type: BINARY, answer: (call) => this.#deltaHeap(call) }],
  ]);

  /** @param {any} options checked */
  constructor({ token, prefix = '', monitor, dir }) {
    this.#token = token;
    this.#prefix = prefix;
    this.#leaks = new LeakAnswers({ monitor, dir });
  }

  /**
   * Never throws, and rejects only with what `next` throws: whoever gave that has to know.
   * @param {Request} request
   * @param {Response} response
   * @param {(() => void) | undefined} next
   */
  async handle(request, response, next) {
    const target = targetOf(request.url ?? '', this.#prefix);
    const path = target?.path || '/';
    const route = target && this.#routes.get(path);
    if (target === undefined || route === undefined) return leave(response, next);
    try {
      checkToken(request, this.#token);
      checkMethod(request.method);
      const place = path === '/' ? directoryOf(request) : undefined;
      if (place !== undefined) return redirect(response, place);
      if (request.method === 'HEAD') return sendHead(response, route.type);
      const answer = await route.answer({ request, response, query: target.query });
      // Whoever asked has gone.
      if (answer === undefined || response.destroyed) return;
      if (Buffer.isBuffer(answer.body)) this.#captures.reads(response);
      send(response, answer);
    } catch (error) {
      refuse(response, error);
    }
  }

  async #pprof({ query, response }, name) {
    const { isText, seconds, isCollected } = parametersOf(query);
    if (seconds !== undefined) {
      const body = await this.#deltas.take(seconds, isCollected, response);
      return body && profile(`${name}-delta.pb.gz`, body);
    }
    const capture = this.#captures.take(isCollected);
    if (isText) {
      const text = async (snapshot) => Buffer.from(await stacksText(snapshot));
      return { type: TEXT, body: await capture.encoded('text', text) };
    }
    const leadsWithAllocated = name === 'allocs';
    const encode = async (snapshot) => (await encodeWindow(snapshot, { leadsWithAllocated })).bytes;
    return profile(`${name}.pb.gz`, await capture.encoded(name, encode));
  }

  /** What was allocated since it was asked for last; of what is live all. */
  async #deltaHeap({ query }) {
    const { isCollected } = parametersOf(query);
    const capture = this.#captures.take(isCollected);
    const body = await capture.encoded('delta_heap', (snapshot) =>
      this.#sinceLast(capture, snapshot),
    );
    return profile('delta_heap.pb.gz', body);
  }

  /** @param {Snapshot} snapshot */
  async #sinceLast(capture, snapshot) {
    const told = this.#told;
    // Without the collected objects there is nothing to subtract.
    this.#told = includesCollected() ? capture.hold() : undefined;
    try {
      const isOne = told !== undefined && told.snapshot.sessionId === snapshot.sessionId;
      return (await encodeWindow(snapshot, { base: isOne ? told.snapshot : undefined })).bytes;
    } finally {
      told?.release();
    }
  }

  async #heapprofile({ query }) {
    const { isCollected } = parametersOf(query);
    const encode = (snapshot) => snapshot.encode('heapprofile');
    const body = await this.#captures.take(isCollected).encoded('heapprofile', encode);
    return profile('heap.heapprofile', body);
  }

  async #flamegraph({ query }) {
    const { isCollected } = parametersOf(query);
    const encode = (snapshot) => snapshot.encodeFlamegraph();
    const body = await this.#captures.take(isCollected).encoded('flamegraph', encode);
    return { type: HTML, body };
  }

  async #verdict({ request, query }) {
    const answer = await this.#leaks.take();
    const isJson =
      query.get('format') === 'json' || /\bapplication\/json\b/.test(request.headers.accept ?? '');
    if (isJson) return { type: JSON_TYPE, body: `${JSON.stringify(answer)}\n` };
    return { type: TEXT, body: leaksText(answer) };
  }
}

function profile(filename, body) {
  return { type: BINARY, body, filename };
}

/** Where it is not ours it is for others, if there are. */
function leave(response, next) {
  if (typeof next === 'function') return next();
  // Somebody else's answer is none of ours.
  if (response.headersSent || response.destroyed) return;
  send(response, { status: 404, type: TEXT, body: 'not found\n' });
}

/** Where the index is if it was asked for without the slash at its end, on which its links rest. */
function directoryOf(request) {
  // Express cuts off where it is mounted, and keeps the whole here.
  const url = Object.hasOwn(request, 'originalUrl') ? request.originalUrl : request.url;
  const [path] = url.split(/[?#]/);
  return path.endsWith('/') ? undefined : `./${path.slice(path.lastIndexOf('/') + 1)}/`;
}

/** @param {any} options checked */
function createHandler(options) {
  const handler = new Handler(options);
  session.join('handler');
  try {
    ensureSampling();
  } catch {
    // Who asks for a profile is told why.
  }
  return (request, response, next) => handler.handle(request, response, next);
}

module.exports = { createHandler };
