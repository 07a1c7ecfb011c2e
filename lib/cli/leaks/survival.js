// What is left of cohorts as they grow older.
'use strict';

/**
 * The part of all cohorts together that is left at each age, counted in the moments since birth; the
 * first is 1.
 */
function survivalByAge(cohorts, moments) {
  const places = new Map(moments.map((snapshot, place) => [snapshot, place]));
  const shares = [];
  for (let age = 1; ; age++) {
    const old = cohorts.filter(({ snapshot }) => places.get(snapshot) + age < moments.length);
    if (old.length === 0) return shares;
    const left = old.map(({ bytes, survival }) => bytes * (survival[age - 1] ?? 0));
    shares.push(sum(left) / sum(old.map(({ bytes }) => bytes)));
  }
}

const sum = (numbers) => numbers.reduce((total, number) => total + number, 0);

module.exports = { survivalByAge };
