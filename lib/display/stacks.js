// What is to be known of the stacks that an answer is from, on the command line and in flame graphs.
'use strict';

const { formatShare } = require('./units.js');

const INLINED = 'functions may be named at a caller that V8 inlined them into';

/** Less is worth a word; as many samples have no exact stack at best. */
const MOST = 0.98;

/** One sentence; empty if there is nothing to say, or of files of other tools. */
function stacksText(stacks) {
  if (stacks === null) return '';
  const { exact, exactShare, reason } = stacks;
  if (reason !== null) return `no exact stacks: ${reason}; ${INLINED}`;
  if (!exact) return `${INLINED}; --exact-stacks tells`;
  if (exactShare >= MOST) return '';
  return `${formatShare(1 - exactShare)} of the samples have no exact stack: their ${INLINED}`;
}

module.exports = { stacksText };
