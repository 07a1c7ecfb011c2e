// A koa server that leaks, and shows who holds its memory.
'use strict';

const Koa = require('koa');
const heapProfile = require('heap-profile');

// A profile tells the names of your functions and files: keep strangers out, here or with `token`.
const profiles = heapProfile.handler({ prefix: '/profiles' });
const app = new Koa();
const sessions = [];

app.use(async (context, next) => {
  if (!/^\/profiles(?:\/|$)/.test(context.path)) return next();
  context.respond = false; // The handler does.
  await profiles(context.req, context.res);
});

app.use(async function login(context) {
  sessions.push({ visited: new Array(10_000).fill('/') }); // The leak: nobody logs out.
  context.body = { sessions: sessions.length };
});

const server = app.listen(Number(process.env.PORT ?? 3000), '127.0.0.1', () => {
  console.log(`http://127.0.0.1:${server.address().port}`);
});
