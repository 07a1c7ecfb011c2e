// The guard: on runtimes that were not verified the package loads, says why, and start() throws.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { cpSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { after, test } from 'node:test';
import { fileURLToPath } from 'node:url';

const root = join(dirname(fileURLToPath(import.meta.url)), '..');
const directory = mkdtempSync(join(tmpdir(), 'heap-profile-'));
const verified = createRequire(import.meta.url)('../lib/verified-runtimes.json');

after(() => rmSync(directory, { recursive: true, force: true }));

/** Requires the package after `prepare` ran, in a child; what it says of the runtime. */
function probe(prepare, packageRoot = root) {
  const code = `${prepare}
    const heapProfile = require(${JSON.stringify(packageRoot)});
    const { isSupported, unsupportedReason } = heapProfile;
    let error = {};
    try { heapProfile.start(); } catch (caught) { error = caught; }
    heapProfile.stop();
    const { active } = heapProfile.status();
    console.log(JSON.stringify({
      isSupported, unsupportedReason, active, code: error.code, message: error.message,
    }));`;
  const { stdout, stderr, status } = spawnSync(process.execPath, ['-e', code], {
    encoding: 'utf8',
  });
  assert.equal(status, 0, stderr);
  return JSON.parse(stdout);
}

function withVersions(changes) {
  return `Object.defineProperty(process, 'versions', {
    value: { ...process.versions, ...${JSON.stringify(changes)} },
  });`;
}

function assertRefused(result, found) {
  assert.equal(result.isSupported, false);
  assert.equal(result.active, false);
  assert.match(result.unsupportedReason, found);
  assert.equal(result.code, 'ERR_UNSUPPORTED_RUNTIME');
  assert.ok(result.message.includes(result.unsupportedReason), result.message);
}

test('this runtime is supported', () => {
  const result = probe('');
  assert.equal(result.isSupported, true, result.unsupportedReason);
  assert.equal(result.code, undefined);
});

test('a newer Node is refused; the error says what was found and what is supported', () => {
  const result = probe(withVersions({ modules: '999', v8: '99.1.2.3-node.4' }));
  assertRefused(result, /V8 99\.1\.2\.3-node\.4, modules 999/);
  for (const { node, v8 } of verified) {
    assert.ok(result.message.includes(`Node.js ${node} (V8 ${v8})`), result.message);
  }
});

test('another V8 within a verified Node is refused', () => {
  assertRefused(probe(withVersions({ v8: '99.1.2.3-node.4' })), /found Node\.js .*99\.1/);
});

test('Electron, Bun and Deno are refused, whatever Node they claim to be', () => {
  assertRefused(probe(withVersions({ electron: '40.0.0' })), /found Electron 40\.0\.0/);
  assertRefused(probe(withVersions({ bun: '2.0.0' })), /found Bun 2\.0\.0/);
  assertRefused(probe(withVersions({ deno: '3.0.0' })), /found Deno 3\.0\.0/);
});

test('builds with pointer compression are refused', () => {
  for (const value of [1, true, '1', 'true']) {
    const variables = { v8_enable_pointer_compression: value };
    const result = probe(`Object.defineProperty(process, 'config', {
      value: { ...process.config, variables: ${JSON.stringify(variables)} },
    });`);
    assertRefused(result, /built with v8_enable_pointer_compression/);
  }
});

test('a missing binary is named, with how to build it', () => {
  const copy = join(directory, 'without-binary');
  for (const part of ['index.js', 'package.json', 'lib']) {
    cpSync(join(root, part), join(copy, part), { recursive: true });
  }
  const result = probe('', copy);
  assertRefused(result, /looked for .*without-binary.heap-profile\.\w+-\w+.*\.node/);
  assert.match(result.message, /npm install/);
});

test('a binary that cannot be loaded is an error of start, with its reason', () => {
  const copy = join(directory, 'broken-binary');
  for (const part of ['index.js', 'package.json', 'lib']) {
    cpSync(join(root, part), join(copy, part), { recursive: true });
  }
  const { binaryPaths } = createRequire(import.meta.url)(join(copy, 'lib/native.js'));
  for (const path of binaryPaths()) writeFileSync(path, 'not a shared object');
  const code = `try { require(${JSON.stringify(copy)}).start(); } catch (error) {
    console.log(error.code, error.message);
  }`;
  const { stdout } = spawnSync(process.execPath, ['-e', code], { encoding: 'utf8' });
  assert.match(stdout, /^ERR_UNSUPPORTED_RUNTIME .*cannot be loaded: /);
});
