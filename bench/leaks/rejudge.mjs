// Judges recorded sets anew: node rejudge.mjs DIR... (private tool)
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import heapProfile from '../../index.js';
import { describe, goals, isRight, report, score } from './score.mjs';
const { Snapshot } = heapProfile;
const [root, prefix = '', ...only] = process.argv.slice(2);
const quick = process.env.QUICK === '1';
const records = [];
for (const name of (await readdir(root)).sort()) {
  if (!name.startsWith(prefix)) continue;
  if (only.length && !only.includes(String(Number(name.split('-')[1])))) continue;
  const dir = join(root, name);
  let description, truth;
  try {
    description = JSON.parse(await readFile(join(dir, 'description.json'), 'utf8'));
    truth = JSON.parse(await readFile(join(dir, 'truth.json'), 'utf8'));
  } catch { continue; }
  const names = (await readdir(dir)).filter((n) => n.endsWith('.heapprofile')).sort();
  const snapshots = [];
  for (const n of names) snapshots.push(await Snapshot.read(join(dir, n)));
  const early = [];
  if (!quick && description.kind !== 'leaking') for (let count = 2; count < snapshots.length; count++) {
    const { verdict } = await Snapshot.leaks(snapshots.slice(0, count), { limit: 1 });
    early.push({ count, verdict });
  }
  const leaks = await Snapshot.leaks(snapshots, { limit: 1 });
  const fullCollections = snapshots.at(-1).fullCollections - snapshots[0].fullCollections;
  const record = score(description, { truth, leaks, early, fullCollections });
  records.push(record);
  if (process.env.COUNT) { const a = await Snapshot.leaks(snapshots.slice(0, Number(process.env.COUNT)), { limit: 8 }); console.log(name, a.verdict, a.moments.join(' ')); for (const s of a.sites.slice(0, 8)) { console.log(s.reason, s.functionName, s.url.split('/').pop(), 'ret', s.retention, 'growth', s.growthBytesPerHour, s.stack.slice(0,4).map((f) => f.functionName).join('<')); console.log('  ', s.history.map((h) => Math.round(h.bytes / 1024)).join(' ')); for (const c of s.cohorts) console.log('    ', c.snapshot, Math.round(c.bytes / 1024), c.survival.map((x) => x.toFixed(2)).join(' ')); } continue; }
  if (only.length) { console.dir({ observation: description.observation, parts: description.parts }, { depth: null }); for (const s of leaks.sites.slice(0, 4)) console.dir(s, { depth: 4, breakLength: 200 }); console.log('detectable', leaks.detectable, leaks.moments.length); }
  if (record.fault !== null || !isRight(record)) console.log(describe(record));
}
console.log(report(records).split('\n').filter((l) => /^(leaking|sound|filling)|programs|^all|forceGC|full coll/.test(l)).join('\n'));
for (const { text, isMet } of goals(records)) console.log(isMet ? 'met   ' : 'MISSED', text);
