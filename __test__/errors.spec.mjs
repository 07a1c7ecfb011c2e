// The codes of errors: what is documented is what there is, here and in Rust.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { test } from 'node:test';
import { root } from './helpers.mjs';

const require = createRequire(import.meta.url);
const { ERRORS, codedError, errorOf } = require('../lib/errors.js');

const codesIn = (text) => [...new Set(text.match(/\bERR_[A-Z_]+\b/g))].sort();
const textOf = (...path) => readFileSync(join(root, ...path), 'utf8');

test('index.d.ts documents each code, one line each', () => {
  const union = /export type ErrorCode =\n((?: {2}.*\n)+)/.exec(textOf('index.d.ts'))[1];
  const lines = union.trimEnd().split('\n');
  const documented = lines.filter((_, index) => index % 2 === 1);
  assert.deepEqual(codesIn(documented.join('\n')), Object.keys(ERRORS));
  assert.equal(documented.length, Object.keys(ERRORS).length);
  for (const [index, line] of lines.entries()) {
    assert.match(line, index % 2 === 0 ? /^ {2}\/\*\* .*\. \*\/$/ : /^ {2}\| 'ERR_\w+';?$/);
  }
});

test('all codes that index.d.ts and Rust name are in the table', () => {
  for (const path of [
    ['index.d.ts'],
    ['sample-heap-allocations', 'index.d.ts'],
    ['crates', 'core', 'src', 'error.rs'],
    ['src', 'binding', 'outcome.rs'],
  ]) {
    const found = codesIn(textOf(...path));
    assert.ok(found.length > 0, path.join('/'));
    assert.deepEqual(
      found.filter((code) => !(code in ERRORS)),
      [],
      path.join('/'),
    );
  }
});

test('each code has its class', () => {
  for (const [code, Type] of Object.entries(ERRORS)) {
    const error = codedError(code, 'why');
    assert.deepEqual([error.constructor, error.code, error.message], [Type, code, 'why']);
  }
});

test('failures of native tasks become errors of the system or of ours', () => {
  const system = errorOf({ failed: true, errno: 2, message: '', syscall: 'open', path: '/a' });
  assert.equal(system.message, "ENOENT: no such file or directory, open '/a'");
  assert.deepEqual([system.code, system.errno], ['ENOENT', -2]);
  const ours = errorOf({ failed: true, code: 'ERR_INVALID_PROFILE', message: 'no profile' });
  assert.deepEqual([ours.code, ours.message], ['ERR_INVALID_PROFILE', 'no profile']);
  assert.equal(errorOf({ failed: true, message: 'unknown' }).code, 'ERR_INTERNAL');
});
