// Samples the heap of a thread over the DevTools protocol.
//
// The protocol gives V8's own numbers, sizes multiplied by rounded counts. The object's size cannot
// be had back from them: at an interval of 512 KiB both an object of 600,000 bytes (counted once)
// and one of 300,000 (counted twice) are reported as 600,000. So the profile does not say at which
// interval it was sampled, which is how one says that its bytes are as given, not our estimates.
'use strict';

const { randomBytes } = require('node:crypto');
const { version } = require('../../package.json');
const { CommandError } = require('../errors.js');
const { Snapshot } = require('../snapshot.js');
const { noProtocol } = require('./session.js');

/** What the protocol takes. Before Node.js 26 it takes nothing else, whatever it is told. */
const PROTOCOL_DEPTH = 128;
const FIRST_WITH_DEPTH = 26;

/** Runs in the target: the keys of `heapProfile` in our files. */
const DESCRIBE = `({
  pid: process.pid,
  threadId: require('node:worker_threads').threadId,
  nodeVersion: process.version,
  v8Version: process.versions.v8,
  memoryUsage: process.memoryUsage(),
  heapSizeLimit: require('node:v8').getHeapStatistics().heap_size_limit,
})`;

/**
 * Starts sampling. Returns { stackDepth, snapshot, stop }: the depth that is in effect, and
 * functions that resolve to Snapshots, `stop` to the last one.
 */
async function startSampling(session, { sampleInterval, depth = PROTOCOL_DEPTH }) {
  if (await isSampled(session)) {
    throw new CommandError(
      'the heap is sampled already, by DevTools, heap-profile or another profiler: V8 has one sampler per thread',
    );
  }
  // All but the memory usage stays what it is.
  const { memoryUsage, ...host } = await describe(session);
  const stackDepth = takesDepth(host.nodeVersion) ? depth : PROTOCOL_DEPTH;
  const shared = {
    version,
    sessionId: randomBytes(16).toString('hex'),
    startedAt: new Date(),
    stackDepth,
    // V8's inspector collects garbage before each profile.
    forceGC: true,
    include: 'live',
    ...host,
  };
  await session.send('HeapProfiler.startSampling', {
    samplingInterval: sampleInterval,
    stackDepth: depth,
  });
  const take = async (method) => {
    const now = session.isEnding ? {} : await describe(session);
    const { profile } = await session.send(method);
    const heapProfile = { ...shared, ...now, takenAt: new Date() };
    return Snapshot.parse(Buffer.from(JSON.stringify({ ...profile, heapProfile })));
  };
  return {
    stackDepth,
    snapshot: () => take('HeapProfiler.getSamplingProfile'),
    stop: () => take('HeapProfiler.stopSampling'),
  };
}

async function describe(session) {
  const description = await session.evaluate(DESCRIBE);
  if (typeof description?.nodeVersion !== 'string') throw noProtocol();
  return description;
}

/** V8 gives a profile only while it samples, whoever started that. */
async function isSampled(session) {
  try {
    await session.send('HeapProfiler.getSamplingProfile');
    return true;
  } catch (error) {
    if (error.message.includes('was not started')) return false;
    throw error;
  }
}

function takesDepth(nodeVersion) {
  return Number.parseInt(nodeVersion.slice(1), 10) >= FIRST_WITH_DEPTH;
}

module.exports = { startSampling };
