// heap-profile in TypeScript, compiled with source maps.
import { start, write } from 'heap-profile';

interface Entry {
  key: number;
  text: string;
}

function fillCache(): Map<number, Entry> {
  const cache = new Map<number, Entry>();
  for (let key = 0; key < 100_000; key++) cache.set(key, { key, text: `value ${key}` });
  return cache;
}

async function main(): Promise<void> {
  start();
  const cache = fillCache();
  // The profile names the places in this file, not those in the compiled app.js.
  const filename = await write('typescript.heapprofile', { sourceMaps: true });
  console.log(`${filename}: ${cache.size} keys`);
}

main();
