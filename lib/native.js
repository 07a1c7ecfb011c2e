// Finds out whether this runtime is one whose V8 was verified, and loads the native addon for it.
// The table is verified-runtimes.json; to add a row to it, see doc/maintaining.md.
'use strict';

const { existsSync } = require('node:fs');
const { join } = require('node:path');
const { startupSnapshot } = require('node:v8');
const { codedError } = require('./errors.js');
const VERIFIED = require('./verified-runtimes.json');

const HOW_TO_BUILD =
  'To build it, run `npm install` in a checkout of heap-profile on such a machine (it needs Rust ' +
  'and a C++ compiler) and copy the file here';

/** Why this runtime is not supported, or undefined. Loads nothing. */
const unsupportedReason = unverified() ?? snapshotIsBuilt() ?? addonsAreOff() ?? missingBinary();

/** @type {typeof import('../target/native.d.ts') | undefined} */
let native;

/**
 * The addon; throws ERR_UNSUPPORTED_RUNTIME where there is none.
 * @returns {typeof import('../target/native.d.ts')}
 */
function load() {
  if (native !== undefined) return native;
  if (unsupportedReason !== undefined) throw unsupported(unsupportedReason);
  const failures = [];
  for (const path of binaryPaths().filter((path) => existsSync(path))) {
    try {
      native = require(path);
      return /** @type {NonNullable<typeof native>} */ (native);
    } catch (error) {
      failures.push(`${path} cannot be loaded: ${error.message}`);
    }
  }
  throw unsupported(`${failures.join('; ')}. ${HOW_TO_BUILD}`);
}

/** The addon, or undefined where there is none. */
function tryLoad() {
  try {
    return load();
  } catch {
    return undefined;
  }
}

function unsupported(reason) {
  return codedError('ERR_UNSUPPORTED_RUNTIME', `heap-profile cannot sample here: ${reason}`);
}

function unverified() {
  const found = describeRuntime();
  const { variables } = process.config;
  const supported = VERIFIED.map((row) => `Node.js ${row.node} (V8 ${row.v8})`).join(', ');
  if (!VERIFIED.some(isRunning)) return `found ${found}; supported are ${supported}`;
  for (const name of ['v8_enable_pointer_compression', 'v8_enable_sandbox']) {
    if (isSet(variables[name])) {
      return `found ${found} built with ${name}, which has other layouts; supported are ordinary builds of ${supported}`;
    }
  }
  return undefined;
}

function isRunning(row) {
  const { modules, v8, bun, deno, electron } = process.versions;
  const isNode = bun === undefined && deno === undefined && electron === undefined;
  return isNode && modules === row.modules && v8.startsWith(`${row.v8}.`);
}

/** Build variables are 0, 1, false, true or strings of those, by version. */
function isSet(variable) {
  return !['0', 'false', 'undefined', ''].includes(String(variable));
}

function describeRuntime() {
  const { bun, deno, electron, modules, v8 } = process.versions;
  if (bun !== undefined) return `Bun ${bun}`;
  if (deno !== undefined) return `Deno ${deno}`;
  if (electron !== undefined) return `Electron ${electron}`;
  return `Node.js ${process.version} (V8 ${v8}, modules ${modules})`;
}

/** What is in memory then would be in the snapshot: Node aborts if an addon is. */
function snapshotIsBuilt() {
  if (!startupSnapshot?.isBuildingSnapshot()) return undefined;
  return 'a startup snapshot is being built, which cannot hold an addon; require heap-profile in the program that starts from it';
}

/** Nothing tells but an attempt. */
function addonsAreOff() {
  try {
    process.dlopen({ exports: {} }, join(__dirname, 'no-such-addon.node'));
  } catch (error) {
    if (error.code === 'ERR_DLOPEN_DISABLED') {
      return 'loading addons is disabled, by --no-addons or by --permission without --allow-addons';
    }
  }
  return undefined;
}

function missingBinary() {
  if (binaryPaths().some((path) => existsSync(path))) return undefined;
  const paths = binaryPaths().join(' and ');
  return `there is no prebuilt binary for this platform: looked for ${paths}. ${HOW_TO_BUILD}`;
}

/** The names that napi-rs gives the binaries of a platform: on Linux one for each C library. */
function binaryPaths() {
  const abis = { linux: ['-gnu', '-musl'], win32: ['-msvc'] }[process.platform] ?? [''];
  const platform = `${process.platform}-${process.arch}`;
  return abis.map((abi) => join(__dirname, '..', `heap-profile.${platform}${abi}.node`));
}

module.exports = {
  binaryPaths,
  isSupported: unsupportedReason === undefined,
  load,
  tryLoad,
  unsupportedReason,
};
