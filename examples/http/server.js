// A server of node:http that leaks, and shows who holds its memory.
'use strict';

const { createServer } = require('node:http');
const heapProfile = require('heap-profile');

// A profile tells the names of your functions and files: keep strangers out, here or with `token`.
const profiles = heapProfile.handler({ prefix: '/profiles' });
const sessions = [];

function login(response) {
  sessions.push({ visited: new Array(10_000).fill('/') }); // The leak: nobody logs out.
  response.setHeader('Content-Type', 'application/json');
  response.end(JSON.stringify({ sessions: sessions.length }));
}

const server = createServer((request, response) => {
  profiles(request, response, () => login(response));
});

server.listen(Number(process.env.PORT ?? 3000), '127.0.0.1', () => {
  console.log(`http://127.0.0.1:${server.address().port}`);
});
