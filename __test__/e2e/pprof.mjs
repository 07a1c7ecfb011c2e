// Asks the real `go tool pprof`.
import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { tmpdir } from 'node:os';

/** Runs go with these arguments: what it prints, and what it says on stderr. */
function go(...args) {
  // Where pprof keeps what it fetches.
  const env = { ...process.env, PPROF_TMPDIR: tmpdir() };
  const { error, status, stdout, stderr } = spawnSync('go', args, { encoding: 'utf8', env });
  if (error?.code === 'ENOENT') {
    throw new Error(
      'Go is missing: no go on PATH. Install it (Debian: apt-get install golang-go).',
    );
  }
  if (status !== 0) throw new Error(`go ${args.join(' ')}: ${error?.message ?? stderr}`);
  return { stdout, stderr };
}

/** Throws where there is no Go. */
export function findGo() {
  go('version');
}

/** What `go tool pprof` prints, sizes in bytes. */
function report(...args) {
  return go('tool', 'pprof', '-unit=B', ...args).stdout;
}

/** What it says beside that: of binaries that it looks for, where a profile lacks names. */
export function complaints(source) {
  return go('tool', 'pprof', '-top', source).stderr;
}

/** The rows of `-top`, the largest flat value first: `{ name, flat, cum }`. */
export function top(file, sampleType, ...options) {
  const text = report('-top', '-nodefraction=0', `-sample_index=${sampleType}`, ...options, file);
  const rows = text.matchAll(/^ *(\S+) +\S+% +\S+% +(\S+) +\S+% {2}(.*)$/gm);
  return Array.from(rows, ([, flat, cum, name]) => ({
    name,
    flat: Number.parseFloat(flat),
    cum: Number.parseFloat(cum),
  }));
}

/** What `-peek` prints: the callers of a function, the function, and what it calls. */
export function peek(file, sampleType, name) {
  return report(`-peek=^${name}$`, `-sample_index=${sampleType}`, file);
}

/**
 * What `-raw` shows.
 *
 * @returns {{ header: Map<string, string>, types: string[],
 *   samples: { values: number[], labels: string }[],
 *   locations: { name: string, line: number, startLine: number }[] }}
 */
export function raw(file) {
  const text = report('-raw', file);
  const [, header, types, samples, locations] =
    /^([\s\S]*?)\nSamples:\n(.*)\n([\s\S]*)\nLocations\n([\s\S]*)\nMappings/.exec(text);
  return {
    header: new Map(
      Array.from(header.matchAll(/^(\w+): (.*)$/gm), ([, key, value]) => [key, value]),
    ),
    types: types.trim().split(/\s+/),
    samples: parseSamples(samples),
    locations: Array.from(
      locations.matchAll(/M=\d+ (.*) \S*?:(\d+)(?::\d+)? s=(\d+)/g),
      ([, name, line, startLine]) => ({ name, line: Number(line), startLine: Number(startLine) }),
    ),
  };
}

/** A line of values and locations, then lines of labels. */
function parseSamples(text) {
  const samples = [];
  for (const line of text.split('\n')) {
    const values = /^([\s\d]+):/.exec(line)?.[1];
    if (values === undefined) samples.at(-1).labels += line;
    else samples.push({ values: values.trim().split(/\s+/).map(Number), labels: '' });
  }
  return samples;
}

/** What `-list` prints of a function: its source, and what each line holds. */
export function list(file, sampleType, name) {
  return report(`-list=^${name}$`, `-sample_index=${sampleType}`, file);
}

/** The page that `-weblist` makes of the same; written beside the profile. */
export function weblist(file, sampleType, name) {
  const page = `${file}.html`;
  report(`-weblist=^${name}$`, `-output=${page}`, `-sample_index=${sampleType}`, file);
  return readFileSync(page, 'utf8');
}
