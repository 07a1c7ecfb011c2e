// The worker threads of the process: each gets a monitor without any code of the program knowing. The inspector
// of the main thread reaches them all, those that are there, those that come, and theirs; it opens no port.
//
// What it has a worker evaluate interrupts whatever that does, be it Node.js on its way to begin: a module that is
// loaded there and then is half loaded for who was interrupted. So nothing happens but that something is put
// on the worker's event loop.
'use strict';

const { join } = require('node:path');
const { isMainThread } = require('node:worker_threads');
const { codedError } = require('../errors.js');
const { pack } = require('./in-worker.js');

/** @import { Session } from 'node:inspector' */
/** @typedef {{ threadId: number, isSetUp: boolean }} Worker */

const IN_WORKER = join(__dirname, 'in-worker.js');

/** Until a worker has begun to run the program, milliseconds between looks: the first, and the longest. */
const FIRST_LOOK = 10;
const LONGEST_LOOK = 1000;

/** Of a worker that is about to end it is no news that something fails, milliseconds. */
const END_MS = 1000;

/**
 * What a worker evaluates to have one of the functions of in-worker.js called: `false` while it has not begun; what
 * the function returns, or `{ thrown }`. Node.js adds the program's name to argv just before it runs; setImmediate()
 * would crash a worker that has no event loop yet.
 */
function callOf(call) {
  return `(() => {
    if (typeof process === 'undefined' || !(process.argv?.length > 1)) return false;
    return new Promise((resolve) => setImmediate(async () => {
      try {
        const path = ${JSON.stringify(IN_WORKER)};
        const { createRequire } = process.getBuiltinModule('module');
        resolve(await createRequire(path)(path).${call});
      } catch (error) {
        resolve({ thrown: String(error?.message ?? error) });
      }
    }));
  })()`;
}

class Workers {
  #session;
  #setup;
  #onError;
  /** @type {Map<string, Worker>} by id of the inspector's session */
  #workers = new Map();
  /** @type {Map<string, (value: any) => void>} */
  #questions = new Map();
  #lastQuestion = 0;
  #isOver = false;

  /**
   * @param {{ options: object, start: object }} setup of the monitors in the workers, checked, and of their sessions
   * @param {(error: Error) => void} onError
   */
  constructor(setup, onError) {
    checkPossible();
    // Here, as not every Node has it, and nobody should pay who does not use it.
    const inspector = require('node:inspector');
    this.#setup = pack(setup);
    this.#onError = onError;
    /** @type {Session} */
    this.#session = new inspector.Session();
    this.#session.connect();
    this.#listen();
    this.#post('NodeWorker.enable', { waitForDebuggerOnStart: false }, (error) => {
      if (error) onError(error);
    });
  }

  /** Has all leave their profiles by that number; resolves to those that did not in time. */
  async ask(request, deadlineMs) {
    const name = (threadId) => JSON.stringify(`(worker ${threadId})`);
    const workers = [...this.#workers];
    const answers = workers.map(async ([id, { threadId, isSetUp }]) => {
      if (!isSetUp) return [{ threadId, reason: 'its event loop has not turned yet' }];
      const value = await this.#call(id, `leaveOwn(${request}, ${name(threadId)})`, deadlineMs);
      if (Array.isArray(value)) return value;
      return [{ threadId, reason: value?.thrown ?? 'it has ended' }];
    });
    return (await Promise.all(answers)).flat();
  }

  stop() {
    if (this.#isOver) return;
    this.#isOver = true;
    for (const [id, { isSetUp }] of this.#workers) {
      // Theirs end with ours; nobody waits for it.
      if (isSetUp) this.#send(id, callOf('end()'));
    }
    this.#post('NodeWorker.disable', undefined, () => this.#session.disconnect());
  }

  #listen() {
    const on = (event, listener) => this.#session.on(/** @type {any} */ (event), listener);
    on('NodeWorker.attachedToWorker', ({ params }) => {
      const { sessionId, workerInfo } = params;
      this.#workers.set(sessionId, { threadId: threadOf(workerInfo), isSetUp: false });
      this.#begin(sessionId, FIRST_LOOK);
    });
    on('NodeWorker.detachedFromWorker', ({ params }) => {
      this.#workers.delete(params.sessionId);
      for (const [key, answer] of this.#questions) {
        if (key.startsWith(`${params.sessionId} `)) answer(undefined);
      }
    });
    on('NodeWorker.receivedMessageFromWorker', ({ params }) => this.#receive(params));
  }

  async #begin(id, wait) {
    const value = await this.#call(id, `begin(${JSON.stringify(this.#setup)})`, Infinity);
    const worker = this.#workers.get(id);
    if (worker === undefined || this.#isOver) return;
    if (typeof value === 'number') {
      Object.assign(worker, { threadId: value, isSetUp: true });
    } else if (value?.thrown === undefined) {
      const again = () => void this.#begin(id, Math.min(2 * wait, LONGEST_LOOK));
      setTimeout(again, wait).unref();
    } else {
      setTimeout(() => this.#tell(id, value.thrown), END_MS).unref();
    }
  }

  #tell(id, reason) {
    const worker = this.#workers.get(id);
    if (worker === undefined || this.#isOver) return;
    const text = `the worker thread ${worker.threadId} is not monitored: ${reason}`;
    this.#onError(codedError('ERR_NOT_SAMPLING', text));
  }

  /** What it comes to; undefined if the worker ends before, or is in no state to say. */
  #call(id, call, deadlineMs) {
    return new Promise((resolve) => {
      const key = `${id} ${this.#send(id, callOf(call))}`;
      const tooLate = () => answer({ thrown: 'it did not answer in time' });
      const timer = deadlineMs === Infinity ? undefined : setTimeout(tooLate, deadlineMs);
      const answer = (value) => {
        clearTimeout(timer);
        this.#questions.delete(key);
        resolve(value);
      };
      this.#questions.set(key, answer);
    });
  }

  /** The number of the message. */
  #send(sessionId, expression) {
    this.#lastQuestion += 1;
    const params = { expression, awaitPromise: true, returnByValue: true };
    const message = JSON.stringify({ id: this.#lastQuestion, method: 'Runtime.evaluate', params });
    // One that has just ended is no error.
    this.#post('NodeWorker.sendMessageToWorker', { sessionId, message }, () => {});
    return this.#lastQuestion;
  }

  #receive({ sessionId, message }) {
    const { id, result } = JSON.parse(message);
    this.#questions.get(`${sessionId} ${id}`)?.(result?.result?.value);
  }

  #post(method, params, callback) {
    try {
      this.#session.post(method, params, callback);
    } catch (error) {
      if (!this.#isOver) this.#onError(error);
    }
  }
}

function checkPossible() {
  if (!isMainThread) {
    const text =
      'workers: true is for the main thread, whose inspector reaches the workers of workers, too';
    throw codedError('ERR_UNSUPPORTED_OPTION', text);
  }
  if ('getBuiltinModule' in process) return;
  const text =
    'workers: true needs Node.js 20.16, 22.3 or newer: --require heap-profile/register follows into workers everywhere';
  throw codedError('ERR_UNSUPPORTED_OPTION', text);
}

/** Its title has it, after Node's word for it; its id is the inspector's own. */
function threadOf({ workerId, title }) {
  return Number(/^\[worker (\d+)\]/.exec(title)?.[1] ?? workerId);
}

module.exports = { Workers };
