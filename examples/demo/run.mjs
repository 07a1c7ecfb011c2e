// The demo: puts the leaking server under load, collects the profiles it writes while it runs, and
// prints which functions hold the memory.
import { fork } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, readFileSync, rmSync } from 'node:fs';
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
const files = [];
server.on('message', ({ file, error }) => {
  if (error !== undefined) throw new Error(error);
  files.push(file);
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

const last = files.at(-1);
console.log(
  `\n${requests.total} requests. Live heap by allocation site, in ${relative('.', last)}:\n`,
);
for (const [site, bytes] of allocationSites(last).slice(0, 8)) {
  console.log(`${(bytes / 1e6).toFixed(1).padStart(8)} MB  ${site}`);
}
console.log(`\nOpen it in Chrome DevTools: Memory panel, Load profile, ${last}`);

/** `[place, estimated bytes]` of the functions in a .heapprofile, largest first. */
function allocationSites(file) {
  const sites = new Map();
  const pending = [JSON.parse(readFileSync(file, 'utf8')).head];
  while (pending.length > 0) {
    const { callFrame, selfSize, children } = pending.pop();
    const { functionName, url, lineNumber } = callFrame;
    const place =
      url === '' ? '' : ` ${relative('.', url.replace('file://', ''))}:${lineNumber + 1}`;
    const site = (functionName || '(anonymous)') + place;
    sites.set(site, (sites.get(site) ?? 0) + selfSize);
    pending.push(...children);
  }
  return [...sites].sort((a, b) => b[1] - a[1]);
}
