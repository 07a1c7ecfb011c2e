// A fastify server that leaks, and writes or shows a heap profile when it is asked to.
'use strict';

const fastify = require('fastify');
const heapProfile = require('heap-profile');

heapProfile.start();

const app = fastify();
const sessions = [];

app.get('/login', async function login() {
  sessions.push({ visited: new Array(10_000).fill('/') }); // The leak: nobody logs out.
  return { sessions: sessions.length };
});

// A profile tells the names of your functions and files: keep strangers from these routes.
app.post('/heap-profile', async () => ({ filename: await heapProfile.write() }));

const profiles = heapProfile.handler({ prefix: '/profiles' });
app.register(
  async (scope) => {
    scope.get('/*', async (request, reply) => {
      reply.hijack(); // The handler answers.
      await profiles(request.raw, reply.raw);
    });
  },
  { prefix: '/profiles' },
);

app
  .listen({ port: Number(process.env.PORT ?? 3000), host: '127.0.0.1' })
  .then((url) => console.log(url));
