// What programs hold entries in, lines that end with `// held` allocating what stays. Each gives the text of `keep(id, entry)` and `drop(id)`, and the names
// of the functions that allocate beside `keep`.

export const HOLDERS = {
  array: (noun) => ({
    text: `
const held = [];
function keep${noun}(id, entry) {
  held.push({ id, entry }); // held
}
function drop${noun}(id) {
  const index = held.findIndex((one) => one.id === id);
  if (index !== -1) held.splice(index, 1);
}`,
  }),
  map: (noun) => ({
    text: `
const held = new Map();
function keep${noun}(id, entry) {
  held.set(id, entry); // held
}
function drop${noun}(id) {
  held.delete(id);
}`,
  }),
  set: (noun) => ({
    text: `
const held = new Set();
function keep${noun}(id, entry) {
  held.add({ id, entry }); // held
}
function drop${noun}(id) {
  for (const one of held) {
    if (one.id === id) return held.delete(one);
  }
}`,
  }),
  weakMap: (noun) => ({
    text: `
const keys = new Map();
const held = new WeakMap();
function keep${noun}(id, entry) {
  const key = { id }; // held
  keys.set(id, key); // held
  held.set(key, entry); // held
}
function drop${noun}(id) {
  keys.delete(id);
}`,
  }),
  linkedList: (noun) => ({
    text: `
const ends = { next: null, previous: null };
ends.next = ends.previous = ends;
function keep${noun}(id, entry) {
  const node = { id, entry, next: ends, previous: ends.previous }; // held
  ends.previous.next = node;
  ends.previous = node;
}
function drop${noun}(id) {
  let node = ends.next;
  while (node !== ends && node.id !== id) node = node.next;
  if (node === ends) return;
  node.previous.next = node.next;
  node.next.previous = node.previous;
}`,
  }),
  closure: (noun) => ({
    text: `
const held = new Map();
function keep${noun}(id, entry) {
  held.set(id, () => entry); // held
}
function drop${noun}(id) {
  held.delete(id);
}`,
  }),
  instance: (noun) => ({
    allocates: [`${noun}Session`],
    text: `
class ${noun}Session {
  static all = new Map();
  constructor(id, entry) { // held
    this.id = id;
    this.entry = entry;
    this.tags = [id]; // held
  }
}
function keep${noun}(id, entry) {
  ${noun}Session.all.set(id, new ${noun}Session(id, entry)); // held
}
function drop${noun}(id) {
  ${noun}Session.all.delete(id);
}`,
  }),
  listener: (noun) => ({
    text: `
const { EventEmitter } = require('node:events');
const bus = new EventEmitter();
function keep${noun}(id, entry) {
  bus.on('change ' + id, () => entry); // held
}
function drop${noun}(id) {
  bus.removeAllListeners('change ' + id);
}`,
  }),
  promise: (noun) => ({
    allocates: [`wait${noun}`],
    text: `
const waiting = new Map();
async function wait${noun}(id, entry) { // held
  await new Promise((resolve) => waiting.set(id, resolve)); // held
  return entry;
}
function keep${noun}(id, entry) {
  wait${noun}(id, entry); // held
}
function drop${noun}(id) {
  waiting.get(id)?.();
  waiting.delete(id);
}`,
  }),
  timer: (noun) => ({
    text: `
const timers = new Map();
function keep${noun}(id, entry) {
  timers.set(id, setTimeout(() => entry, 2 ** 30)); // held
}
function drop${noun}(id) {
  clearTimeout(timers.get(id));
  timers.delete(id);
}`,
  }),
  asyncContext: (noun) => ({
    allocates: [`enter${noun}`],
    text: `
const { AsyncLocalStorage, AsyncResource } = require('node:async_hooks');
const storage = new AsyncLocalStorage();
const jobs = new Map();
function keep${noun}(id, entry) {
  storage.run(entry, function enter${noun}() { // held
    jobs.set(id, new AsyncResource('job')); // held
  });
}
function drop${noun}(id) {
  jobs.delete(id);
}`,
  }),
  moduleState: (noun) => ({
    text: `
exports.entries = {};
function keep${noun}(id, entry) {
  exports.entries['entry ' + id] = entry; // held
}
function drop${noun}(id) {
  delete exports.entries['entry ' + id];
}`,
  }),
  // Strings that are put together are trees in V8: a node of 32 bytes for each.
  stringTree: (noun, size) => ({
    text: `
const texts = new Map();
const words = ['a line of a log, ', 'and another one, ', 'then one more of it, '];
function keep${noun}(id) {
  let text = 'entry number ' + id; // held
  for (let word = 0; word < ${Math.max(1, Math.round(size / 32))}; word++) text += words[word % 3]; // held
  texts.set(id, text); // held
}
function drop${noun}(id) {
  texts.delete(id);
}`,
  }),
  nestedCaches: (noun) => ({
    text: `
const tenants = new Map();
function keep${noun}(id, entry) {
  const tenant = id % 7;
  if (!tenants.has(tenant)) tenants.set(tenant, new Map()); // held
  tenants.get(tenant).set(id, entry); // held
}
function drop${noun}(id) {
  tenants.get(id % 7)?.delete(id);
}`,
  }),
};
