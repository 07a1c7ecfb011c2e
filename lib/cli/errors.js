// What a command throws when it is called in a wrong way.
'use strict';

/** The command line itself is wrong: `error: …` with a hint to --help, exit code 2. */
class UsageError extends Error {}

module.exports = { UsageError };
