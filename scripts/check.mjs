// Formatters, lints, types and dependencies: all that can be checked without running the project.
import { run } from './run.mjs';

const DENY = ['-D', 'warnings'];
const clangFormat = ['--dry-run', '-Werror', 'src/v8/shim.h', 'src/v8/shim.cc'];
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
  ['node_modules/.bin/tsc', ['--project', '__test__/types']],
  [process.execPath, ['scripts/dependencies.mjs']],
];

const failed = checks.filter(([command, args, options]) => !run(command, args, options));
for (const [command, args] of failed) console.error(`error: failed: ${command} ${args.join(' ')}`);
if (failed.length > 0) process.exitCode = 1;
