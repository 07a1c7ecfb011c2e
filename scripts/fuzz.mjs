// Fuzzes one of the readers, for a minute unless more seconds are given: see doc/fuzzing.md.
// `npm run fuzz -- pprof 600`.
import { mkdirSync } from 'node:fs';
import { mustRun } from './run.mjs';

const [target = 'read', seconds = '60'] = process.argv.slice(2);
const found = `fuzz/target/corpus/${target}`;
const limits = [`-max_total_time=${seconds}`, '-max_len=20000', '-rss_limit_mb=2048'];

mkdirSync(found, { recursive: true });
mustRun('cargo', ['fuzz', 'run', target, found, `fuzz/corpus/${target}`, '--', ...limits], {
  // The sanitizers that cargo-fuzz turns on are features of a nightly Rust; ours has them too.
  env: { RUSTC_BOOTSTRAP: '1' },
});
