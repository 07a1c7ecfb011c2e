// What happens to servers at night: they are killed while they write, the disk is full and then is not. No file
// is torn, nothing crashes, and the directory stays within its bounds. HEAP_PROFILE_TEST_KILLS asks for more.
import assert from 'node:assert/strict';
import { fork, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, readdirSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { fixture, root, runChild, temporaryDirectory } from './helpers.mjs';

const { Snapshot } = createRequire(import.meta.url)(root);

const KILLS = Number(process.env.HEAP_PROFILE_TEST_KILLS ?? 24);
const AT_ONCE = 4;
/** What each writer keeps, in fixtures/chaos/write.js. */
const KEPT = 8;

/** Starts a writer and kills it at a moment after its first file. */
async function writeAndKill(directory, format) {
  const child = fork(fixture('chaos', 'write.js'), [directory, format], {
    stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
  });
  const ended = once(child, 'exit');
  await Promise.race([once(child, 'message'), ended]);
  await sleep(100 * Math.random());
  child.kill('SIGKILL');
  const [, signal] = await ended;
  assert.equal(signal, 'SIGKILL');
}

test(`${KILLS} writers are killed while they write: all files are whole, what is left over goes`, async () => {
  const directory = temporaryDirectory();
  const formats = ['heapprofile', 'pprof'];
  for (let kills = 0; kills < KILLS; kills += AT_ONCE) {
    const writers = Array.from({ length: AT_ONCE }, (_, index) =>
      writeAndKill(directory, formats[index % 2]),
    );
    await Promise.all(writers);
  }
  // Whoever writes next.
  const program = `
    const { monitor, start } = require(${JSON.stringify(root)});
    start();
    const dir = process.argv[1];
    monitor({ dir, intervalMs: Infinity, keep: { files: ${KEPT} } }).flush();`;
  const { code, stderr } = await runChild('-e', [program, directory]);
  assert.deepEqual([code, stderr], [0, '']);
  const names = readdirSync(directory);
  for (const name of names) await Snapshot.read(join(directory, name));
  assert.equal(names.length, KEPT, String(names));
});

/** Mounts a disk of 2 MB where it may, in a namespace of its own. */
const UNSHARE = ['--user', '--map-root-user', '--mount', 'sh', '-c'];
const canMount = spawnSync('unshare', [...UNSHARE, 'mount -t tmpfs tmpfs /mnt']).status === 0;

test('a disk that fills and drains: an error each time, then it goes on', {
  skip: !canMount && 'no disk can be mounted here: unshare and mount are not allowed',
}, async () => {
  const disk = join(temporaryDirectory(), 'disk');
  mkdirSync(disk);
  const script = 'mount -t tmpfs -o size=2m tmpfs "$0" && exec "$@"';
  const args = [
    UNSHARE.slice(1),
    script,
    disk,
    process.execPath,
    fixture('chaos', 'full-disk.js'),
    disk,
  ].flat();
  const { code, stdout, stderr } = await runChild(UNSHARE[0], args, { command: 'unshare' });
  assert.equal(code, 0, stderr);
  const told = JSON.parse(stdout);
  assert.deepEqual(told.rounds, Array(3).fill([true, 'string']));
  assert.deepEqual(told.errors, ['ENOSPC']);
  assert.equal(told.names, 3);
});
