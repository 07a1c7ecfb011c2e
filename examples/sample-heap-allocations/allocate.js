// What the two programs of this folder sample: functions that allocate nested and flat arrays.
'use strict';

const OUTER = 16;
const INNER = 128;

function nestedArrays() {
  const outer = [];
  for (let i = 0; i < OUTER; i++) outer.push(innerArray());
  return outer;
}

function innerArray() {
  const inner = [];
  for (let i = 0; i < INNER; i++) inner.push({ i });
  return inner;
}

function flatArrays() {
  const arrays = [];
  for (let i = 0; i < OUTER * INNER; i++) arrays.push(emptyArray());
  return arrays;
}

function emptyArray() {
  return new Array(24);
}

module.exports = { flatArrays, nestedArrays };
