// Makes a checkout ready: installs what package-lock.json says unless that is done, and builds.
import { existsSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { npm, root } from './run.mjs';

const lock = join(root, 'package-lock.json');
const installed = join(root, 'node_modules', '.package-lock.json');

if (!existsSync(installed) || statSync(installed).mtimeMs < statSync(lock).mtimeMs) {
  // Not `npm ci`: it wants the lock file to list the optional packages of every platform, which
  // npm only writes where the registry has them all.
  npm('install', '--no-save', '--ignore-scripts');
}
npm('run', 'build');
