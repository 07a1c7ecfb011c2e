// Numbers for people: bytes in binary units, shares, the intervals they lie in.
'use strict';

const UNITS = ['B', 'KiB', 'MiB', 'GiB', 'TiB'];
const UNKNOWN = '?';

/** Three digits and a unit: `1.23 MiB`. */
function formatBytes(bytes) {
  if (bytes === null) return UNKNOWN;
  const size = Math.abs(bytes);
  // What sums of floating-point numbers leave of nothing, too.
  if (size < 0.5) return '0 B';
  const power = powerOf(size);
  return `${formatNumber(bytes / 1024 ** power)} ${UNITS[power]}`;
}

function powerOf(size) {
  return Math.min(Math.floor(Math.log2(Math.max(size, 1)) / 10), UNITS.length - 1);
}

/** Two sizes in one unit: `3.80 -> 41.6 MiB`. */
function formatPair(one, between, other) {
  const power = powerOf(Math.max(Math.abs(one), Math.abs(other)));
  const [first, second] = [one, other].map((bytes) => formatNumber(bytes / 1024 ** power));
  return `${first} ${between} ${second} ${UNITS[power]}`;
}

function formatGrowth(bytes) {
  return bytes >= 0.5 ? `+${formatBytes(bytes)}` : formatBytes(bytes);
}

function formatNumber(number) {
  const digits = Math.max(0, 2 - Math.floor(Math.log10(Math.max(Math.abs(number), 1))));
  return number.toFixed(Math.min(digits, Number.isInteger(number) ? 0 : 2));
}

function formatCount(count) {
  return count === null ? UNKNOWN : Math.round(count).toLocaleString('en-US');
}

function formatShare(share) {
  if (share === null) return UNKNOWN;
  const percent = (100 * share).toFixed(Math.abs(share) < 0.1 ? 1 : 0);
  return `${percent.replace(/^-(0\.0)$/, '$1')} %`;
}

/** `1.23 MiB to 4.56 MiB`; empty without bounds. */
function formatRange({ low, high }, format = formatBytes) {
  return low === null ? '' : `${format(low)} to ${format(high)}`;
}

/** Whether growth is neither surely above nor surely below 0, as `may_be_zero` of Rust's Interval. */
function mayBeChance({ estimate, low, high }) {
  return (low ?? estimate) <= 0 && (high ?? estimate) >= 0;
}

/** `12 days`, `3 h 20 min`, `45 s`. */
function formatDuration(milliseconds) {
  const seconds = milliseconds / 1000;
  if (seconds < 120) return `${formatNumber(seconds)} s`;
  const minutes = Math.round(seconds / 60);
  if (minutes < 120) return `${minutes} min`;
  const hours = Math.floor(minutes / 60);
  if (hours < 48) return `${hours} h ${minutes % 60} min`;
  const days = Math.round(hours / 24);
  return days < 365 ? `${days} days` : 'more than a year';
}

module.exports = {
  formatBytes,
  formatCount,
  formatDuration,
  formatGrowth,
  formatPair,
  formatRange,
  formatShare,
  mayBeChance,
};
