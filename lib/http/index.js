// Profiles over HTTP. index.d.ts documents both.
'use strict';

const { createHandler } = require('./handler.js');
const { listenOn } = require('./listen.js');
const { checkHandlerOptions, checkListenOptions } = require('./options.js');

function handler(options) {
  return createHandler(checkHandlerOptions(options));
}

async function listen(options) {
  return listenOn(checkListenOptions(options));
}

module.exports = { handler, listen };
