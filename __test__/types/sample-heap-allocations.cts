// heap-profile/sample-heap-allocations, required.
import sh = require('heap-profile/sample-heap-allocations');

sh.startSampling();
const entries: sh.AllocationEntry[] = sh.collectAllocations();
console.log(entries.length);
