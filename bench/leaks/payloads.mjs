// What programs make: entries to hold, of about so many bytes, and garbage.

/**
 * Each gives the text of a function `name(id)` that makes an entry, on lines that end with `// held`; `size` is about how many bytes.
 * They need not be exact: what an entry costs is measured in the program.
 */
export const PAYLOADS = {
  record: (name, size) => `
function ${name}(id) {
  const lines = []; // held
  for (let line = 0; line < ${count(size, 75)}; line++) lines.push({ line, id, amount: line * 1.5 }); // held
  return { id, lines }; // held
}`,
  numbers: (name, size) => `
function ${name}(id) {
  const values = []; // held
  for (let index = 0; index < ${count(size, 10)}; index++) values.push(id + index * 0.5); // held
  return { id, values }; // held
}`,
  text: (name, size) => `
const pad${name} = 'x'.repeat(${count(size, 1)});
function ${name}(id) {
  return { id, text: JSON.stringify([id, pad${name}]) }; // held
}`,
  tree: (name, size) => `
function ${name}(id, nodes = ${count(size, 48)}) {
  if (nodes === 0) return null;
  const half = (nodes - 1) >> 1;
  return { id, left: ${name}(id, half), right: ${name}(id, nodes - 1 - half) }; // held
}`,
  table: (name, size) => `
function ${name}(id) {
  const table = new Map(); // held
  for (let key = 0; key < ${count(size, 45)}; key++) table.set(key, id); // held
  return table;
}`,
};

function count(size, bytesOfOne) {
  return Math.max(1, Math.round(size / bytesOfOne));
}

/** Each gives the text of a function `name()` that allocates about GARBAGE_BYTES and keeps nothing. */
export const GARBAGE = {
  parse: (name) => `
const document = JSON.stringify(Array.from({ length: 40 }, (_, line) => ({ line, text: 'line ' + line })));
function ${name}() {
  return JSON.parse(document).length;
}`,
  map: (name) => `
const rows = Array.from({ length: 60 }, (_, row) => row);
function ${name}() {
  return rows.map((row) => ({ row, double: 2 * row })).filter(({ row }) => row % 2 === 0).length;
}`,
  text: (name) => `
function ${name}() {
  let text = '';
  for (let line = 0; line < 60; line++) text += 'this is line ' + line;
  return text.length;
}`,
  // Garbage that outlives the tick it was made in.
  promise: (name) => `
async function ${name}() {
  const rows = Array.from({ length: 60 }, (_, row) => ({ row }));
  await new Promise((resolve) => setTimeout(resolve, 20));
  return rows.length;
}`,
};

export const GARBAGE_BYTES = 4096;
