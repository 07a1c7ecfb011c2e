// Colours of frames, by package or by growth; how light they are is the style sheet's choice.

const LEGEND_PACKAGES = 8;

/** The same for a package in every graph. */
export function byPackage({ frame }) {
  return frame === null ? 'var(--folded)' : packageColour(frame.package);
}

function packageColour(name) {
  let hash = 0;
  for (const character of name) hash = (Math.imul(hash, 31) + character.codePointAt(0)) | 0;
  // Neighbouring names far apart: the golden angle.
  return hsl((Math.abs(hash) * 137.5) % 360, 65);
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

function mayBeChance({ estimate, low, high }) {
  return (low ?? estimate) <= 0 && (high ?? estimate) >= 0;
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
