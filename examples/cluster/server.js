// A cluster of two HTTP servers. On SIGUSR2 each of them writes its heap profile.
'use strict';

const cluster = require('node:cluster');
const { createServer } = require('node:http');
const heapProfile = require('heap-profile');

const WORKERS = 2;

if (cluster.isPrimary) lead();
else serve();

function lead() {
  for (let i = 0; i < WORKERS; i++) cluster.fork();
  cluster.on('message', (_worker, text) => console.log(text));
  process.on('SIGUSR2', () => {
    for (const worker of Object.values(cluster.workers)) worker.send('write');
  });
}

// Processes have heaps of their own: each server samples its own.
function serve() {
  heapProfile.start();
  const visits = [];

  const server = createServer(function visit(_req, res) {
    visits.push({ at: new Date(), path: new Array(10_000).fill('/') }); // The leak.
    res.end(`${visits.length} visits to worker ${cluster.worker.id}\n`);
  });
  server.listen(Number(process.env.PORT ?? 3000), '127.0.0.1', () => {
    process.send(`http://127.0.0.1:${server.address().port}`);
  });

  process.on('message', async () => {
    const filename = await heapProfile.write(`worker-${cluster.worker.id}.heapprofile`);
    process.send(`wrote ${filename}`);
  });
}
