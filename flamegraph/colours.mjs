// Colours of frames, by package or by growth; the style sheet has them, for light and dark.
import { mayBeChance } from '../lib/display/units.js';

const LEGEND_PACKAGES = 8;
/** Those of the style sheet's that packages have. */
const PACKAGE_COLOURS = 14;
/** The program, Node.js's own code and code without a file have colours of their own in every graph. */
const FIXED = { '(app)': 'var(--app)', '(node)': 'var(--node)', '(none)': 'var(--no-file)' };

/**
 * The colour of each package. Its name tells which one, so that it is the same in other graphs; where two
 * would have the same, the one that holds less has the next that is free, as long as there is one.
 */
export function packageColours(functions, frames) {
  const names = largestPackages(functions, frames);
  const all = new Set([...names, ...frames.map((frame) => frame.package).sort()]);
  const colours = new Map(Object.entries(FIXED));
  const taken = new Set();
  for (const name of all) {
    if (colours.has(name)) continue;
    let number = hash(name) % PACKAGE_COLOURS;
    if (taken.size < PACKAGE_COLOURS) {
      while (taken.has(number)) number = (number + 1) % PACKAGE_COLOURS;
    }
    taken.add(number);
    colours.set(name, `var(--package-${number})`);
  }
  return colours;
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

export function packageLegend(functions, frames, colours) {
  const largest = largestPackages(functions, frames).slice(0, LEGEND_PACKAGES);
  return largest.map((text) => ({ text, colour: colours.get(text) }));
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
