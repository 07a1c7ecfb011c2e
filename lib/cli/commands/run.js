// `heap-profile run`: a program with the preload (register.js), which writes its profiles.
'use strict';

const { spawn } = require('node:child_process');
const { existsSync, mkdirSync } = require('node:fs');
const { constants } = require('node:os');
const { join, resolve: resolvePath } = require('node:path');
const { isatty } = require('node:tty');
const { MAX_HEAP_LIMIT_PROFILES, SIGNALS } = require('../../monitor/options.js');
const { readRules } = require('../../monitor/rules-text.js');
const {
  readAge,
  readBytes,
  readCount,
  readDuration,
  readFormat,
  readInteger,
  readOneOf,
  readPairs,
  readSampleInterval,
  readStackDepth,
} = require('../../text-options.js');
const { CommandError } = require('../../errors.js');
const { makeTally } = require('../../tally.js');
const { operand, quoted } = require('../command-line.js');
const { complain } = require('../printable.js');

/** By its public name: nothing here is loaded from above, the program is. */
const PRELOAD = require.resolve('heap-profile/register');

/** A terminal sends these to the program itself: passed on, they would come twice. */
const TERMINAL_SIGNALS = ['SIGINT', 'SIGQUIT', 'SIGHUP'];
const OTHER_SIGNALS = ['SIGTERM', 'SIGUSR1', 'SIGUSR2'];

/** What is read once more by the preload: here it is only checked. */
function asText(read) {
  return (name, text) => {
    read(name, text);
    return text;
  };
}

const options = {
  dir: { value: 'DIR', description: 'Directory for the profiles, made if missing', default: '.' },
  every: {
    value: 'TIME',
    description: 'Write one each TIME: 500ms, 60s, 5m, 1h',
    read: readDuration,
  },
  keep: {
    value: 'NUMBER',
    description:
      'Keep the newest so many in DIR and remove those before; leaks needs ten or more of each process',
    read: readCount,
    default: '1000',
  },
  'keep-bytes': {
    value: 'SIZE',
    description: 'Keep the newest with so many bytes together',
    read: readBytes,
    default: '1GiB',
  },
  'keep-age': {
    value: 'TIME',
    description: 'Keep none that is older: 12h, 7d',
    read: readAge,
  },
  rules: {
    value: 'RULES',
    description:
      'Write one, too, where memory grows: 1, or some such as growth=0.5,rss=off,heapRatio=0.8:0.9',
    read: asText(readRules),
  },
  signal: {
    value: 'SIGNAL',
    description: `Write one when the program gets it: ${SIGNALS.join(', ')}`,
    read: (name, text) => readOneOf(name, text, SIGNALS),
  },
  'heap-limit': {
    value: 'NUMBER',
    description: 'Write so many, 1 to 10, when the heap is nearly full, before V8 ends the process',
    read: (name, text) => readInteger(name, text, MAX_HEAP_LIMIT_PROFILES),
  },
  'sample-interval': {
    value: 'SIZE',
    description: 'Average bytes of allocation between two samples: 64KiB, 1MiB',
    read: readSampleInterval,
    default: '512KiB',
  },
  depth: {
    value: 'FRAMES',
    description: 'Frames kept of each stack, 1 to 1024',
    read: readStackDepth,
    default: '64',
  },
  'force-gc': {
    description: 'Collect all garbage before each profile; the default where --every is under 1m',
  },
  'no-force-gc': { description: 'Leave the garbage to V8, which may look alive for a while' },
  'exact-stacks': {
    description: 'Tell functions that V8 inlined, and the lines that allocate; Linux x64 only',
  },
  'no-exact-stacks': { description: "Have V8's own stacks; the default" },
  'external-memory': {
    description: 'Tell what Buffers hold outside of the heap, by function, too; Linux only',
  },
  'no-external-memory': { description: "Look at V8's heap only; the default" },
  format: {
    value: 'FORMAT',
    description: 'heapprofile, pprof or folded',
    read: readFormat,
    default: 'heapprofile',
  },
  'source-maps': { description: 'Name functions, files and positions as in the original sources' },
  labels: {
    value: 'LABELS',
    description: 'What to say of the profiles: service=api,region=eu',
    read: asText(readPairs),
  },
  'on-exit': { description: 'Write one when the program ends, also by Ctrl-C; the default' },
  'no-on-exit': { description: 'Write none when the program ends' },
  quiet: { short: 'q', description: 'Do not say at the end what was written' },
};

/** More often than that V8 rarely collects by itself, and leaks has nothing to go by. */
const SELDOM_ENOUGH_MS = 60_000;

