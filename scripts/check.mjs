// Formatters, lints, types, the directions of imports, dependencies: all that can be checked without
// running the project.
import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { root, run } from './run.mjs';

// What the addon has, for the types of lib/: napi-rs writes it while it builds.
if (!existsSync(join(root, 'target', 'native.d.ts'))) {
  console.error('error: target/native.d.ts is missing: run `npm run build` first');
  process.exit(1);
}

const DENY = ['-D', 'warnings'];
const cpp = readdirSync(join(root, 'src', 'v8'), { recursive: true })
  .filter((name) => /\.(?:h|cc)$/.test(name))
  .map((name) => `src/v8/${name}`)
  .concat('scripts/exact-layout.cc');
const clangFormat = ['--dry-run', '-Werror', ...cpp];
const checks = [
  ['cargo', ['fmt', '--all', '--check']],
  ['cargo', ['clippy', '--locked', '--workspace', '--lib', '--bins', '--tests', '--', ...DENY]],
  [
    'cargo',
    ['doc', '--locked', '--no-deps', '--document-private-items'],
    { env: { RUSTDOCFLAGS: '-D warnings' } },
  ],
  ['node_modules/.bin/biome', ['ci', '.']],
  ['node_modules/.bin/clang-format', clangFormat],
  [process.execPath, ['scripts/arrows.mjs']],
  ['node_modules/.bin/tsc', ['--project', 'jsconfig.json']],
  ['node_modules/.bin/tsc', ['--project', '__test__/types']],
  [process.execPath, ['scripts/dependencies.mjs']],
];

const failed = checks.filter(([command, args, options]) => !run(command, args, options));
for (const [command, args] of failed) console.error(`error: failed: ${command} ${args.join(' ')}`);
if (failed.length > 0) process.exitCode = 1;
