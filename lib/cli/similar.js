// What somebody may have meant who misspelt the name of a command or an option.
'use strict';

/** The known name that is most like it; undefined if none is. */
function similar(word, known) {
  return nearest(word, known) ?? containing(word, known);
}

/** The name that is fewest typing errors away, if these are few for its length. */
function nearest(word, known) {
  const near = known
    .map((name) => ({ name, distance: distanceOf(word, name) }))
    .filter(({ name, distance }) => distance <= Math.max(1, name.length * 0.4));
  near.sort((one, other) => one.distance - other.distance);
  return near[0]?.name;
}

/** The name of which the word is a part: `flame`, `interval`. */
function containing(word, known) {
  return word.length < 3 ? undefined : known.find((name) => name.includes(word));
}

/** Letters that are missing, too many, wrong, or swapped with the next (optimal string alignment). */
function distanceOf(word, name) {
  // More letters than that are no misspelt name.
  if (word.length > 2 * name.length) return Number.POSITIVE_INFINITY;
  const rows = [Array.from({ length: name.length + 1 }, (_, column) => column)];
  for (let i = 1; i <= word.length; i++) {
    rows[i] = [i];
    for (let j = 1; j <= name.length; j++) {
      const isSwapped =
        i > 1 && j > 1 && word[i - 1] === name[j - 2] && word[i - 2] === name[j - 1];
      rows[i][j] = Math.min(
        rows[i - 1][j] + 1,
        rows[i][j - 1] + 1,
        rows[i - 1][j - 1] + (word[i - 1] === name[j - 1] ? 0 : 1),
        isSwapped ? rows[i - 2][j - 2] + 1 : Number.POSITIVE_INFINITY,
      );
    }
  }
  return rows[word.length][name.length];
}

module.exports = { similar };
