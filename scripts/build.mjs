// Builds the addon for this platform with napi-rs's command line: heap-profile.<platform>.node at
// the top level. The JavaScript side and its types are written by hand, so none is generated.
import { spawnSync } from 'node:child_process';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = join(dirname(fileURLToPath(import.meta.url)), '..');
const cli = createRequire(import.meta.url).resolve('@napi-rs/cli/package.json');
const options = ['build', '--platform', '--release', '--no-js', '--dts', 'target/native.d.ts'];

const { status, error } = spawnSync(
  process.execPath,
  [join(dirname(cli), 'dist/cli.js'), ...options, '--', '--locked'],
  { cwd: root, stdio: 'inherit' },
);
if (error !== undefined) console.error(`error: ${error.message}`);
process.exitCode = status ?? 1;
