// The demo: puts the leaking server under load, collects the profiles it writes while it runs, has
// heap-profile say what leaks, and makes a flame graph of what grew.
import { fork } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, readdirSync, rmSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import autocannon from 'autocannon';

const SECONDS = 11;
const here = dirname(fileURLToPath(import.meta.url));
const directory = join(here, 'profiles');

rmSync(directory, { recursive: true, force: true });
mkdirSync(directory);

const server = fork(join(here, 'server.js'), [directory]);
const [{ port }] = await once(server, 'message');
server.on('message', ({ file, error }) => {
  if (error !== undefined) throw new Error(error);
  console.log(`  wrote ${relative('.', file)}`);
});

console.log(`Load on http://127.0.0.1:${port} for ${SECONDS} s; the route /checkout leaks.`);
const { requests, errors, non2xx } = await autocannon({
  url: `http://127.0.0.1:${port}`,
  connections: 10,
  duration: SECONDS,
  overallRate: 3000,
  requests: [{ path: '/checkout' }, { path: '/search' }, { path: '/product/17' }],
});
server.disconnect();
await once(server, 'exit');
if (errors + non2xx > 0) throw new Error(`${errors} errors, ${non2xx} failed requests`);

const names = readdirSync(directory).filter((name) => name.endsWith('.heapprofile'));
const files = names.sort().map((name) => relative('.', join(directory, name)));
console.log(`\n${requests.total} requests. What the ${files.length} profiles tell:\n`);
await heapProfile('leaks', relative('.', directory));
const graph = relative('.', join(directory, 'growth.html'));
await heapProfile('flamegraph', files.at(-1), '--base', files[0], '-o', graph);
console.log(`\nOpen ${graph} in a browser: a flame graph of what grew.`);
console.log(`Or ${files.at(-1)} in Chrome DevTools: Memory panel, Load profile.`);

/** Runs the command line; 3 is how `leaks` says that something leaks. */
async function heapProfile(...args) {
  const command = fork(join(here, '../../bin/heap-profile.js'), args);
  const [code] = await once(command, 'exit');
  const expected = args[0] === 'leaks' ? 3 : 0;
  if (code !== expected) throw new Error(`heap-profile ${args.join(' ')}: exit code ${code}`);
}
