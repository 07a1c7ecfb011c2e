// A server under a monitor: profiles at intervals, where memory grows, on a signal and at the end.
'use strict';

const { createServer } = require('node:http');
const heapProfile = require('heap-profile');

const monitor = heapProfile.monitor({
  dir: 'profiles',
  intervalMs: 60 * 60 * 1000,
  rules: true,
  signal: 'SIGUSR2',
  onExit: true,
  keep: { files: 200, bytes: 100 * 1024 * 1024 },
});
monitor.on('profile', ({ file, reason, summary }) => {
  const [first] = summary.sites;
  console.log(`${reason}: wrote ${file}; ${first?.functionName ?? 'nobody'} holds most`);
});
// Without a listener it would be a warning.
monitor.on('error', (error) => console.error(`no profile: ${error.message}`));

// The leak: nobody forgets a visit.
const visits = [];

function remember(request) {
  visits.push({ url: request.url, at: Date.now(), body: new Array(2000).fill(request.url.length) });
}

const server = createServer((request, response) => {
  remember(request);
  response.end(`visit ${visits.length}\n`);
});
server.listen(process.env.PORT ?? 3000, '127.0.0.1', () => {
  console.log(`http://127.0.0.1:${server.address().port}`);
});
