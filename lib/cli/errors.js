// What a command throws when it cannot do what it was asked for.
'use strict';

/** `error: …`, exit code 1. */
class CommandError extends Error {}

/** The command line itself is wrong: `error: …` with a hint to --help, exit code 2. */
class UsageError extends Error {}

module.exports = { CommandError, UsageError };