function run(given, command) {
  if (isOften(given) && !given.forceGc && !given.noForceGc && !given.quiet) {
    complain(
      'heap-profile: garbage is collected before each profile; --no-force-gc leaves it to V8',
    );
  }
  const tally = makeTally(madeDirectory(given.dir));
  const env = { ...process.env, ...environment(given), ...tally.env };
  const child = spawn(process.execPath, ['--require', PRELOAD, ...command], {
    env,
    stdio: 'inherit',
  });
  passSignals(child);
  return new Promise((resolve, reject) => {
    child.on('error', (error) => {
      tally.take();
      reject(new CommandError(`Node.js did not start: ${error.message}`));
    });
    child.on('exit', (code, signal) => {
      const written = tally.take();
      if (!given.quiet) complain(summary(written, given));
      if (signal !== null) endBy(signal);
      resolve(code ?? 128 + constants.signals[/** @type {NodeJS.Signals} */ (signal)]);
    });
  });
}

/** The options as register.js reads them. */
function environment(given) {
  const { dir, every, sampleInterval, depth, format, noOnExit = false } = given;
  const exactStacks = given.exactStacks && !given.noExactStacks;
  const externalMemory = given.externalMemory && !given.noExternalMemory;
  const forceGC = given.forceGc || (isOften(given) && !given.noForceGc);
  return {
    // Processes that the program starts may have another current directory.
    HEAP_PROFILE_DIR: resolvePath(dir),
    HEAP_PROFILE_EVERY: every === undefined ? '' : `${every}ms`,
    HEAP_PROFILE_SAMPLE_INTERVAL: String(sampleInterval),
    HEAP_PROFILE_STACK_DEPTH: String(depth),
    HEAP_PROFILE_KEEP: String(given.keep),
    HEAP_PROFILE_KEEP_BYTES: String(given.keepBytes),
    HEAP_PROFILE_KEEP_AGE: given.keepAge === undefined ? '' : `${given.keepAge}ms`,
    HEAP_PROFILE_RULES: given.rules ?? '',
    HEAP_PROFILE_SIGNAL: given.signal ?? '',
    HEAP_PROFILE_HEAP_LIMIT: String(given.heapLimit ?? ''),
    HEAP_PROFILE_SOURCE_MAPS: given.sourceMaps ? '1' : '0',
    HEAP_PROFILE_LABELS: given.labels ?? '',
    HEAP_PROFILE_FORCE_GC: forceGC ? '1' : '0',
    HEAP_PROFILE_EXACT_STACKS: exactStacks ? '1' : '0',
    HEAP_PROFILE_EXTERNAL: externalMemory ? '1' : '0',
    HEAP_PROFILE_FORMAT: format,
    HEAP_PROFILE_ON_EXIT: noOnExit ? '0' : '1',
  };
}

/** What cannot be made the program says, which runs all the same. */
function madeDirectory(dir) {
  const directory = resolvePath(dir);
  try {
    mkdirSync(directory, { recursive: true });
  } catch {}
  return directory;
}

/** What was written, and what to do with it. */
function summary(written, { dir, format }) {
  if (written.length === 0) return `wrote no profiles to ${dir}`;
  const kept = written.filter(({ name }) => existsSync(join(dir, name)));
  const what = written.length === 1 ? '1 profile' : `${written.length} profiles`;
  const verb = kept.length === 1 ? 'is' : 'are';
  const left = kept.length === written.length ? '' : `, ${kept.length} of them ${verb} left`;
  // Folded stacks cannot be read.
  const isUseful = kept.length > 0 && format !== 'folded';
  const next = isUseful ? `; next: ${nextCommand(kept, dir)}` : '';
  return `wrote ${what} to ${dir}${left}${next}`;
}

/** Two profiles of a thread can be compared; else it is the last, mostly the program's own. */
function nextCommand(kept, dir) {
  const writers = new Set(kept.map(({ writer }) => writer));
  return writers.size < kept.length
    ? `heap-profile leaks ${quoted(operand(dir))}`
    : `heap-profile top ${quoted(operand(join(dir, kept[kept.length - 1].name)))}`;
}

function isOften({ every }) {
  return every !== undefined && every < SELDOM_ENOUGH_MS;
}

function passSignals(child) {
  const hasTerminal = [0, 1, 2].some((descriptor) => isatty(descriptor));
  for (const signal of TERMINAL_SIGNALS) {
    process.on(signal, () => hasTerminal || child.kill(signal));
  }
  for (const signal of OTHER_SIGNALS) process.on(signal, () => child.kill(signal));
}

/** Ends this process as the program ended. */
function endBy(signal) {
  process.removeAllListeners(signal);
  process.kill(process.pid, signal);
}

module.exports = {
  name: 'run',
  summary: 'Runs a Node.js program and writes its heap profiles',
  operands: { text: '-- [node options] app.js [arguments]', min: 1, max: Infinity },
  options,
  examples: [
    'run -- app.js --port 3000',
    'run --every 10m --keep 48 --dir profiles -- app.js',
    'run --every 60s --dir profiles -- --max-old-space-size=512 app.js',
    'run --sample-interval 64KiB --format pprof -- app.js',
  ],
  run,
};
