// How much memory this process may have: the least of what the machine has and of the limits of the
// control groups that it is in, version 2 and 1. It is the kernel that kills at these, not V8.
'use strict';

const { readFile } = require('node:fs/promises');
const { totalmem } = require('node:os');
const { join, posix } = require('node:path');

/** Of each version the files that may hold a limit. */
const FILES = { 2: ['memory.max', 'memory.high'], 1: ['memory.limit_in_bytes'] };

/**
 * Bytes; of a limit that cannot be read nothing is said. Reads are asynchronous: a file system that hangs must
 * not hang the program.
 * @param {string} [root] the directory that stands for `/`
 */
async function readMemoryLimit(root = '/') {
  const limits = await Promise.all((await groupsOf(root)).map((group) => limitOf(root, group)));
  return Math.min(totalmem(), ...limits);
}

/** The directories of the groups that limit this process, { version, directory }, outer ones too. */
async function groupsOf(root) {
  const [memberships, mounts] = await Promise.all(
    ['cgroup', 'mountinfo'].map((name) => read(join(root, 'proc/self', name))),
  );
  return mounts.split('\n').flatMap((line) => {
    const mount = mountOf(line);
    if (mount === undefined) return [];
    const path = pathOf(memberships, mount.version);
    if (path === undefined) return [];
    return upward(within(path, mount.root)).map((directory) => ({
      version: mount.version,
      directory: posix.join(mount.point, directory),
    }));
  });
}

/** A line of mountinfo, proc(5), if it is of a hierarchy that limits memory. */
function mountOf(line) {
  const [before, after = ''] = line.split(' - ');
  const [, , , root = '/', point = '/'] = before.split(' ');
  const [type, , options = ''] = after.split(' ');
  if (type === 'cgroup2') return { version: 2, root, point: unescaped(point) };
  const isOfMemory = type === 'cgroup' && options.split(',').includes('memory');
  return isOfMemory ? { version: 1, root, point: unescaped(point) } : undefined;
}

/** The kernel writes blanks and the like in octal. */
function unescaped(path) {
  return path.replace(/\\([0-7]{3})/g, (_, code) => String.fromCharCode(Number.parseInt(code, 8)));
}

/** The group that the process is in, of the lines `number:controllers:path`. */
function pathOf(memberships, version) {
  for (const line of memberships.split('\n')) {
    const [, controllers, path] = /^\d+:([^:]*):(.*)$/.exec(line) ?? [];
    if (controllers === undefined) continue;
    const isIt = version === 2 ? controllers === '' : controllers.split(',').includes('memory');
    if (isIt) return path;
  }
  return undefined;
}

/** The path below what is mounted: in a container that is often the group itself. */
function within(path, root) {
  if (root === '/') return path;
  if (path === root) return '/';
  return path.startsWith(`${root}/`) ? path.slice(root.length) : '/';
}

/** The path and those above it. A path that leads out of what is seen (`/..`) is the top of it. */
function upward(path) {
  const clean = posix.normalize(`/${path}`);
  const paths = [clean];
  while (paths[paths.length - 1] !== '/') paths.push(posix.dirname(paths[paths.length - 1]));
  return paths;
}

/** Infinity where there is none: version 2 says `max`, version 1 a number beyond all machines. */
async function limitOf(root, { version, directory }) {
  const texts = await Promise.all(FILES[version].map((name) => read(join(root, directory, name))));
  const limits = texts.map((text) => (/^\d+\s*$/.test(text) ? Number(text) : 0));
  return Math.min(...limits.map((limit) => (limit > 0 ? limit : Infinity)));
}

async function read(path) {
  try {
    return await readFile(path, 'utf8');
  } catch {
    return '';
  }
}

module.exports = { readMemoryLimit };
