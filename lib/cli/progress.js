// Shows on stderr how far the reading of profiles is, if somebody looks (on a terminal only) and if
// it takes more than a second.
'use strict';

const { statSync } = require('node:fs');
const { clearLine, cursorTo } = require('node:readline');
const { load } = require('../native.js');
const { formatBytes } = require('../display/units.js');

const PATIENCE_MS = 1000;
const POLL_MS = 100;

const BAR_WIDTH = 40;
/** Of terminals that do not tell. */
const USUAL_COLUMNS = 80;
const SAVE_CURSOR = '\x1b7';
const RESTORE_CURSOR = '\x1b8';
/** What clearLine clears. */
const TO_THE_RIGHT = 1;
const ALL = 0;

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
  const part = () => Math.min(1, (bytesRead() - before) / totalBytes);
  let bar;
  let polling;
  const waiting = setTimeout(() => {
    bar = drawBar(stream, `of ${formatBytes(totalBytes)} read`);
    bar.draw(part());
    polling = setInterval(() => bar.draw(part()), POLL_MS);
  }, PATIENCE_MS);
  return () => {
    clearTimeout(waiting);
    clearInterval(polling);
    bar?.clear();
  };
}

/** A bar in the line of the cursor, which it changes nothing else of: Ctrl-C may end it at any time. */
function drawBar(stream, text) {
  let drawn = '';
  stream.write(SAVE_CURSOR);
  const draw = (part) => {
    const full = Math.round(part * BAR_WIDTH);
    const bar = '█'.repeat(full) + '░'.repeat(BAR_WIDTH - full);
    const line = `${bar} ${Math.floor(part * 100)} % ${text}`.slice(
      0,
      stream.columns || USUAL_COLUMNS,
    );
    if (line === drawn) return;
    drawn = line;
    cursorTo(stream, 0);
    stream.write(line);
    clearLine(stream, TO_THE_RIGHT);
  };
  const clear = () => {
    stream.write(RESTORE_CURSOR);
    cursorTo(stream, 0);
    clearLine(stream, ALL);
  };
  return { draw, clear };
}

module.exports = { withProgress };
