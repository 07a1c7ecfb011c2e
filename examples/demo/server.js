// A shop's server that leaks: the route /checkout keeps every order. The other routes allocate as
// much and keep nothing, or a bounded number. It writes a profile every second, as a server in
// production would every hour; so often it takes a finer interval, and garbage that is collected.
'use strict';

const { join } = require('node:path');
const express = require('express');
const heapProfile = require('../..');

heapProfile.start({ sampleIntervalBytes: 64 * 1024, forceGC: true });

const directory = process.argv[2];
const app = express();
const orders = [];
const cache = new Map();

app.get('/checkout', function checkout(_req, res) {
  const order = { id: orders.length, at: new Date(), lines: [] };
  for (let i = 0; i < 150; i++) order.lines.push({ article: i, count: 1, price: i * 0.99 });
  orders.push(order); // The leak: nothing ever takes an order out.
  res.json({ order: order.id, lines: order.lines.length });
});

app.get('/search', function search(_req, res) {
  const hits = [];
  for (let i = 0; i < 50; i++) hits.push({ article: i, score: Math.random() });
  hits.sort((a, b) => b.score - a.score);
  res.json(hits.slice(0, 10));
});

app.get('/product/:id', function product(req, res) {
  const { id } = req.params;
  if (cache.size > 1000) cache.clear();
  if (!cache.has(id)) cache.set(id, { id, name: `Article ${id}`, stock: new Array(20).fill(1) });
  res.json(cache.get(id));
});

let written = 0;
setInterval(() => {
  const name = join(directory, `demo-${String(++written).padStart(2, '0')}.heapprofile`);
  heapProfile.write(name).then(
    (file) => process.send({ file }),
    (error) => process.send({ error: error.message }),
  );
}, 1000);

const server = app.listen(0, '127.0.0.1', () => process.send({ port: server.address().port }));
process.on('disconnect', () => process.exit());
