// Writes a heap profile every hour, or as often as the first argument says, in milliseconds.
'use strict';

const heapProfile = require('heap-profile');

const HOUR = 60 * 60 * 1000;
const INTERVAL = Number(process.argv[2] ?? HOUR);
const KEPT = 10_000;

heapProfile.start();

// The timer keeps no process alive that has nothing else to do.
setInterval(() => {
  heapProfile.write((error, filename) => console.log(error ?? `wrote ${filename}`));
}, INTERVAL).unref();

// What the program does: it measures, and remembers the last of its measurements.
const measurements = [];
setInterval(function measure() {
  measurements.push({ at: new Date(), values: new Array(1000).fill(Math.random()) });
  if (measurements.length > KEPT) measurements.shift();
}, 1);
