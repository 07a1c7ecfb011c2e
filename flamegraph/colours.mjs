// Colours of frames, by package or by growth; how light they are is the style sheet's choice.
import { mayBeChance } from '../lib/display/units.js';

const LEGEND_PACKAGES = 8;
/** Node.js's own code and code without a file: much, and seldom the reason. */
const BACKGROUND = ['(node)', '(none)'];

/** The same for a package in every graph. */
export function byPackage({ frame }) {
  return frame === null ? 'var(--folded)' : packageColour(frame.package);
}

function packageColour(name) {
  // FNV-1a.
  let hash = 0x811c9dc5;
  for (const character of name) hash = Math.imul(hash ^ character.codePointAt(0), 0x01000193);
  return hsl((hash >>> 0) % 360, BACKGROUND.includes(name) ? 15 : 65);
}

/** Red for what grew, blue for what shrank, the stronger the more; grey for what may be chance. */
export function byGrowth({ bytes, growth }) {
  if (growth === null || mayBeChance(growth)) return 'var(--folded)';
  const { estimate } = growth;
  const share = Math.min(1, Math.abs(estimate) / Math.max(bytes.estimate, 1));
  return growthColour(estimate > 0, share);
}

function growthColour(grew, share) {
  return hsl(grew ? 5 : 215, 25 + 65 * share);
}

function hsl(hue, saturation) {
  return `hsl(${hue.toFixed(0)} ${saturation.toFixed(0)}% var(--frame-lightness))`;
}

/** The packages that allocated most. */
export function packageLegend(functions, frames) {
  const sums = new Map();
  for (const { frame, own } of functions) {
    const name = frames[frame].package;
    sums.set(name, (sums.get(name) ?? 0) + own.estimate);
  }
  const largest = [...sums].sort(([, one], [, other]) => other - one).slice(0, LEGEND_PACKAGES);
  return largest.map(([text]) => ({ text, colour: packageColour(text) }));
}

export function growthLegend() {
  return [
    { text: 'grew', colour: growthColour(true, 1) },
    { text: 'shrank', colour: growthColour(false, 1) },
    { text: 'within noise', colour: 'var(--folded)' },
  ];
}
