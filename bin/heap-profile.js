#!/usr/bin/env node
// The command line's entry; lib/cli/ is the command line.
'use strict';

const { main } = require('../lib/cli/main.js');

main(process.argv.slice(2)).then((exitCode) => {
  // No process.exit(): what is still on its way to a pipe would be lost.
  process.exitCode = exitCode;
});
