// The child process of http.mjs: orders, and profiles of a heap with many call paths.
import { createServer } from 'node:http';
import { createRequire } from 'node:module';
import { monitorEventLoopDelay } from 'node:perf_hooks';

const heapProfile = createRequire(import.meta.url)('..');

const retained = [];

/** Functions that call each other in many orders, so that there are many nodes. */
const callers = Array.from(
  { length: 64 },
  (_, index) =>
    new Function('next', 'path', `return function caller${index}() { return next(path); }`),
);

function walk(path) {
  if (path.length === 0) return retained.push(new Array(64).fill(path));
  return callers[path[0]](walk, path.slice(1))();
}

heapProfile.start({ sampleIntervalBytes: 1024 });
let state = 1;
for (let count = Number(process.argv[2]); count > 0; count--) {
  const path = Array.from({ length: 6 }, () => {
    state = (state * 1_103_515_245 + 12_345) % 2 ** 31;
    return state % 64;
  });
  walk(path);
}
const { timings } = heapProfile.snapshot();
const profiles = heapProfile.handler({ prefix: '/profiles' });
let orders = 0;
const server = createServer((request, response) => {
  profiles(request, response, () => {
    const lines = Array.from({ length: 40 }, (_, product) => ({
      product,
      label: `${product} x`,
      cents: product * 7,
    }));
    response.end(JSON.stringify({ id: ++orders, lines }));
  });
}).listen(0, '127.0.0.1', () => {
  const url = `http://127.0.0.1:${server.address().port}`;
  process.send({ orders: `${url}/orders`, profiles: `${url}/profiles/debug/pprof/heap` });
});

const delay = monitorEventLoopDelay({ resolution: 5 });
let rssPeak = 0;
setInterval(() => {
  rssPeak = Math.max(rssPeak, process.memoryUsage.rss());
}, 50).unref();

process.on('message', (question) => {
  if (question === 'reset') {
    delay.enable();
    delay.reset();
    rssPeak = 0;
    return process.send('reset');
  }
  process.send({
    p50Ms: delay.percentile(50) / 1e6,
    p99Ms: delay.percentile(99) / 1e6,
    maxMs: delay.max / 1e6,
    captureMs: timings.v8Ms + timings.copyMs,
    rssPeak,
  });
});
process.on('disconnect', () => process.exit());
