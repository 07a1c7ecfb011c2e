// Where Node does not let a program do something, native code does not do it either.
import assert from 'node:assert/strict';
import { existsSync, mkdirSync, readdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { before, test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import heapProfile from '../index.js';
import { root, runChild, temporaryDirectory } from './helpers.mjs';

const major = Number(process.versions.node.split('.')[0]);

/** Node.js 20 has it under another name, 18 not at all. */
const flag = ['--permission', '--experimental-permission'].find((name) =>
  process.allowedNodeEnvironmentFlags.has(name),
);
const skip = flag === undefined && `Node.js ${process.version} has no permission model`;

const directory = temporaryDirectory();
const allowed = join(directory, 'allowed');
const denied = join(directory, 'denied');
const profile = join(denied, 'a.heapprofile');

before(async () => {
  for (const path of [allowed, denied]) mkdirSync(path);
  heapProfile.start();
  await heapProfile.write(profile);
  await heapProfile.write(join(allowed, 'a.heapprofile'));
  // Not of one millisecond.
  await delay(10);
  await heapProfile.write(join(allowed, 'b.heapprofile'));
  heapProfile.stop();
});

test('Node has the permission model where it should', () => {
  assert.equal(flag !== undefined, major >= 20);
});

/** What a program prints that runs with these permissions; `attempt(action)` is what its error says. */
async function withPermissions(grants, code, cwd = directory) {
  const program = `
    const heapProfile = require(${JSON.stringify(root)});
    const { Snapshot } = heapProfile;
    const [allowed, denied] = ${JSON.stringify([allowed, denied])};
    async function attempt(action) {
      try {
        return { done: typeof await action() };
      } catch ({ name, message, code, permission, resource }) {
        return { name, message, code, permission, resource };
      }
    }
    (async () => { ${code} })().then((result) => console.log(JSON.stringify(result)));`;
  const { stdout, stderr } = await runChild('-e', [program], {
    execArgv: [flag, '--no-warnings', ...grants],
    cwd,
  });
  assert.notEqual(stdout, '', stderr);
  return JSON.parse(stdout);
}

const ADDONS = '--allow-addons';
const READ_ALL = '--allow-fs-read=*';
const WRITE_ALLOWED = `--allow-fs-write=${join(allowed, '*')}`;

/** As Node says it, in its own functions. */
function asNode(action) {
  return withPermissions(
    [ADDONS, READ_ALL, WRITE_ALLOWED],
    `return attempt(() => require('node:fs').${action});`,
  );
}

test('what may not be written is an error like those of node:fs, and is not written', {
  skip,
}, async () => {
  const path = join(denied, 'b.heapprofile');
  const expected = await asNode(`writeFileSync(${JSON.stringify(path)}, '')`);
  assert.equal(expected.code, 'ERR_ACCESS_DENIED');
  assert.deepEqual([expected.permission, expected.resource], ['FileSystemWrite', path]);
  const results = await withPermissions(
    [ADDONS, READ_ALL, WRITE_ALLOWED],
    `
    heapProfile.start();
    const snapshot = heapProfile.snapshot();
    const path = ${JSON.stringify(path)};
    return [
      await attempt(() => heapProfile.write(path)),
      await attempt(() => snapshot.write(path)),
      await attempt(() => snapshot.writeFlamegraph(path)),
      await attempt(() => new Promise((done, reject) =>
        heapProfile.write(path, (error) => error ? reject(error) : done()))),
    ];`,
  );
  assert.deepEqual(results, [expected, expected, expected, expected]);
  assert.deepEqual(readdirSync(denied), ['a.heapprofile']);
});

test('what may be written is written', { skip }, async () => {
  const results = await withPermissions(
    [ADDONS, READ_ALL, WRITE_ALLOWED],
    `
    heapProfile.start();
    const path = require('node:path').join(allowed, 'new.heapprofile');
    return [
      await attempt(() => heapProfile.write(path)),
      await attempt(() => heapProfile.write()),
      await attempt(() => heapProfile.snapshot().writeFlamegraph(path + '.html')),
    ];`,
    allowed,
  );
  assert.deepEqual(results, [{ done: 'string' }, { done: 'string' }, { done: 'string' }]);
  assert.ok(existsSync(join(allowed, 'new.heapprofile')));
});

test('default names are in the current directory: it must be allowed', { skip }, async () => {
  const code = 'heapProfile.start(); return attempt(() => heapProfile.write());';
  const result = await withPermissions([ADDONS, READ_ALL, WRITE_ALLOWED], code, denied);
  assert.deepEqual([result.code, result.permission], ['ERR_ACCESS_DENIED', 'FileSystemWrite']);
  assert.match(result.resource, /denied.heap-profile-\d+\.heapprofile$/);
  assert.deepEqual(readdirSync(denied), ['a.heapprofile']);
});

test('a name alone is not enough: the file is made beside it first, a link leads elsewhere', {
  skip,
}, async () => {
  const link = join(allowed, 'link.heapprofile');
  writeFileSync(join(denied, 'target'), 'as it was');
  symlinkSync(join(denied, 'target'), link);
  const one = join(denied, 'one.heapprofile');
  const grants = [ADDONS, READ_ALL, WRITE_ALLOWED, `--allow-fs-write=${one}`];
  for (const path of [one, link]) {
    const code = `heapProfile.start(); return attempt(() => heapProfile.write(${JSON.stringify(path)}));`;
    const result = await withPermissions(grants, code);
    assert.deepEqual([result.code, result.permission], ['ERR_ACCESS_DENIED', 'FileSystemWrite']);
  }
  assert.deepEqual(readdirSync(denied).sort(), ['a.heapprofile', 'target']);
});

test('what may not be read is not read', { skip }, async () => {
  const grants = [ADDONS, `--allow-fs-read=${join(root, '*')}`];
  grants.push(`--allow-fs-read=${join(allowed, '*')}`);
  const read = await withPermissions(
    grants,
    `
    const { join } = require('node:path');
    const file = join(allowed, 'a.heapprofile');
    return [
      await attempt(() => Snapshot.read(join(denied, 'a.heapprofile'))),
      await attempt(() => Snapshot.leaks([file, join(denied, 'a.heapprofile')])),
      await attempt(() => Snapshot.read(file)),
      await attempt(() => Snapshot.leaks([file, join(allowed, 'b.heapprofile')])),
    ];`,
  );
  for (const { code, permission, resource } of read.slice(0, 2)) {
    assert.deepEqual(
      [code, permission, resource],
      ['ERR_ACCESS_DENIED', 'FileSystemRead', profile],
    );
  }
  assert.deepEqual(read.slice(2), [{ done: 'object' }, { done: 'object' }]);
});

test('source maps, which may be anywhere, need everything to be readable', { skip }, async () => {
  const code = `
    const { readFileSync } = require('node:fs');
    const bytes = readFileSync(require('node:path').join(allowed, 'a.heapprofile'));
    const snapshot = await Snapshot.parse(bytes);
    return [
      await attempt(() => Snapshot.parse(bytes, { sourceMaps: true })),
      await attempt(() => snapshot.encode('heapprofile', { sourceMaps: true })),
      await attempt(() => snapshot.encode('heapprofile', { sourceMaps: false })),
    ];`;
  const some = [root, allowed].map((path) => `--allow-fs-read=${join(path, '*')}`);
  const [parsed, encoded, plain] = await withPermissions([ADDONS, ...some], code);
  for (const error of [parsed, encoded]) {
    assert.deepEqual([error.code, error.permission], ['ERR_ACCESS_DENIED', 'FileSystemRead']);
  }
  assert.deepEqual(plain, { done: 'object' });
  // Places that have only the root in common.
  const apart = ['/usr/*', '/etc/*'].map((path) => `--allow-fs-read=${path}`);
  const [unread] = await withPermissions([ADDONS, ...some, ...apart], code);
  assert.deepEqual([unread.code, unread.permission], ['ERR_ACCESS_DENIED', 'FileSystemRead']);
  const all = await withPermissions([ADDONS, READ_ALL], code);
  assert.deepEqual(all, [{ done: 'object' }, { done: 'object' }, { done: 'object' }]);
});

/** What a program is told that runs with these flags. */
async function support(...execArgv) {
  const code = `
    const { isSupported, unsupportedReason, start, status } = require(${JSON.stringify(root)});
    let error = {};
    try { start(); } catch (caught) { error = caught; }
    console.log(JSON.stringify({ isSupported, unsupportedReason, code: error.code, ...status() }));`;
  const { stdout, stderr } = await runChild('-e', [code], { execArgv });
  assert.notEqual(stdout, '', stderr);
  return JSON.parse(stdout);
}

test('where addons are not allowed nothing can be sampled, and that is said', async () => {
  const flags = [['--no-addons'], ...(flag === undefined ? [] : [[flag, READ_ALL]])];
  for (const execArgv of flags) {
    const told = await support(...execArgv);
    assert.equal(told.isSupported, false, execArgv.join(' '));
    assert.match(told.unsupportedReason, /--no-addons.*--allow-addons/);
    assert.deepEqual([told.code, told.active], ['ERR_UNSUPPORTED_RUNTIME', false]);
  }
});

test('while a startup snapshot is built the addon is not loaded', {
  skip: major < 20 && 'Node.js 18 can load no package then',
}, async () => {
  const cwd = temporaryDirectory();
  writeFileSync(
    join(cwd, 'entry.js'),
    `const { createRequire } = require('node:module');
    const heapProfile = createRequire(${JSON.stringify(join(root, 'index.js'))})('./index.js');
    try { heapProfile.start(); } catch ({ code, message }) { console.log(code, message); }
    console.log(heapProfile.isSupported, heapProfile.unsupportedReason);`,
  );
  const execArgv = ['--snapshot-blob', join(cwd, 'snapshot.blob'), '--build-snapshot'];
  const { code, signal, stdout, stderr } = await runChild('entry.js', [], { execArgv, cwd });
  assert.deepEqual([code, signal], [0, null], stderr);
  assert.match(stdout, /^ERR_UNSUPPORTED_RUNTIME .*startup snapshot/);
  assert.match(stdout, /^false .*startup snapshot/m);
  assert.ok(existsSync(join(cwd, 'snapshot.blob')));
});

test('run is told what was written in the only directory that may be', { skip }, async () => {
  const cli = createRequire(import.meta.url).resolve('../bin/heap-profile.js');
  const profiles = join(directory, 'profiles');
  const grants = [flag, '--no-warnings', ADDONS, READ_ALL, `--allow-fs-write=${profiles}/*`];
  const every = ['--every', '1h', '--no-force-gc'];
  const run = [cli, ['run', '--dir', profiles, ...every, '--', ...grants, '-e', '0']];
  const { code, stderr } = await runChild(...run);
  assert.equal(code, 0, stderr);
  assert.match(stderr, /^wrote 1 profile to .*profiles; next: heap-profile top .*\n$/);
  assert.equal(readdirSync(profiles).length, 1);
});

test('the command line says what it may not do, in one line', { skip }, async () => {
  const output = join(denied, 'c.pb.gz');
  const cli = createRequire(import.meta.url).resolve('../bin/heap-profile.js');
  const { code, stderr } = await runChild(cli, ['convert', profile, '-o', output], {
    execArgv: [flag, '--no-warnings', ADDONS, READ_ALL],
  });
  assert.equal(code, 1);
  assert.match(stderr, /^error: Access to this API has been restricted.*\n$/);
  assert.ok(!existsSync(output));
});
