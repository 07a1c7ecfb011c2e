// Other Nodes than the one that runs us, from npm.
import { mkdirSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { npm, root } from './run.mjs';

const directory = join(root, 'target', 'nodes');
const platform = { win32: 'win' }[process.platform] ?? process.platform;

// Odd majors live for half a year: they were verified, but nothing is run on them.
const verified = createRequire(import.meta.url)('../lib/verified-runtimes.json');
export const MAJORS = verified.map(({ node }) => node).filter((node) => node % 2 === 0);

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
