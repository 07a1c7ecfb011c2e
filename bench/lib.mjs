// What the benchmarks share: child processes that answer questions, statistics and tables.
import { fork } from 'node:child_process';
import { once } from 'node:events';
import { availableParallelism, cpus, release } from 'node:os';
import { fileURLToPath } from 'node:url';

/**
 * Starts a module of this folder in a process of its own. Its first message is `greeting`; to
 * each question that it is asked it answers with one message.
 */
export async function startChild(name, args = [], execArgv = [], options = {}) {
  const child = fork(fileURLToPath(new URL(name, import.meta.url)), args, { ...options, execArgv });
  const greeting = await nextMessage(child);
  return {
    greeting,
    ask(question) {
      child.send(question);
      return nextMessage(child);
    },
    async stop() {
      const ended = once(child, 'exit');
      child.disconnect();
      await ended;
    },
  };
}

/**
 * Runs a module of this folder that does one thing; what it tells. It may print what it likes. `options` are fork's,
 * `execPath` another Node.
 */
export async function runChild(name, args, options = {}) {
  const path = fileURLToPath(new URL(name, import.meta.url));
  const stdio = ['ignore', 'ignore', 'inherit', 'ipc'];
  const child = fork(path, args, { ...options, stdio });
  const ended = once(child, 'exit');
  const message = await nextMessage(child);
  await ended;
  return message;
}

function nextMessage(child) {
  return new Promise((resolve, reject) => {
    const onExit = (code, signal) =>
      reject(new Error(`${child.spawnargs.join(' ')} ended with ${signal ?? code}`));
    child.once('exit', onExit);
    child.once('message', (message) => {
      child.off('exit', onExit);
      resolve(message);
    });
  });
}

export function median(values) {
  return quantile(values, 0.5);
}

/** The value below which `share` of all lie, between two neighbours if need be. */
export function quantile(values, share) {
  const sorted = [...values].sort((a, b) => a - b);
  const position = share * (sorted.length - 1);
  const [low, high] = [sorted[Math.floor(position)], sorted[Math.ceil(position)]];
  return low + (high - low) * (position % 1);
}

/** The median and, in other columns, the range and the quartiles: other jobs make outliers. */
export function summary(values, format) {
  const range = `${format(Math.min(...values))} .. ${format(Math.max(...values))}`;
  const middle = `${format(quantile(values, 0.25))} .. ${format(quantile(values, 0.75))}`;
  return [format(median(values)), middle, range];
}

export const SUMMARY_COLUMNS = ['median', 'middle half', 'all'];

/** Rows of texts as lines with aligned columns: the first to the left, the others to the right. */
export function table(rows) {
  const widths = rows[0].map((_, column) => Math.max(...rows.map((row) => row[column].length)));
  const lines = rows.map((row) => {
    const cells = row.map((cell, column) =>
      column === 0 ? cell.padEnd(widths[0]) : cell.padStart(widths[column]),
    );
    return `  ${cells.join('   ')}`.trimEnd();
  });
  return lines.join('\n');
}

/** So many of all, with Wilson's 95 % interval of the part: `9 of 10, 90 % (60 to 98)`. */
export function share(count, all) {
  if (all === 0) return '-';
  const z = 1.96;
  const part = count / all;
  const middle = part + z ** 2 / (2 * all);
  const reach = z * Math.sqrt((part * (1 - part)) / all + z ** 2 / (4 * all ** 2));
  const [low, high] = [middle - reach, middle + reach].map((end) => end / (1 + z ** 2 / all));
  // Rounding errors make it less than nothing.
  const percent = (value) => Math.max(0, 100 * value).toFixed(0);
  return `${count} of ${all}, ${percent(part)} % (${percent(low)} to ${percent(high)})`;
}

/** What the numbers were measured on. */
export function machine() {
  const { v8 } = process.versions;
  const processor = cpus()[0]?.model.trim() ?? 'unknown processor';
  const system = `${process.platform} ${release()} ${process.arch}`;
  return (
    `${processor}, ${availableParallelism()} cores, ${system}\n` +
    `Node.js ${process.version}, V8 ${v8}`
  );
}
