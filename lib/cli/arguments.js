// Arguments of a command, by what the command says of them. An option is
//   { description, value: 'SIZE', short: 'o', read: (name, text) => value, default: '60s' }
// without `value` it is a switch. `read` throws what is wrong with the text. The command gets them
// by their names in camel case.
'use strict';

const { parseArgs } = require('node:util');
const { UsageError } = require('./errors.js');
const { similar } = require('./similar.js');

const HELP = { short: 'h', description: 'Show this' };

/** { isHelp, options, operands }; throws UsageError. */
function readArguments(command, argv) {
  const described = { ...command.options, help: HELP };
  const { values, positionals } = parse(described, argv, command.operands);
  if (values.help) return { isHelp: true };
  const operands = readOperands(command.operands, positionals, command.name);
  const options = Object.create(null);
  for (const [name, option] of Object.entries(command.options)) {
    const text = values[name] ?? option.default;
    if (text !== undefined) options[camelCase(name)] = readValue(`--${name}`, option.read, text);
  }
  return { isHelp: false, options, operands };
}

/** @returns {{ values: any, positionals: string[] }} */
function parse(described, argv, operands) {
  const options = {};
  for (const [name, { short, value }] of Object.entries(described)) {
    options[name] = { type: value === undefined ? 'boolean' : 'string', ...(short && { short }) };
  }
  try {
    return parseArgs({ args: argv, options, allowPositionals: true });
  } catch (error) {
    const [, unknown] = /^Unknown option '(.+?)'/s.exec(error.message) ?? [];
    throw new UsageError(
      unknown === undefined ? error.message : unknownOption(unknown, described, operands),
    );
  }
}

function unknownOption(name, described, { text }) {
  const meant = similar(name.replace(/^-+/, ''), Object.keys(described));
  const hint = meant === undefined ? '' : `; did you mean '--${meant}'?`;
  // A program has options of its own.
  const place = text.startsWith('--') ? "; options of the program go behind '--'" : '';
  return `Unknown option '${name}'${hint || place}`;
}

function readValue(name, read, text) {
  return read === undefined ? text : orUsageError(() => read(name, text));
}

function readOperands({ text, min, max, read }, given, name) {
  if (given.length < min) throw new UsageError(`'${name}' needs ${text}`);
  if (given.length > max) throw new UsageError(`'${given[max]}' is one argument too many`);
  return given.map((operand) => readValue(text, read, operand));
}

/** The coded errors of parseArgs and of readers are the caller's mistakes. */
function orUsageError(read) {
  try {
    return read();
  } catch (error) {
    if (error.code === undefined) throw error;
    throw new UsageError(error.message);
  }
}

function camelCase(name) {
  return name.replace(/-(.)/g, (_, letter) => letter.toUpperCase());
}

module.exports = { HELP, readArguments };
