// What frames are called, and numbers with their intervals.
import { nameOf, placeOf } from '../lib/display/frames.js';
import { printable } from '../lib/display/printable.js';
import { formatBytes, formatGrowth, formatRange } from '../lib/display/units.js';

/** A frame with its name, its places, the text that a search looks in, and what is to be noted. */
export function describe(frame) {
  const [name, place] = [printable(nameOf(frame)), printable(placeOf(frame))];
  return {
    name,
    place,
    // `file:line`; of Node.js's own files the path is short, and tells what they are.
    shortPlace: shorten(place),
    placeAt: (line) => printable(placeOf({ ...frame, lineNumber: line })),
    package: printable(frame.package),
    owner: frame.owner,
    text: `${name} ${place}`,
    searched: `${name} ${place}`.toLowerCase(),
    notes: [],
  };
}

export function shorten(place) {
  return place.startsWith('node:') ? place : place.slice(place.lastIndexOf('/') + 1);
}

/** `1.2 MiB (95 %: 1.1 MiB to 1.3 MiB)`. */
export function withInterval(interval, format) {
  const range = formatRange(interval, format);
  return `${format(interval.estimate)}${range === '' ? '' : ` (95 %: ${range})`}`;
}

const LIST = new Intl.ListFormat('en');

/** `a`, `a and b`, `a, b, and c`. */
export function listOf(names) {
  return LIST.format(names);
}

/** Lines that are named; the rest is counted. */
const NAMED_LINES = 3;

/** Where it allocates or calls, those lines first that hold most; where that is not known, where it starts. */
function placesOf(frame, bytesByLine) {
  const [first, ...others] = [...bytesByLine].sort(([, one], [, other]) => other - one);
  if (first === undefined) return frame.place;
  const named = others.slice(0, NAMED_LINES - 1).map(([line]) => String(line));
  const more = others.length - named.length;
  return listOf([frame.placeAt(first[0]), ...named, ...(more > 0 ? [`${more} more lines`] : [])]);
}

/** What the tooltip says of a node of the tree. */
export function explain({ name, frame, bytes, growth, lines: bytesByLine }, share) {
  const lines = [name];
  if (frame !== null) lines.push(placesOf(frame, bytesByLine), frame.package);
  lines.push(`${withInterval(bytes, formatBytes)}, ${share} of all`);
  if (growth !== null) lines.push(`growth ${withInterval(growth, formatGrowth)}`);
  if (frame !== null) lines.push(...frame.notes);
  return lines.filter((line) => line !== '').join('\n');
}
