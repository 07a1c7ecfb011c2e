// What frames are called, and numbers with their intervals.
import { nameOf, placeOf } from '../lib/display/frames.js';
import { printable } from '../lib/display/printable.js';
import { formatBytes, formatGrowth, formatRange } from '../lib/display/units.js';

/** A frame with its name, its place, and the text that a search looks in. */
export function describe(frame) {
  const [name, place] = [printable(nameOf(frame)), printable(placeOf(frame))];
  return { name, place, package: printable(frame.package), text: `${name} ${place}` };
}

/** `1.2 MiB (95 %: 1.1 MiB to 1.3 MiB)`. */
export function withInterval(interval, format) {
  const range = formatRange(interval, format);
  return `${format(interval.estimate)}${range === '' ? '' : ` (95 %: ${range})`}`;
}

/** What the tooltip says of a node of the tree. */
export function explain({ name, frame, bytes, growth }, share) {
  const lines = [name];
  if (frame !== null) lines.push(frame.place, frame.package);
  lines.push(`${withInterval(bytes, formatBytes)}, ${share} of all`);
  if (growth !== null) lines.push(`growth ${withInterval(growth, formatGrowth)}`);
  return lines.filter((line) => line !== '').join('\n');
}
