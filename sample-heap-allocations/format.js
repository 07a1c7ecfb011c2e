// Texts for people to read, added to call sites: where they are, what they allocated, their source.
'use strict';

const { readFile, stat } = require('node:fs/promises');
const { isAbsolute } = require('node:path');
const { fileURLToPath } = require('node:url');
const { callbackify } = require('node:util');
const { bare } = require('../lib/bare.js');
const { checkArray, checkCallback, checkInteger, checkObject } = require('../lib/options.js');

/** What ends a line for V8, whose line numbers these are. */
const LINE_END = /\r\n|[\n\r\u2028\u2029]/;

function addFormat(options, callback) {
  checkObject('options', options);
  const { allocations, includeSourceLines = 5 } = bare(options);
  checkArray('options.allocations', allocations);
  checkInteger('options.includeSourceLines', includeSourceLines, Number.MAX_SAFE_INTEGER, 0);
  checkCallback(callback);
  callbackify(() => formatEntries(allocations, includeSourceLines))(callback);
}

async function formatEntries(entries, includeSourceLines) {
  const callsites = entries.flatMap((entry) => entry.callsites);
  for (const callsite of callsites) callsite.formatted = format(callsite);
  if (includeSourceLines > 0) await addSources(callsites, includeSourceLines);
  return entries;
}

function format({ script, line_number, column_number, allocations }) {
  return {
    location: `${script}:${line_number}:${column_number}`,
    allocations: allocations.map(({ size, count }) => `${count} x ${size}`),
  };
}

/** File by file, so that there is one open file and one file's text at a time. */
async function addSources(callsites, lineCount) {
  for (const [file, ofFile] of groupByFile(callsites)) {
    const lines = await readLines(file);
    for (const { line_number, formatted } of ofFile) {
      const source = lines.slice(line_number - 1, line_number - 1 + lineCount);
      if (source.length > 0) formatted.source = source;
    }
  }
}

/** The call sites that allocated at a known line of a file, by the name of the file. */
function groupByFile(callsites) {
  const byFile = new Map();
  for (const callsite of callsites) {
    if (callsite.allocations.length === 0 || callsite.line_number === 0) continue;
    const file = fileOf(callsite.script);
    if (file === undefined) continue;
    if (!byFile.has(file)) byFile.set(file, []);
    byFile.get(file).push(callsite);
  }
  return byFile;
}

/** The file of a script: CommonJS modules are named by path, ES modules by URL. */
function fileOf(script) {
  if (isAbsolute(script)) return script;
  if (!script.startsWith('file:')) return undefined;
  try {
    return fileURLToPath(script);
  } catch {
    // A program can give its scripts any name.
    return undefined;
  }
}

/** The lines of a file, none if it cannot be read. */
async function readLines(file) {
  try {
    // Pipes and devices, which a script can be named after, may never end.
    if (!(await stat(file)).isFile()) return [];
    return (await readFile(file, 'utf8')).split(LINE_END);
  } catch {
    return [];
  }
}

module.exports = { addFormat };
