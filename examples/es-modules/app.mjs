// heap-profile in an ES module: named imports, and a top-level await for the file.
import { start, write } from 'heap-profile';

function fillCache() {
  const cache = new Map();
  for (let key = 0; key < 100_000; key++) cache.set(key, { key, text: `value ${key}` });
  return cache;
}

start();
const cache = fillCache();
console.log(`${await write('es-modules.heapprofile')}: ${cache.size} keys`);
