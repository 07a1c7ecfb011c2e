// Opens a file as a double click on it would.
'use strict';

const { spawn } = require('node:child_process');
const { resolve } = require('node:path');

const OPENERS = {
  darwin: ['open'],
  // Not `start`: cmd would take a & in the name for the end of the command.
  win32: ['rundll32', 'url.dll,FileProtocolHandler'],
};
const DEFAULT_OPENER = ['xdg-open'];

/** Rejects if there is no opener, or if it cannot open the file. */
function openFile(file) {
  const [command, ...args] = OPENERS[process.platform] ?? DEFAULT_OPENER;
  const child = spawn(command, [...args, resolve(file)], { stdio: 'ignore' });
  return new Promise((done, reject) => {
    child.on('error', (error) => {
      reject(error.code === 'ENOENT' ? new Error(`there is no ${command}`) : error);
    });
    child.on('exit', (code) => {
      if (code === 0) done();
      else reject(new Error(`${command} failed with exit code ${code}`));
    });
  });
}

module.exports = { openFile };
