// The check of `npm run check` that no arrow of doc/architecture.md points up.
import assert from 'node:assert/strict';
import { appendFileSync, cpSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { wrongArrows } from '../scripts/arrows.mjs';
import { root, runChild, temporaryDirectory } from './helpers.mjs';

const check = (directory) => runChild(join(root, 'scripts', 'arrows.mjs'), [directory]);

test('no arrow of ours points up', async () => {
  assert.deepEqual(await check(root), { code: 0, signal: null, stdout: '', stderr: '' });
});

test('one that does fails the check, in each language and in the manifest', async () => {
  const copy = temporaryDirectory();
  const rooms = ['crates/core', 'src', 'lib', 'sample-heap-allocations', 'bin', 'flamegraph'];
  for (const path of [...rooms, 'index.js', 'register.js']) {
    cpSync(join(root, path), join(copy, path), { recursive: true });
  }
  appendFileSync(join(copy, 'lib/tree.js'), "require('../index.js');\n");
  appendFileSync(join(copy, 'crates/core/src/file/mod.rs'), 'use crate::format::Format;\n');
  appendFileSync(join(copy, 'crates/core/Cargo.toml'), '[dev-dependencies]\nnapi = "3"\n');
  const { code, stderr } = await check(copy);
  assert.equal(code, 1);
  assert.deepEqual(stderr.split('\n'), [
    'error: crates/core/Cargo.toml depends on napi, which is above it',
    'error: crates/core/src/file/mod.rs uses crates/core/src/format, which is above it',
    'error: lib/tree.js uses index.js, which is above it',
    '',
  ]);
});

test('arrows up, and arrows that are none', () => {
  for (const [path, text, expected] of [
    ['lib/on-exit.js', "require('../register.js')", ['register.js']],
    ['lib/on-exit.js', "require('./cli/main.js')", ['lib/cli/main.js']],
    ['lib/on-exit.js', "require('heap-profile')", ['index.js']],
    ['lib/on-exit.js', "require('./errors.js'); require('node:fs'); require('ws')", []],
    ['lib/on-exit.js', "/** @import { Format } from '../index.d.ts' */", []],
    ['lib/inspector/session.js', "require('../cli/errors.js')", ['lib/cli/errors.js']],
    ['lib/cli/commands/run.js', "require('../../snapshot.js')", []],
    ['lib/cli/commands/run.js', "require('../../../index.js')", ['index.js']],
    ['bin/heap-profile.js', "require('../lib/snapshot.js')", ['lib/snapshot.js']],
    ['flamegraph/page.mjs', "import { a } from '../lib/cli/report.js'", ['lib/cli/report.js']],
    ['flamegraph/page.mjs', "import { a } from '../lib/display/units.js'", []],
    [
      'crates/core/src/profile/mod.rs',
      'use crate::{\n    file::{self, Target},\n    analysis::{top, sites::{A, B}},\n};',
      ['crates/core/src/analysis'],
    ],
    ['crates/core/src/format/mod.rs', 'crate::analysis::top()', ['crates/core/src/analysis']],
    ['crates/core/src/format/mod.rs', '// crate::analysis', []],
    ['src/v8/ffi.rs', 'use crate::binding::read;', ['src/binding']],
    ['src/v8/ffi.rs', 'use heap_profile_core::profile::Node;', []],
  ]) {
    const lines = expected.map((target) => `${path} uses ${target}, which is above it`);
    assert.deepEqual(wrongArrows(path, text), lines);
  }
});

test('a file that no room is known for is told of', () => {
  const path = 'crates/core/src/cellar.rs';
  assert.deepEqual(wrongArrows(path, ''), [`${path} is in no room of scripts/arrows.mjs`]);
});
