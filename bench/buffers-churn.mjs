// Allocates Buffers that die, and tells how many a second: for buffers.mjs.
const SIZE = 16 * 1024;
const WARM_UP_MS = 500;
const RUN_MS = 2000;
const ring = new Array(100);

function allocateFor(milliseconds) {
  const start = process.hrtime.bigint();
  const end = start + BigInt(milliseconds) * 1_000_000n;
  let count = 0;
  while (process.hrtime.bigint() < end) {
    for (let index = 0; index < 100; index++) ring[index] = Buffer.alloc(SIZE);
    count += 100;
  }
  return count / (Number(process.hrtime.bigint() - start) / 1e9);
}

allocateFor(WARM_UP_MS);
process.send(allocateFor(RUN_MS));
process.once('message', () => {});
