// The child process of throughput.mjs, exact.mjs and soak.mjs: a server whose only route allocates as real ones
// do.
import Fastify from 'fastify';

const ROWS = 40;
const KEPT = 1000;
const products = Array.from({ length: ROWS }, (_, id) => ({
  id,
  name: `Product ${id}`,
  priceCents: 199 + 17 * id,
}));
/** The last orders, as a session store or a cache keeps some of what requests allocate. */
const recent = new Map();
let lastOrder = 0;

function makeOrder(customer) {
  const lines = products.map(({ id, name, priceCents }) => {
    const quantity = 1 + ((lastOrder + id) % 5);
    return { product: id, label: `${quantity} x ${name}`, cents: quantity * priceCents };
  });
  const cents = lines.reduce((sum, line) => sum + line.cents, 0);
  return { id: ++lastOrder, customer, placedAt: new Date().toISOString(), lines, cents };
}

function keep(order) {
  recent.set(order.id, order);
  recent.delete(order.id - KEPT);
}

const server = Fastify();
server.get('/orders', async (request) => {
  const order = makeOrder(request.query.customer);
  keep(order);
  return order;
});
const url = await server.listen({ port: 0, host: '127.0.0.1' });

const answers = {
  cpuUsage: () => process.cpuUsage(),
  capture: () => globalThis.benchCapture(),
  // Of soak-monitor.cjs, if that was loaded before.
  usage: () => ({ rss: process.memoryUsage.rss(), monitor: globalThis.monitor?.stats() }),
};
process.on('message', (question) => process.send(answers[question]()));
process.on('disconnect', () => process.exit());
process.send(`${url}/orders?customer=42`);
