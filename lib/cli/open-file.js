// Opens a file as a double click on it would.
'use strict';

const { spawn } = require('node:child_process');
const { resolve } = require('node:path');

const PATIENCE_MS = 3000;

const OPENERS = {
  darwin: (path) => ['open', path],
  // Not `start`: cmd would expand a %NAME% in the path.
  win32: (path) => [
    'powershell',
    '-NoProfile',
    '-NonInteractive',
    '-Command',
    `Start-Process -FilePath ${powerShellString(path)}`,
  ],
};

const openWithDesktop = (path) => ['xdg-open', path];

/** The command that opens a file, with its arguments. */
function openerOf(platform, path) {
  return (OPENERS[platform] ?? openWithDesktop)(path);
}

/** As it is, but for all that PowerShell takes for an apostrophe. */
function powerShellString(text) {
  return `'${text.replace(/['\u2018-\u201b]/g, '$&$&')}'`;
}

/** Rejects if there is no opener, or if it cannot open the file. */
function openFile(file) {
  const [command, ...args] = openerOf(process.platform, resolve(file));
  const isWindows = process.platform === 'win32';
  // A browser that xdg-open started must not end with our Ctrl-C. PowerShell needs its console.
  /** @type {import('node:child_process').SpawnOptions} */
  const options = { stdio: 'ignore', detached: !isWindows, windowsHide: true };
  const child = spawn(command, args, options);
  return new Promise((/** @type {(nothing?: undefined) => void} */ done, reject) => {
    // xdg-open may last as long as the browser. What goes wrong goes wrong at once.
    const timer = setTimeout(() => {
      child.unref();
      done();
    }, PATIENCE_MS);
    child.on('error', (/** @type {NodeJS.ErrnoException} */ error) => {
      clearTimeout(timer);
      reject(error.code === 'ENOENT' ? new Error(`there is no ${command}`) : error);
    });
    child.on('exit', (code) => {
      clearTimeout(timer);
      if (code === 0) done();
      else reject(new Error(`${command} failed with exit code ${code}`));
    });
  });
}

module.exports = { openerOf, openFile };
