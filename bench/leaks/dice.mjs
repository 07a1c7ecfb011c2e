// Random numbers that depend on nothing but a seed and the number of a program.

/** Mulberry32: 32 bits of state are plenty for the few hundred numbers that one program takes. */
function generator(seed, index) {
  let state = Math.imul(seed, 0x9e3779b1) ^ Math.imul(index + 1, 0x85ebca6b);
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let bits = Math.imul(state ^ (state >>> 15), 1 | state);
    bits = (bits + Math.imul(bits ^ (bits >>> 7), 61 | bits)) ^ bits;
    return ((bits ^ (bits >>> 14)) >>> 0) / 2 ** 32;
  };
}

export function dice(seed, index) {
  const next = generator(seed, index);
  const real = (low, high) => low + (high - low) * next();
  return {
    chance: (share) => next() < share,
    pick: (list) => list[Math.floor(next() * list.length)],
    real,
    whole: (low, high) => Math.floor(real(low, high + 1)),
    /** Evenly on a logarithmic scale, so that each order of magnitude is as likely as the next. */
    logarithmic: (low, high) => Math.exp(real(Math.log(low), Math.log(high))),
    shuffled(list) {
      const rest = [...list];
      return list.map(() => rest.splice(Math.floor(next() * rest.length), 1)[0]);
    },
  };
}
