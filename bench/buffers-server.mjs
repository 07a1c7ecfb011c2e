// A server that streams bodies of 64 KiB, up and down: for buffers.mjs.
import { createServer } from 'node:http';
import { Readable } from 'node:stream';

const PART = 16 * 1024;

function* parts() {
  for (let left = 4; left > 0; left--) yield Buffer.alloc(PART);
}

const server = createServer((request, response) => {
  request.resume().on('end', () => Readable.from(parts(), { objectMode: false }).pipe(response));
});

server.listen(0, '127.0.0.1', () => process.send(`http://127.0.0.1:${server.address().port}`));
process.on('message', () => process.send(process.cpuUsage()));
process.on('disconnect', () => process.exit());
