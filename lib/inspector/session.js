// Speaks the DevTools protocol with another process and its worker threads.
'use strict';

const { constants } = require('node:buffer');
const { EventEmitter } = require('node:events');
const { setTimeout: sleep } = require('node:timers/promises');
const WebSocket = require('ws');
const { CommandError } = require('../errors.js');
const { DEADLINES, within } = require('./deadlines.js');

/** One thread's side of the protocol: requests with their answers; its events are emitted. */
class Session extends EventEmitter {
  #post;
  #pending = new Map();
  #lastId = 0;
  #ended;
  /** The program is over and its process waits for us to go. To evaluate now would crash Node.js 20. */
  isEnding = false;

  /** `post` sends a message. */
  constructor(post) {
    super();
    this.#post = post;
  }

  /** Resolves to the result; rejects with what the other side or `end` says. */
  send(method, params = {}) {
    if (this.#ended !== undefined) return Promise.reject(this.#ended);
    this.#lastId++;
    const id = this.#lastId;
    return new Promise((resolve, reject) => {
      this.#pending.set(id, { resolve, reject });
      this.#post(JSON.stringify({ id, method, params }));
    });
  }

  /** What is no message of the protocol ends the session. */
  receive(text) {
    try {
      this.#dispatch(JSON.parse(text));
    } catch {
      this.end(noProtocol());
    }
  }

  #dispatch({ id, method, params, result, error }) {
    // Events are named `Domain.event`, ours have no point.
    if (id === undefined && method.includes('.')) return this.emit(method, params);
    const request = this.#pending.get(id);
    // Nobody asked, or waits for it any more.
    if (request === undefined) return;
    if (error !== undefined) request.reject(refusal(error.message));
    else if (typeof result === 'object' && result !== null) request.resolve(result);
    else request.reject(noProtocol());
    this.#pending.delete(id);
  }

  /** No answers come any more. */
  end(error) {
    if (this.#ended !== undefined) return;
    this.#ended = error;
    for (const { reject } of this.#pending.values()) reject(error);
    this.#pending.clear();
    this.emit('end');
  }

  /** From here on `isEnding` is kept, and the program's end waits for us. */
  async watchEnd() {
    this.on('NodeRuntime.waitingForDisconnect', () => {
      this.isEnding = true;
    });
    await this.send('NodeRuntime.notifyWhenWaitingForDisconnect', { enabled: true });
  }

  /** What an expression is worth there; `require` is there whatever the program is. */
  async evaluate(expression) {
    if (this.isEnding) throw new CommandError('the process ends');
    const options = { expression, includeCommandLineAPI: true, returnByValue: true };
    const { result, exceptionDetails } = await this.send('Runtime.evaluate', options);
    if (exceptionDetails !== undefined) throw refusal(exceptionDetails?.text);
    if (typeof result !== 'object' || result === null) throw noProtocol();
    return result.value;
  }
}

function refusal(reason) {
  if (typeof reason !== 'string') return noProtocol();
  return new CommandError(`the process answers: ${reason}`);
}

function noProtocol() {
  return new CommandError('what answers is not the inspector of Node.js: it breaks the protocol');
}

/** { session, close } of the main thread. */
async function connect(url, interruption) {
  // Profiles come over the loopback, and are no larger than a string can be.
  const options = { perMessageDeflate: false, maxPayload: constants.MAX_STRING_LENGTH };
  const socket = new WebSocket(url, options);
  const session = new Session((message) => socket.send(message));
  socket.on('message', (data) => session.receive(data));
  socket.on('error', (error) => {
    session.end(new CommandError(`the connection broke: ${error.message}`));
  });
  socket.on('close', () => session.end(new CommandError('the process closed the connection')));
  try {
    await within(DEADLINES.connect, `connecting to ${url}`, interruption, () =>
      opened(socket, url),
    );
  } catch (error) {
    socket.terminate();
    throw error;
  }
  return { session, close: () => close(socket) };
}

function opened(socket, url) {
  return new Promise((resolve, reject) => {
    socket.on('open', resolve);
    socket.on('error', (error) => {
      reject(new CommandError(`no connection to ${url}: ${error.message}`));
    });
  });
}

/** A process that does not answer need not agree. */
async function close(socket) {
  const closed = new Promise((resolve) => {
    socket.on('close', resolve);
  });
  if (socket.readyState === WebSocket.CLOSED) return;
  socket.close();
  const waiting = new AbortController();
  const { signal } = waiting;
  const overdue = sleep(DEADLINES.goodbye, undefined, { signal }).catch(() => {});
  await Promise.race([closed, overdue]);
  waiting.abort();
  socket.terminate();
}

/** Worker threads that the main thread started: { threadId, title, url, session }. */
async function attachWorkers(main) {
  const workers = new Map();
  main.on('NodeWorker.attachedToWorker', ({ sessionId, workerInfo }) => {
    const { workerId, title, url } = workerInfo;
    const session = new Session((message) => {
      main.send('NodeWorker.sendMessageToWorker', { sessionId, message }).catch((error) => {
        session.end(error);
      });
    });
    const thread = { threadId: Number(workerId), title: String(title), url: String(url) };
    workers.set(sessionId, { ...thread, session });
  });
  main.on('NodeWorker.receivedMessageFromWorker', ({ sessionId, message }) => {
    workers.get(sessionId)?.session.receive(message);
  });
  main.on('NodeWorker.detachedFromWorker', ({ sessionId }) => {
    workers.get(sessionId)?.session.end(new CommandError('the thread has ended'));
    workers.delete(sessionId);
  });
  main.on('end', () => {
    for (const { session } of workers.values()) session.end(new CommandError('the process ended'));
  });
  // Those that run are told of before this is answered.
  await main.send('NodeWorker.enable', { waitForDebuggerOnStart: false });
  return [...workers.values()];
}

module.exports = { attachWorkers, connect, noProtocol };
