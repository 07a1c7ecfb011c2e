// The same package, required.
import heapProfile = require('heap-profile');

heapProfile.start({ sampleIntervalBytes: 65536 });
const snapshot: heapProfile.Snapshot = heapProfile.snapshot();
console.log(snapshot.liveBytes, heapProfile.get(true).selfSize);
