// Speaks the DevTools protocol with another process and its worker threads.
'use strict';

const { EventEmitter } = require('node:events');
const WebSocket = require('ws');
const { CommandError } = require('../errors.js');

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

  receive(text) {
    const { id, method, params, result, error } = JSON.parse(text);
    if (id === undefined) return this.emit(method, params);
    const request = this.#pending.get(id);
    this.#pending.delete(id);
    if (error === undefined) request.resolve(result);
    else request.reject(new CommandError(`the process answers: ${error.message}`));
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
    if (exceptionDetails === undefined) return result.value;
    throw new CommandError(`the process answers: ${exceptionDetails.text}`);
  }
}

/** { session, close } of the main thread. */
async function connect(url) {
  // Profiles are large, and come over the loopback.
  const socket = new WebSocket(url, { perMessageDeflate: false, maxPayload: 0 });
  const session = new Session((message) => socket.send(message));
  const closed = new Promise((resolve) => {
    socket.on('close', resolve);
  });
  socket.on('message', (data) => session.receive(data));
  socket.on('close', () => session.end(new CommandError('the process closed the connection')));
  const close = () => {
    socket.close();
    return closed;
  };
  await new Promise((resolve, reject) => {
    socket.on('open', resolve);
    socket.on('error', (error) =>
      reject(new CommandError(`no connection to ${url}: ${error.message}`)),
    );
  });
  return { session, close };
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
    workers.set(sessionId, { threadId: Number(workerId), title, url, session });
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

module.exports = { attachWorkers, connect };
