// Other Nodes than the one that runs us, from npm.
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { npm, root } from './run.mjs';

const directory = join(root, 'target', 'nodes');
const platform = { win32: 'win' }[process.platform] ?? process.platform;

/** Installs the newest Node of each major; the paths of their binaries, in the same order. */
export function installNodes(majors) {
  const packages = majors.map(
    (major) => `node${major}@npm:node-${platform}-${process.arch}@${major}`,
  );
  mkdirSync(directory, { recursive: true });
  writeFileSync(join(directory, 'package.json'), '{ "private": true }\n');
  npm('install', '--prefix', directory, '--no-save', '--ignore-scripts', ...packages);
  return majors.map((major) => join(directory, 'node_modules', `node${major}`, 'bin', 'node'));
}
