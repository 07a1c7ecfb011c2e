// Answers as people, tickets and programs read them: text, Markdown or JSON.
'use strict';

const { UsageError } = require('./errors.js');
const { STANDARD } = require('./output.js');
const { printable } = require('./printable.js');

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
 * each; `lines` come before the table, which may be left out, `notes` behind it.
 */
function print(answer, describe, { json, markdown }) {
  if (json) return write(`${JSON.stringify(answer, null, 2)}\n`);
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
  const texts = lines.map((line) => `${printable(line)}\n`);
  if (rows.length > 0) texts.push(`\n${textTable(columns, rows)}\n`);
  if (notes.length > 0) texts.push('\n', ...notes.map((note) => `${printable(note)}\n`));
  return texts.join('');
}

function textTable(columns, rows) {
  // Here, for programs that load this package need neither.
  const Table = require('cli-table3');
  const { createColors, isColorSupported } = require('picocolors');
  const { bold } = createColors(isColorSupported && isColorWanted());
  const table = new Table({
    head: columns.map(({ title }) => bold(title)),
    colAligns: columns.map(({ isNumber }) => (isNumber ? 'right' : 'left')),
    chars: PLAIN,
    style: { head: [], border: [], 'padding-left': 0, 'padding-right': 2 },
  });
  table.push(...rows.map((row) => row.map(printable)));
  return table
    .toString()
    .split('\n')
    .map((line) => line.trimEnd())
    .join('\n');
}

/** What picocolors does not ask for: continuous integration is no terminal, and 0 forces nothing. */
function isColorWanted() {
  const { FORCE_COLOR } = process.env;
  return FORCE_COLOR === undefined ? process.stdout.isTTY === true : FORCE_COLOR !== '0';
}

const SIDES = ['top', 'bottom', 'left', 'right', 'mid'];
const JOINTS = SIDES.flatMap((side) => ['', '-mid', '-left', '-right'].map((at) => side + at));
/** Columns with nothing drawn between them. */
const PLAIN = { ...Object.fromEntries(JOINTS.map((name) => [name, ''])), middle: '' };

function asMarkdown({ lines, columns, rows = [], notes = [] }) {
  const parts = lines.map((line) => `${escapeMarkdown(line)}\n`);
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

function escapeMarkdown(text) {
  return printable(text).replace(/[\\`*_[\]<>|#]/g, '\\$&');
}

module.exports = { checkReport, print, printFiles, REPORT_OPTIONS };
