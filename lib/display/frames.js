// What functions are called, on the command line and in flame graphs.
'use strict';

function nameOf({ functionName, url }) {
  return functionName || (url.startsWith('(') ? url : '(anonymous)');
}

/** `file:line`, or what there is of it. */
function placeOf({ functionName, url, lineNumber }) {
  if (functionName === '' && url.startsWith('(')) return '';
  return lineNumber > 0 ? `${url}:${lineNumber}` : url;
}

/** `name (file:line)`. */
function siteOf(frame) {
  const place = placeOf(frame);
  return place === '' ? nameOf(frame) : `${nameOf(frame)} (${place})`;
}

module.exports = { nameOf, placeOf, siteOf };
