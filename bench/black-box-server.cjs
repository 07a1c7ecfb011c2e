// A program for black-box.mjs that keeps some of what it makes for ever: `black-box-server.cjs MIB_PER_SECOND`. It
// makes ten times as much garbage, and has a cache that does not grow.
const PER_SECOND = 50;
/** What one order takes, bytes: measured with --max-old-space-size=512 on Node.js 20. */
const ORDER = 170;

const orders = [];
const cache = warmCache(20_000);
const rate = Number(process.argv[2]) * 2 ** 20;

function warmCache(count) {
  return Array.from({ length: count }, (_, id) => ({ id, text: `product ${id}`, tags: [id, id] }));
}

function keepOrders(count) {
  for (let id = 0; id < count; id++) orders.push({ id, lines: [id, id + 1], note: `order ${id}` });
}

function answerRequests(count) {
  let length = 0;
  for (let id = 0; id < count; id++) {
    length += JSON.stringify({ id, product: cache[id % cache.length] }).length;
  }
  return length;
}

setInterval(() => {
  const count = rate / ORDER / PER_SECOND;
  keepOrders(count);
  answerRequests(count * 2);
}, 1000 / PER_SECOND);
