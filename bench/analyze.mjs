// The child process of analysis.mjs, `analyze.mjs <command> <file…>`: runs one command of the command
// line, or `read`, which only reads the same files; tells how long it took and how much memory the
// process had at its peak. The start of Node.js counts for neither's time, and for both's memory.
import { Snapshot } from '../index.js';
import commandLine from '../lib/cli/main.js';

async function run(...line) {
  // `leaks` has other codes for what it found.
  if ((await commandLine.main(line)) === 1) throw new Error(`failed: ${line.join(' ')}`);
}

const WORK = {
  async read(files) {
    for (const file of files) await Snapshot.read(file);
  },
  async top(files) {
    for (const file of files) await run('top', file);
  },
  diff: (files) => run('diff', ...files),
  leaks: (files) => run('leaks', ...files),
};

const [command, ...files] = process.argv.slice(2);
const start = performance.now();
await WORK[command](files);
const ms = performance.now() - start;
process.send({ ms, peakBytes: process.resourceUsage().maxRSS * 1024 });
