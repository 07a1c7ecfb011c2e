// What --help prints, from what the commands say of themselves.
'use strict';

const { HELP } = require('./arguments.js');

const PROGRAM = 'heap-profile';

function programHelp(commands) {
  const rows = commands.map(({ name, summary }) => [name, summary]);
  rows.push(['help', 'Shows this, or of a command what --help after it shows: help COMMAND']);
  return [
    `Usage: ${PROGRAM} COMMAND [options]`,
    '',
    'Which code path of a Node.js program holds the memory.',
    '',
    section('Commands', table(rows)),
    section(
      'Options',
      table([
        ['-h, --help', `${HELP.description}; after a command, that command's help`],
        ['    --version', 'Show the version'],
      ]),
    ),
    section(
      'Examples',
      commands.map(({ examples }) => `  ${PROGRAM} ${examples[0]}`),
    ),
  ].join('\n');
}

/** @param {{ exitCodes?: string[][], [property: string]: any }} command */
function commandHelp({ name, summary, operands, options, exitCodes = [], examples }) {
  const rows = Object.entries({ ...options, help: HELP }).map(([option, described]) => [
    optionUsage(option, described),
    optionDescription(described),
  ]);
  return [
    `Usage: ${PROGRAM} ${name} [options] ${operands.text}`,
    '',
    `${summary}.`,
    '',
    section('Options', table(rows)),
    ...(exitCodes.length > 0 ? [section('Exit codes', table(exitCodes))] : []),
    section(
      'Examples',
      examples.map((example) => `  ${PROGRAM} ${example}`),
    ),
  ].join('\n');
}

function optionUsage(name, { short, value }) {
  const start = short === undefined ? '    ' : `-${short}, `;
  return `${start}--${name}${value === undefined ? '' : ` ${value}`}`;
}

function optionDescription({ description, default: preset }) {
  return preset === undefined ? description : `${description} (default: ${preset})`;
}

function section(title, lines) {
  return `${title}:\n${lines.join('\n')}\n`;
}

function table(rows) {
  const width = Math.max(...rows.map(([left]) => left.length));
  return rows.map(([left, right]) => `  ${left.padEnd(width)}  ${right}`);
}

module.exports = { commandHelp, PROGRAM, programHelp };
