// Answers as people, tickets and programs read them: text, Markdown or JSON.
'use strict';

const { UsageError } = require('./errors.js');
const { STANDARD } = require('./output.js');
const { printable } = require('../display/printable.js');
const { printableJson } = require('./printable.js');
const { textTable } = require('./table.js');

/** Options of all commands that print an answer. */
const REPORT_OPTIONS = {
  json: { description: 'Print JSON, for programs' },
  markdown: { description: 'Print Markdown, for tickets' },
};

/**
 * Throws unless stdout has one use.
 * @param {{ output?: string, json?: boolean, markdown?: boolean }} options
 */
function checkReport({ output, json, markdown }) {
  if (json && markdown) throw new UsageError('--json or --markdown, not both');
  if (output === STANDARD && (json || markdown)) {
    throw new UsageError(`-o - or --${json ? 'json' : 'markdown'}, not both: both go to stdout`);
  }
}

/**
 * A report: `{ lines, columns, rows, notes }`. A column is `{ title, isNumber }`, a row has a text for
 * each; `lines` come before the table, which may be left out, `notes` behind it. A line is a text or parts
 * of one, each a text or `{ text, style }`, a style of picocolors.
 */
function print(answer, describe, { json, markdown }) {
  if (json) return write(`${printableJson(answer)}\n`);
  const report = describe(answer);
  return write(markdown ? asMarkdown(report) : asText(report));
}

/** The answer of commands that write files. */
function printFiles(files, options) {
  const describe = () => ({ lines: files.map((file) => `wrote ${file}`) });
  print({ files }, describe, options);
}

function write(text) {
  process.stdout.write(text);
}

function asText({ lines, columns, rows = [], notes = [] }) {
  const colors = chosenColors();
  const texts = lines.map((line) => `${paintedLine(line, colors)}\n`);
  if (rows.length > 0) {
    const cells = rows.map((row) => row.map(printable));
    texts.push('\n', ...textTable(columns, cells, colors.bold).map((line) => `${line}\n`));
  }
  if (notes.length > 0) texts.push('\n', ...notes.map((note) => `${printable(note)}\n`));
  return texts.join('');
}

function paintedLine(line, colors) {
  const paint = ({ text, style }) => colors[style](printable(text));
  return partsOf(line)
    .map((part) => (typeof part === 'string' ? printable(part) : paint(part)))
    .join('');
}

function partsOf(line) {
  return typeof line === 'string' ? [line] : line;
}

/** Of a text where no colours are wanted, nothing but the text. */
function chosenColors() {
  // Here, for programs that load this package do not need it.
  const { createColors, isColorSupported } = require('picocolors');
  return createColors(isColorSupported && isColorWanted());
}

/** What picocolors does not ask for: continuous integration is no terminal, and 0 forces nothing. */
function isColorWanted() {
  const { FORCE_COLOR } = process.env;
  return FORCE_COLOR === undefined ? process.stdout.isTTY === true : FORCE_COLOR !== '0';
}

function asMarkdown({ lines, columns, rows = [], notes = [] }) {
  const plain = (line) =>
    partsOf(line).map((part) => (typeof part === 'string' ? part : part.text));
  // What is indented would be code.
  const parts = lines.map((line) => `${escapeMarkdown(plain(line).join('').trim())}\n`);
  if (rows.length > 0) parts.push(markdownTable(columns, rows));
  return [...parts, ...notes.map((note) => `${escapeMarkdown(note)}\n`)].join('\n');
}

function markdownTable(columns, rows) {
  const line = (cells) => `| ${cells.join(' | ')} |\n`;
  return [
    line(columns.map(({ title }) => title)),
    line(columns.map(({ isNumber }) => (isNumber ? '---:' : '---'))),
    ...rows.map((row) => line(row.map((cell) => escapeMarkdown(cell)))),
  ].join('');
}

/** Nothing is markup, and nobody is told: between `@` and a name is a space without width. */
function escapeMarkdown(text) {
  return printable(text)
    .replace(/[\\`*_[\]<>|#&]/g, '\\$&')
    .replaceAll('@', '@&#8203;');
}

module.exports = { checkReport, print, printFiles, REPORT_OPTIONS };
