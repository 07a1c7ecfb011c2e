// Builds what is not in the repository: the flame graph's page, and the addon for this platform with
// napi-rs's command line, heap-profile.<platform>.node at the top level. The JavaScript side and its
// types are written by hand, so none is generated.
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { buildFlamegraph } from './flamegraph.mjs';
import { mustRun } from './run.mjs';

const manifest = createRequire(import.meta.url).resolve('@napi-rs/cli/package.json');
const cli = join(dirname(manifest), 'dist', 'cli.js');
const options = ['--platform', '--release', '--no-js', '--dts', 'target/native.d.ts'];

await buildFlamegraph();
mustRun(process.execPath, [cli, 'build', ...options, '--', '--locked'], {
  // The headers that fit are those of the Node that runs this.
  env: { npm_node_execpath: process.execPath },
});
