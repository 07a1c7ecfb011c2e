// Samples the main thread and two worker threads; each writes its own heap profile.
'use strict';

const { isMainThread, threadId, Worker } = require('node:worker_threads');
const heapProfile = require('heap-profile');

const WORKERS = 2;

function fillCache() {
  const cache = new Map();
  for (let key = 0; key < 100_000; key++) cache.set(key, { key, text: `value ${key}` });
  return cache;
}

// Threads have heaps of their own: each has to start its own session.
heapProfile.start();

if (isMainThread) {
  for (let i = 0; i < WORKERS; i++) new Worker(__filename);
}

const cache = fillCache();
heapProfile.write(`thread-${threadId}.heapprofile`).then((filename) => {
  console.log(`${filename}: ${cache.size} keys`);
});
