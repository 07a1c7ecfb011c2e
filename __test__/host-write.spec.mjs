// Writes that overlap, fail, or are cut off. Each case of the fixture runs in a process of its own.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { fixture, readDirectory, readProfile, runChild, temporaryDirectory } from './helpers.mjs';

const KILLS = 30;
const program = fixture('host', 'write.js');
const directory = temporaryDirectory();
const names = JSON.parse((await runChild(program)).stdout);

/** What a case needs around its process. */
function surroundings(name) {
  if (name.includes('full heap')) return { execArgv: ['--max-old-space-size=64'] };
  if (name.includes('file size')) return { shellLimit: 'ulimit -f 64' };
  return {};
}

/** Runs a case; a limit of the shell's is set in a shell that the program then replaces. */
function runCase(name, files) {
  const { shellLimit, execArgv = [] } = surroundings(name);
  if (shellLimit === undefined) return runChild(program, [name, files], { execArgv });
  const script = `${shellLimit}; exec "$0" "$@"`;
  return runChild('-c', [script, process.execPath, program, name, files], { command: 'sh' });
}

assert.ok(names.length >= 11);
for (const name of names) {
  test(name, async () => {
    const files = mkdtempSync(join(directory, 'case-'));
    const { code, signal, stdout, stderr } = await runCase(name, files);
    assert.deepEqual([code, signal, stdout], [0, null, 'fine\n'], stderr);
    // The one file that is none was there before the write that failed.
    if (!name.includes('file size')) assert.deepEqual(readDirectory(files).others, []);
    else assert.deepEqual(readdirSync(files), ['limited.heapprofile']);
  });
}

test(`killed at any moment, ${KILLS} times: the file is whole`, async () => {
  const path = join(directory, 'killed.heapprofile');
  const takenAt = new Set();
  for (let run = 0; run < KILLS; run++) {
    const child = spawn(process.execPath, [program, 'over and over', directory]);
    await once(child.stdout, 'data');
    // A write takes some milliseconds: cut at another place of it each time.
    await delay(Math.random() * 30);
    child.kill('SIGKILL');
    await once(child, 'close');
    takenAt.add(readProfile(path).heapProfile.takenAt);
  }
  assert.ok(takenAt.size > KILLS / 2, `${takenAt.size} different files`);
  assert.ok(
    readdirSync(directory).some((name) => name.endsWith('.tmp')),
    'no write was cut off',
  );
});
