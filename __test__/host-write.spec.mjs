// Writes that overlap, fail, or are cut off. Each case of the fixture runs in a process of its own.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, mkdtempSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { fixture, readDirectory, readProfile, runChild, temporaryDirectory } from './helpers.mjs';

const KILLS = 30;
/** As whole as readDirectory wants it. */
const BEFORE = '{"head":{},"samples":[],"heapProfile":{}}';
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
function runCase(name, files, run) {
  const { shellLimit, execArgv = [] } = surroundings(name);
  const args = [name, files, String(run)];
  if (shellLimit === undefined) return runChild(program, args, { execArgv });
  const script = `${shellLimit}; exec "$0" "$@"`;
  return runChild('-c', [script, process.execPath, program, ...args], { command: 'sh' });
}

/** Runs a case in a directory with a file that it must leave as it is. */
async function checkCase(name, run) {
  const files = mkdtempSync(join(directory, 'case-'));
  const before = join(files, 'before.heapprofile');
  writeFileSync(before, BEFORE);
  const { code, signal, stdout, stderr } = await runCase(name, files, run);
  chmodSync(files, 0o700);
  assert.deepEqual([code, signal, stdout], [0, null, 'fine\n'], stderr);
  assert.deepEqual(readDirectory(files).others, []);
  assert.equal(readFileSync(before, 'utf8'), BEFORE);
}

assert.ok(names.length >= 10);
for (const name of names) {
  const runs = name.includes('process.exit') ? 20 : 1;
  test(name, async () => {
    for (let run = 0; run < runs; run++) await checkCase(name, run);
  });
}

test(`killed at any moment, ${KILLS} times: the file is whole`, { timeout: 300_000 }, async (t) => {
  const path = join(directory, 'killed.heapprofile');
  const args = [program, 'over and over', directory];
  const takenAt = new Set();
  const isTemporary = (name) => name.endsWith('.tmp');
  let cutOff = 0;
  for (let run = 0; run < KILLS; run++) {
    const child = spawn(process.execPath, args, { signal: t.signal, killSignal: 'SIGKILL' });
    await once(child.stdout, 'data');
    // A write takes some milliseconds: cut at another place of it each time.
    await delay(Math.random() * 30);
    child.kill('SIGKILL');
    await once(child, 'close');
    takenAt.add(readProfile(path).heapProfile.takenAt);
    const left = readdirSync(directory).filter(isTemporary);
    assert.ok(left.length <= 1, 'the next write removes what a killed one left');
    cutOff += left.length;
  }
  assert.ok(takenAt.size > KILLS / 2, `${takenAt.size} different files`);
  assert.ok(cutOff > 0, 'no write was cut off');
});
