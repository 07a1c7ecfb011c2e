// What soak.mjs has its server load before anything else: a monitor with everything on.
'use strict';

const { isMainThread, Worker } = require('node:worker_threads');
const heapProfile = require('..');

const { SOAK_DIR: dir, SOAK_EVERY_MS: every } = process.env;

// Workers load what the main thread has loaded, and would have workers in turn.
if (isMainThread) {
  globalThis.monitor = heapProfile.monitor({
    dir,
    intervalMs: Number(every),
    rules: true,
    heapLimit: { profiles: 2 },
    signal: 'SIGUSR2',
    workers: true,
    labels: { service: 'soak' },
    keep: { files: 10_000 },
  });

  // Has something to monitor, too.
  const CHURN =
    'globalThis.kept = []; setInterval(() => { kept = Array.from({ length: 2000 }, (_, i) => ({ i })); }, 50);';
  new Worker(CHURN, { eval: true }).unref();
}
