// An express server that leaks, and writes or shows a heap profile when it is asked to.
'use strict';

const express = require('express');
const heapProfile = require('heap-profile');

heapProfile.start();

const app = express();
const sessions = [];

app.get('/login', function login(_req, res) {
  sessions.push({ visited: new Array(10_000).fill('/') }); // The leak: nobody logs out.
  res.json({ sessions: sessions.length });
});

// A profile tells the names of your functions and files: keep strangers from these routes.
app.post('/heap-profile', async (_req, res) => {
  res.json({ filename: await heapProfile.write() });
});

app.use('/profiles', heapProfile.handler());

const server = app.listen(Number(process.env.PORT ?? 3000), '127.0.0.1', () => {
  console.log(`http://127.0.0.1:${server.address().port}`);
});
