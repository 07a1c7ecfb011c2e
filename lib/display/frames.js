// What functions are called, on the command line and in flame graphs.
'use strict';

function nameOf({ functionName, url }) {
  return functionName || (url.startsWith('(') ? url : '(anonymous)');
}

/** The line that allocates most, or that calls the next function; where it is not known, where the function starts. */
function lineOf({ url, lineNumber, lines = [], callLineNumber = 0 }) {
  // Those of a package are not in a file of its name.
  const [first] = lines.filter((line) => line.url === url);
  return first?.lineNumber ?? (callLineNumber > 0 ? callLineNumber : lineNumber);
}

/** `file:line`, or what there is of it. */
function placeOf(frame) {
  const { functionName, url } = frame;
  if (functionName === '' && url.startsWith('(')) return '';
  const line = lineOf(frame);
  return line > 0 ? `${url}:${line}` : url;
}

/** `name (file:line)`. */
function siteOf(frame) {
  const place = placeOf(frame);
  return place === '' ? nameOf(frame) : `${nameOf(frame)} (${place})`;
}

module.exports = { lineOf, nameOf, placeOf, siteOf };
