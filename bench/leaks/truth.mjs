// What a program really did, by its own counts of what it added and dropped until each snapshot.

/** The most that traffic comes to, in terms of the average; see load() in driver.cjs. */
const PEAKS = { steady: 1, bursts: 3.4, wave: 1.9 };

/** Bytes that the leak of a leaking program held more every hour. */
export function leakRate({ timesMs, parts: [{ added }], bytesPerEntry }) {
  const hours = (timesMs.at(-1) - timesMs[0]) / 3_600_000;
  return (bytesPerEntry * (added.at(-1) - added[0])) / hours;
}

/** From which snapshot on a bounded part lets go of the old, or has all but all that it will have. */
export function fullFrom({ added, dropped }) {
  return added.findIndex((count, index) => dropped[index] > 0 || count >= 0.99 * added.at(-1));
}

/** Why the program is not what it is meant to be; null if it is. */
export function violation({ kind, parts }, truth) {
  for (const [index, part] of parts.entries()) {
    const { added, dropped } = truth.parts[index];
    const isFilling = kind === 'filling' && index === 0;
    const isGrowing = part.release === 'nothing' || isFilling;
    const fault = isGrowing ? notGrowing(added, dropped) : notBounded(part, added, dropped);
    if (fault !== null) return `${part.noun} (${part.holder}, ${part.release}) ${fault}`;
  }
  return null;
}

function notGrowing(added, dropped) {
  const half = added[added.length >> 1];
  if (dropped.at(-1) > 0) return 'drops entries';
  return added.at(-1) > half && half >= added[0] ? null : 'does not grow';
}

function notBounded({ capacity, life, traffic }, added, dropped) {
  const peak = PEAKS[traffic.shape];
  // What is held a little longer than its life, and what comes in a few steps between two sweeps.
  const most = capacity * peak * (1.3 + 8 / life) + 10;
  const held = added.map((count, index) => count - dropped[index]);
  if (held.some((count) => count > most)) return `holds ${Math.max(...held)} of ${most}`;
  if (fullFrom({ added, dropped }) > 0.75 * (added.length - 1)) return 'is full too late';
  return null;
}
