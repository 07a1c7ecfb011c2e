// What a monitor does in the worker threads of its own: each has one of the same options. The parent calls this
// by the inspector (workers.js).
'use strict';

const { threadId } = require('node:worker_threads');
const { bare } = require('../bare.js');
const session = require('../session.js');
const { leaveSnapshot, takeSnapshot } = require('../snapshot.js');

/** @type {import('../../index.d.ts').Monitor | undefined} */
let monitor;

/** What begin() gets, as text: JSON has no infinity, which means never here. */
function pack(setup) {
  return JSON.stringify(setup, (_, value) =>
    value === Infinity || value === -Infinity ? { infinite: Math.sign(value) } : value,
  );
}

function unpack(text) {
  return JSON.parse(text, (_, value) => {
    if (typeof value !== 'object' || value === null || Array.isArray(value)) return value;
    return Object.hasOwn(value, 'infinite') ? value.infinite * Infinity : bare(value);
  });
}

/** Starts; the id of the thread. One that the preload has monitored stays as it is. */
function begin(text) {
  // Here, as it requires this.
  const { Monitor } = require('./monitor.js');
  if (session.isMonitored()) return threadId;
  const { options, start } = unpack(text);
  // Like the parent's, or their numbers would not add up.
  session.ensureSampling(start);
  monitor = new Monitor(options);
  return threadId;
}

function end() {
  void monitor?.stop();
  monitor = undefined;
}

/** Leaves a profile of this thread for who asked; what is wrong otherwise, as snapshotAll() tells it. */
function leaveOwn(request, name, snapshot = takeSnapshot()) {
  const hasLeft = leaveSnapshot(snapshot, request, name);
  snapshot[Symbol.dispose]?.();
  return hasLeft ? [] : [{ threadId, reason: 'it samples otherwise, or came too late' }];
}

module.exports = { begin, end, leaveOwn, pack };
