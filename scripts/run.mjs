// Runs the commands that the other scripts are made of.
import { spawnSync } from 'node:child_process';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

/** The top level of the project. */
export const root = join(dirname(fileURLToPath(import.meta.url)), '..');

/** Runs a command at the top level, its output going where ours goes; whether it exited with 0. */
export function run(command, args, { env = {} } = {}) {
  const { status, error } = spawnSync(command, args, {
    cwd: root,
    stdio: 'inherit',
    env: { ...process.env, ...env },
  });
  if (error !== undefined) console.error(`error: ${command}: ${error.message}`);
  return status === 0;
}

/** The same, for a command without which there is no going on. */
export function mustRun(command, args, options) {
  if (run(command, args, options)) return;
  console.error(`error: failed: ${command} ${args.join(' ')}`);
  process.exit(1);
}

/** npm, the one that runs us if one does. */
export function npm(...args) {
  const { npm_execpath: path } = process.env;
  if (path === undefined) mustRun('npm', args);
  else mustRun(process.execPath, [path, ...args]);
}
