// Prints the call sites that allocated nested and flat arrays: `npm run cli`.
'use strict';

const sh = require('heap-profile/sample-heap-allocations');
const { flatArrays, nestedArrays } = require('./allocate.js');

sh.startSampling(32, 10);
const nested = nestedArrays();
const flat = flatArrays();
const allocations = sh.collectAllocations();
sh.stopSampling();

console.log(`Call sites of ${nested.length} nested and ${flat.length} flat arrays:`);
console.dir(allocations, { depth: null });
