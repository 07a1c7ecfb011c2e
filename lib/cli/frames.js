// Functions as one reads them at a glance: paths from the current directory, packages by their name.
'use strict';

const { fileURLToPath } = require('node:url');
const { lineOf, nameOf, placeOf } = require('../display/frames.js');

const MODULES = '/node_modules/';

/** `name file:line`. */
function shortSite(frame) {
  const { functionName } = frame;
  const place = placeOf({ functionName, lineNumber: lineOf(frame), url: shortUrl(frame.url) });
  return place === '' ? nameOf(frame) : `${nameOf(frame)} ${place}`;
}

function shortUrl(url) {
  const path = pathOf(url);
  const modules = path.lastIndexOf(MODULES);
  if (modules >= 0) return path.slice(modules + MODULES.length);
  const here = currentDirectory();
  return path.startsWith(here) ? path.slice(here.length) : path;
}

/** Scripts of ES modules have URLs. */
function pathOf(url) {
  if (!url.startsWith('file://')) return url;
  try {
    return fileURLToPath(url);
  } catch {
    return url;
  }
}

/** With a slash at its end. */
function currentDirectory() {
  try {
    return process.cwd().replace(/\/?$/, '/');
  } catch {
    // It was removed.
    return '/';
  }
}

/** Whose a function is, if it is not the program's own: the name of a package, `node` or `V8`. */
function ownerOf({ url, lineNumber }) {
  if (url.startsWith('node:')) return 'node';
  if (url === '' && lineNumber === 0) return 'V8';
  const modules = url.lastIndexOf(MODULES);
  if (modules < 0) return undefined;
  const [scope, name] = url.slice(modules + MODULES.length).split('/');
  return scope.startsWith('@') ? `${scope}/${name}` : scope;
}

module.exports = { ownerOf, shortSite };
