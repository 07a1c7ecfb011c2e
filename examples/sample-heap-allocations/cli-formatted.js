// Prints the call sites that allocated nested and flat arrays, with source: `npm run cli-formatted`.
'use strict';

const sh = require('heap-profile/sample-heap-allocations');
const { flatArrays, nestedArrays } = require('./allocate.js');

sh.startSampling(32, 10);
const nested = nestedArrays();
const flat = flatArrays();
const allocations = sh.collectAllocations();
sh.stopSampling();

sh.addFormat({ allocations, includeSourceLines: 10 }, (error, formatted) => {
  if (error) throw error;
  console.log(`Call sites of ${nested.length} nested and ${flat.length} flat arrays:`);
  for (const { callsites } of formatted) {
    console.dir(
      callsites.map((callsite) => callsite.formatted),
      { depth: null },
    );
  }
});
