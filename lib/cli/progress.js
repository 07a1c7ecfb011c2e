// Shows on stderr how far the reading of profiles is, if somebody looks (on a terminal only) and if
// it takes more than a second.
'use strict';

const { statSync } = require('node:fs');
const { load } = require('../native.js');
const { formatBytes } = require('../display/units.js');

const PATIENCE_MS = 1000;
const POLL_MS = 100;

/** Does `work`, which reads these files and buffers; resolves to what it resolves to. */
async function withProgress(sources, work) {
  const { stderr } = process;
  if (!stderr.isTTY) return work();
  const totalBytes = sources.reduce((total, source) => total + sizeOf(source), 0);
  // A pipe has no size.
  if (totalBytes === 0) return work();
  const stop = showWhileItLasts(totalBytes, stderr);
  try {
    return await work();
  } finally {
    stop();
  }
}

function sizeOf(source) {
  if (typeof source !== 'string') return source.length;
  try {
    return statSync(source).size;
  } catch {
    // Reading it tells what is wrong.
    return 0;
  }
}

/** Until the function that is returned is called. */
function showWhileItLasts(totalBytes, stream) {
  const { bytesRead } = load();
  const before = bytesRead();
  const soFar = () => Math.min(bytesRead() - before, totalBytes);
  let bar;
  let polling;
  const waiting = setTimeout(() => {
    bar = makeBar(totalBytes, stream);
    bar.start(totalBytes, soFar());
    polling = setInterval(() => bar.update(soFar()), POLL_MS);
  }, PATIENCE_MS);
  return () => {
    clearTimeout(waiting);
    clearInterval(polling);
    bar?.stop();
  };
}

function makeBar(totalBytes, stream) {
  // Here, for programs that load this package do not need it.
  const { Presets, SingleBar } = require('cli-progress');
  const format = `{bar} {percentage} % of ${formatBytes(totalBytes)} read`;
  const clear = { clearOnComplete: true };
  // Left as they are: Ctrl-C would leave the terminal with what was changed.
  const leave = { hideCursor: false, linewrap: true };
  return new SingleBar({ stream, format, ...clear, ...leave }, Presets.shades_classic);
}

module.exports = { withProgress };
