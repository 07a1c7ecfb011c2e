// Fails when an arrow of doc/architecture.md points up: when code uses what stands above it.
// `node scripts/arrows.mjs [directory]` looks at this checkout, or at another.
import { readdirSync, readFileSync } from 'node:fs';
import { join, posix } from 'node:path';
import { fileURLToPath } from 'node:url';
import { root } from './run.mjs';

/** The modules of crates/core, the lowest first: each may use those before it. */
const CORE = [
  'file',
  'machine_code',
  'error',
  'profile',
  'runtime',
  'source_map',
  'format',
  'analysis',
].map((name) => `crates/core/src/${name}`);

/** Every room with the other rooms that it may use. A file is in the one with the longest fitting name. */
const ROOMS = {
  ...Object.fromEntries(CORE.map((room, floor) => [room, CORE.slice(0, floor)])),
  'crates/core/src/lib': CORE,
  'src/v8': CORE,
  'src/binding': [...CORE, 'src/v8'],
  'src/lib': ['src/v8', 'src/binding'],

  'lib/display/': [],
  'lib/': [],
  'lib/http/': ['lib/', 'lib/display/'],
  'lib/push/': ['lib/'],
  'lib/inspector/': ['lib/'],
  'lib/cli/': ['lib/', 'lib/display/', 'lib/inspector/', 'lib/monitor/'],
  'lib/monitor/': ['lib/', 'lib/push/'],
  'index.js': ['lib/', 'lib/http/', 'lib/monitor/'],
  'register.js': ['lib/', 'lib/monitor/', 'index.js'],
  'sample-heap-allocations/': ['lib/', 'index.js'],
  'bin/': ['lib/cli/'],
  'flamegraph/': ['lib/display/'],
};

/** Where the rooms are. */
const PLACES = ['crates/core/src', 'src', 'lib', 'sample-heap-allocations', 'bin', 'flamegraph'];
const FILES = ['index.js', 'register.js'];

/** Dependencies that the core's manifest must not have: Node-API, and the addon. */
const CORE_MANIFEST = 'crates/core/Cargo.toml';
const ABOVE_CORE = /^(?:\[.*dependencies\.)?((?:napi|heap-profile)[\w-]*)/gm;

function roomOf(path) {
  const fitting = Object.keys(ROOMS).filter((room) => path.startsWith(room));
  return fitting.sort((one, other) => other.length - one.length)[0];
}

/** What is wrong with the arrows of a file, a line each. */
export function wrongArrows(path, text) {
  const room = roomOf(path);
  if (room === undefined) return [`${path} is in no room of scripts/arrows.mjs`];
  const allowed = [room, ...ROOMS[room]];
  const used = path.endsWith('.rs') ? rustUses(path, text) : javaScriptUses(path, text);
  const wrong = used.filter((target) => !allowed.includes(roomOf(target)));
  return [...new Set(wrong)].map((target) => `${path} uses ${target}, which is above it`);
}

/** `crate::format` and `use crate::{error, file}`, of the core in the addon too. */
function rustUses(path, text) {
  const own = path.startsWith('crates/core/') ? 'crates/core/src' : 'src';
  const sources = { crate: own, heap_profile_core: 'crates/core/src' };
  const code = text.replace(/\/\/.*/g, '');
  const uses = [...code.matchAll(/\b(crate|heap_profile_core)::(?:(\w+)|\{([^;]*)\})/g)];
  return uses.flatMap(([, source, name, list]) => {
    const names = name === undefined ? outermost(list) : [name];
    return names.map((one) => `${sources[source]}/${one}`);
  });
}

/** The first name of each item of a list: `error::{self, Error}, file` has `error` and `file`. */
function outermost(list) {
  let flat = list;
  while (/\{[^{}]*\}/.test(flat)) flat = flat.replace(/\{[^{}]*\}/g, '');
  return flat.split(',').flatMap((item) => item.match(/\w+/)?.[0] ?? []);
}

/** What is loaded by a relative name or by ours. Names of types and data are no arrows. */
function javaScriptUses(path, text) {
  const loads = text.matchAll(/(?:\brequire\(|\bimport\(|\bfrom |\bimport )\s*(['"])(.+?)\1/g);
  return [...loads].flatMap(([, , name]) => {
    if (/\.d\.ts$|\.json$|\.css$/.test(name)) return [];
    if (/^heap-profile(?:\/|$)/.test(name)) return ['index.js'];
    return name.startsWith('.') ? [posix.join(posix.dirname(path), name)] : [];
  });
}

/** What is wrong with the arrows of the checkout in a directory. */
function allWrongArrows(directory) {
  const read = (path) => readFileSync(join(directory, path), 'utf8');
  const dependencies = [...read(CORE_MANIFEST).matchAll(ABOVE_CORE)];
  return [
    ...dependencies.map(([, name]) => `${CORE_MANIFEST} depends on ${name}, which is above it`),
    ...sourcesOf(directory).flatMap((path) => wrongArrows(path, read(path))),
  ];
}

function sourcesOf(directory) {
  const inPlaces = PLACES.flatMap((place) =>
    readdirSync(join(directory, place), { recursive: true }).map((name) => posix.join(place, name)),
  );
  return [...FILES, ...inPlaces.filter((path) => /\.(?:rs|m?js)$/.test(path))];
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const wrong = allWrongArrows(process.argv[2] ?? root);
  for (const line of wrong) console.error(`error: ${line}`);
  if (wrong.length > 0) process.exitCode = 1;
}
