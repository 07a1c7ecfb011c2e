// Colours of frames, by package or by growth; the style sheet has them, for light and dark.
import { mayBeChance } from '../lib/display/units.js';

const LEGEND_PACKAGES = 8;
/** Those of the style sheet's that packages have. */
const PACKAGE_COLOURS = 14;
/** The program, Node.js's own code and code without a file have colours of their own in every graph. */
const FIXED = { '(app)': 'var(--app)', '(node)': 'var(--node)', '(none)': 'var(--no-file)' };
const OTHER = { text: 'other packages', colour: 'var(--other)' };

/**
 * The colours of packages: of those that hold most, in either of the tables, and of none twice. The name
 * tells which one a package has, so that it is the same in other graphs; if another one has that, the
 * next that is free.
 */
export function packageColours(tables, frames) {
  const colours = new Map(Object.entries(FIXED));
  const taken = new Set();
  for (const name of merged(tables.map((functions) => largestPackages(functions, frames)))) {
    if (taken.size === PACKAGE_COLOURS) break;
    if (colours.has(name)) continue;
    let number = hash(name) % PACKAGE_COLOURS;
    while (taken.has(number)) number = (number + 1) % PACKAGE_COLOURS;
    taken.add(number);
    colours.set(name, `var(--package-${number})`);
  }
  return (name) => colours.get(name) ?? OTHER.colour;
}

/** The first of each, then the second of each, and so on. */
function merged(lists) {
  const length = Math.max(...lists.map((list) => list.length));
  const ranks = Array.from({ length }, (_, rank) => lists.map((list) => list[rank]));
  return ranks.flat().filter((name) => name !== undefined);
}

/** FNV-1a. */
function hash(name) {
  let bits = 0x811c9dc5;
  for (const character of name) bits = Math.imul(bits ^ character.codePointAt(0), 0x01000193);
  return bits >>> 0;
}

/** The packages, those that allocated most first. */
function largestPackages(functions, frames) {
  const sums = new Map();
  for (const { frame, own } of functions) {
    const name = frames[frame].package;
    sums.set(name, (sums.get(name) ?? 0) + own.estimate);
  }
  return [...sums].sort(([, one], [, other]) => other - one).map(([name]) => name);
}

export function packageLegend(functions, frames, colourOf) {
  const names = largestPackages(functions, frames);
  const ofOwn = names.filter((name) => colourOf(name) !== OTHER.colour);
  const largest = ofOwn.slice(0, LEGEND_PACKAGES);
  const legend = largest.map((text) => ({ text, colour: colourOf(text) }));
  return ofOwn.length < names.length ? [...legend, OTHER] : legend;
}

/** Red for what grew, blue for what shrank, the stronger the more; grey for what may be chance. */
export function byGrowth({ bytes, growth }) {
  if (growth === null || mayBeChance(growth)) return 'var(--folded)';
  const { estimate } = growth;
  const share = Math.min(1, Math.abs(estimate) / Math.max(bytes.estimate, 1));
  return growthColour(estimate > 0, share);
}

function growthColour(grew, share) {
  return `hsl(${grew ? 5 : 215} ${(25 + 65 * share).toFixed(0)}% var(--frame-lightness))`;
}

export function growthLegend() {
  return [
    { text: 'grew', colour: growthColour(true, 1) },
    { text: 'shrank', colour: growthColour(false, 1) },
    { text: 'within noise', colour: 'var(--folded)' },
  ];
}
