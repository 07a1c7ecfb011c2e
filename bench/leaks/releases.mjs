// What lets go. Each gives the text of `accept(step)`, one operation, and of `sweep(step)`, which
// comes before a step's operations. Entries are numbered; program.mjs has the functions that these
// call: `add()` makes entry `next` and keeps it, `drop(id)` lets one go, `dropUntil(id)` those that are
// older, `hash(number)` is a random number.

/** Entries go in the order in which they came: `limit` is the oldest that stays. */
function oldestFirst(limit) {
  return `
function accept() {
  add();
}
function sweep(step) {
  dropUntil(${limit});
}`;
}

/** The first entry of each of the last `life` steps; those before have expired. */
const MARKS = `
const marks = [];
function expired(life) {
  marks.push(next);
  return marks.length > life ? marks.shift() : 0;
}`;

export const RELEASES = {
  nothing: () => `
function accept() {
  add();
}
function sweep() {}`,
  ring: ({ capacity }) => oldestFirst(`next - ${capacity}`),
  window: ({ life }) => MARKS + oldestFirst(`expired(${life})`),
  // As a window, but swept now and then.
  ttl: ({ life }) => `
${MARKS}
function accept() {
  add();
}
function sweep(step) {
  const limit = expired(${life});
  if (step % ${Math.max(1, life >> 2)} === 0) dropUntil(limit);
}`,
  // Whoever takes from it stands still half of the time.
  queue: ({ life }) => {
    const some = 'oldest + Math.ceil((next - oldest) / 4)';
    return oldestFirst(`step % ${life} < ${life >> 1} ? oldest : ${some}`);
  },
  batch: ({ capacity }) => oldestFirst(`next - oldest >= ${capacity} ? next : oldest`),
  sawtooth: ({ life }) => oldestFirst(`step % ${life} === 0 ? next : oldest`),
  // Those that are used stay; a few are used over and over.
  lru: ({ capacity }) => `
const order = new Set();
function use(id) {
  if (order.delete(id)) order.add(id);
}
function accept() {
  order.add(next);
  add();
  use(next - 1 - (hash(next) % ${capacity}));
  use(next - (next % ${2 * capacity}));
}
function sweep() {
  while (order.size > ${capacity}) {
    const [id] = order;
    order.delete(id);
    drop(id);
  }
}`,
  // Made when they are needed, used again and never closed.
  pool: ({ life }) => `
const idle = [];
const busy = [];
function accept(step) {
  if (idle.length === 0) {
    idle.push(next);
    add();
  }
  busy.push(idle.pop(), step);
}
function sweep(step) {
  while (busy.length > 0 && busy[1] + ${life} <= step) {
    idle.push(busy.shift());
    busy.shift();
  }
}`,
  // So many keys there are; the later, the rarer a new one. 4.6 time constants are 99 %.
  warmUp: ({ capacity }) => `
const seen = new Uint8Array(${capacity});
let asked = 0;
function accept() {
  const key = hash(asked++) % ${capacity};
  if (seen[key] === 0) add();
  seen[key] = 1;
}
function sweep() {}`,
  // The maker of each is in a module of its own, which is loaded when it is needed.
  lazyModules: ({ capacity }) => `
function accept() {
  if (next < ${capacity}) add();
}
function sweep() {}`,
};
