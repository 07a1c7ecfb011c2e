// `node --require heap-profile/register app.js` (or --import): starts sampling before the
// application loads. Whatever is wrong with the environment is a warning; the application runs.
'use strict';

const { MAX_DEPTH, MAX_INTERVAL } = require('./options.js');
const { start } = require('../index.js');

const VARIABLES = [
  { name: 'HEAP_PROFILE_SAMPLE_INTERVAL', option: 'sampleIntervalBytes', max: MAX_INTERVAL },
  { name: 'HEAP_PROFILE_STACK_DEPTH', option: 'stackDepth', max: MAX_DEPTH },
];

function readOptions(env) {
  const options = {};
  for (const { name, option, max } of VARIABLES) {
    const text = env[name];
    if (text === undefined || text === '') continue;
    const value = Number(text);
    if (/^\d+$/.test(text) && value >= 1 && value <= max) {
      options[option] = value;
    } else {
      warn(
        `${name} must be an integer >= 1 and <= ${max}; the default is used instead of '${text}'`,
      );
    }
  }
  return options;
}

function warn(message) {
  process.emitWarning(message, 'HeapProfileWarning');
}

try {
  start(readOptions(process.env));
} catch (error) {
  warn(`sampling did not start: ${error.message} (${error.code})`);
}
