// The command line: finds the command, reads its arguments, runs it, and says what went wrong.
//
// A command is a file of commands/ that exports { name, summary, operands, options, examples, run }:
//   operands  { text: 'FILE...', min: 1, max: Infinity, read }, what is no option
//   options   by name: { description, value, short, read, default }; see arguments.js
//   exitCodes [['3', 'what it means']], only of commands that have more than 0, 1 and 2
//   examples  lines, without the program's name
//   run       (options, operands) => exit code or undefined for 0, or a promise of it
'use strict';

const { version } = require('../../package.json');
const { readArguments } = require('./arguments.js');
const { CommandError } = require('../errors.js');
const { UsageError } = require('./errors.js');
const { complain } = require('./printable.js');
const { commandHelp, PROGRAM, programHelp } = require('./help.js');
const { similar } = require('./similar.js');

const COMMANDS = [
  require('./commands/run.js'),
  require('./commands/attach.js'),
  require('./commands/top.js'),
  require('./commands/diff.js'),
  require('./commands/leaks.js'),
  require('./commands/flamegraph.js'),
  require('./commands/convert.js'),
];

/** The exit code. */
const WRONG_USAGE = 2;

/** Runs a command line; a promise of the exit code. */
async function main(argv) {
  const stdoutErrors = [];
  process.stdout.on('error', (error) => stdoutErrors.push(error));
  // There is nowhere left to say so.
  process.stderr.on('error', () => {});
  try {
    const exitCode = await dispatch(argv);
    await flushStdout();
    // That the reader of a pipe has seen enough (`| head`) is no error.
    if (stdoutErrors.length > 0 && stdoutErrors[0].code !== 'EPIPE') throw stdoutErrors[0];
    return exitCode ?? 0;
  } catch (error) {
    return report(error, argv[0]);
  }
}

/** Errors are told by then, too. */
async function flushStdout() {
  await new Promise((resolve) => process.stdout.write('', () => setImmediate(resolve)));
}

function dispatch([first, ...rest]) {
  if (first === undefined) return printUsage();
  if (first === '--help' || first === '-h') return print(programHelp(COMMANDS));
  if (first === '--version') return print(`${version}\n`);
  if (first === 'help') return printHelp(rest[0]);
  const command = mustFindCommand(first);
  const { isHelp, options, operands } = readArguments(command, rest);
  return isHelp ? print(commandHelp(command)) : command.run(options, operands);
}

/** Who asks for nothing may not know what there is; a script that does has made a mistake. */
function printUsage() {
  process.stderr.write(programHelp(COMMANDS));
  return WRONG_USAGE;
}

function printHelp(name) {
  const isOfAll = name === undefined || name === 'help';
  return print(isOfAll ? programHelp(COMMANDS) : commandHelp(mustFindCommand(name)));
}

function mustFindCommand(name) {
  const command = findCommand(name);
  if (command !== undefined) return command;
  const meant = similar(name, [...COMMANDS.map((known) => known.name), 'help']);
  const hint = meant === undefined ? '' : `; did you mean '${meant}'?`;
  throw new UsageError(`'${name}' is no command${hint}`);
}

function findCommand(name) {
  return COMMANDS.find((command) => command.name === name);
}

function print(text) {
  process.stdout.write(text);
}

/** Writes what is wrong to stderr; the exit code. */
function report(error, name) {
  if (error instanceof UsageError) {
    const command = findCommand(name) === undefined ? PROGRAM : `${PROGRAM} ${name}`;
    complain(`error: ${error.message}`);
    complain(`See '${command} --help'.`);
    return WRONG_USAGE;
  }
  // Errors with a code are those of the system and ours; any other is a bug.
  const isExpected = error instanceof CommandError || error.code !== undefined;
  if (isExpected) complain(`error: ${error.message}`);
  else for (const line of `error: ${error.stack}`.split('\n')) complain(line);
  return 1;
}

module.exports = { main };
