// A hono server on Node.js that leaks, and shows who holds its memory.
'use strict';

const { serve } = require('@hono/node-server');
const { RESPONSE_ALREADY_SENT } = require('@hono/node-server/utils/response');
const { Hono } = require('hono');
const heapProfile = require('heap-profile');

// A profile tells the names of your functions and files: keep strangers out, here or with `token`.
const profiles = heapProfile.handler({ prefix: '/profiles' });
const app = new Hono();
const sessions = [];

app.get('/profiles/*', async (context) => {
  await profiles(context.env.incoming, context.env.outgoing);
  return RESPONSE_ALREADY_SENT;
});

app.get('/login', function login(context) {
  sessions.push({ visited: new Array(10_000).fill('/') }); // The leak: nobody logs out.
  return context.json({ sessions: sessions.length });
});

const port = Number(process.env.PORT ?? 3000);
serve({ fetch: app.fetch, hostname: '127.0.0.1', port }, (address) => {
  console.log(`http://127.0.0.1:${address.port}`);
});
