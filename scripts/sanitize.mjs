// Looks for misuse of memory that tests alone do not show; doc/maintaining.md has what it found.
// `npm run sanitize -- address`: the addon under AddressSanitizer and, its C++, UndefinedBehaviorSanitizer;
// `-- address host-buffers` with the specs of that name only.
// `npm run sanitize -- valgrind`: one capture of what `npm run build` built, under memcheck.
// `npm run sanitize -- miri`: the core's tests in Rust's interpreter.
import { spawnSync } from 'node:child_process';
import {
  copyFileSync,
  cpSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
} from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { installNodes } from './nodes.mjs';
import { mustRun, root, run } from './run.mjs';

const require = createRequire(import.meta.url);
const MAJORS = [20, 26];
const TARGET = 'x86_64-unknown-linux-gnu';
const directory = join(root, 'target', 'sanitize');

const OURS = /<obj>[^<]*heap-profile[^<]*\.node<\/obj>/;
/** What napi-rs makes once for each environment that loads an addon, and does not give back. */
const OF_NAPI_RS =
  /<fn>napi_create_(?:reference|threadsafe_function)<\/fn>[\s\S]*<fn>napi_register_module_v1<\/fn>/;

const ways = { address, valgrind, miri };
const way = ways[process.argv[2]];
if (way === undefined) stop(`say which: ${Object.keys(ways).join(', ')}`);
way();

function address() {
  const place = join(directory, 'address');
  const flags = '-fsanitize=address,undefined -fno-sanitize=vptr -fno-sanitize-recover=undefined';
  const copy = build(place, {
    // Sanitizers are features of a nightly Rust; ours has them too.
    RUSTC_BOOTSTRAP: '1',
    RUSTFLAGS: '-Zsanitizer=address',
    CXXFLAGS: flags,
  });
  const reports = join(place, 'reports');
  rmSync(reports, { recursive: true, force: true });
  mkdirSync(reports);
  const env = {
    // Node knows nothing of sanitizers, so their runtimes have to be there before it starts.
    LD_PRELOAD: ['libasan.so', 'libubsan.so'].map(runtime).join(':'),
    // Node itself leaves memory behind at its end. Freed memory that is kept for long is growth to the
    // tests of memory.
    // A test asks for more memory than there is.
    ASAN_OPTIONS: `detect_leaks=0:allocator_may_return_null=1:quarantine_size_mb=16:log_path=${join(reports, 'asan')}`,
    UBSAN_OPTIONS: `print_stacktrace=1:log_path=${join(reports, 'ubsan')}`,
    HEAP_PROFILE_TEST_PATIENCE: '10',
  };
  const names = readdirSync(join(root, '__test__'));
  const isAsked = (name) => name.includes(process.argv[3] ?? '');
  const specs = names.filter((name) => /^(?:host|exact)-.*\.spec\.mjs$/.test(name)).filter(isAsked);
  const args = [join(copy, 'scripts', 'test.mjs'), ...specs.map((name) => `__test__/${name}`)];
  const failed = installNodes(MAJORS).filter((node) => !run(node, args, { env }));
  const all = readdirSync(reports).map((name) => readFileSync(join(reports, name), 'utf8'));
  // A warning is that there is not as much memory as a test asks for.
  const found = all.filter((report) => /ERROR|runtime error/.test(report));
  if (found.length > 0) stop(found.join('\n'));
  if (failed.length > 0) stop(`specs failed on ${failed.join(', ')}`);
  console.log('no reports');
}

/** Where the C++ compiler has a sanitizer's runtime. */
function runtime(name) {
  const { stdout } = spawnSync('c++', [`-print-file-name=${name}`], { encoding: 'utf8' });
  const path = stdout?.trim() ?? name;
  // A name that is not found is answered as it is.
  if (path === name) stop(`c++ has no ${name}: GCC's sanitizers are missing`);
  return path;
}

function valgrind() {
  needs('valgrind', ['--version'], "Debian's package valgrind");
  mkdirSync(directory, { recursive: true });
  const report = join(directory, 'valgrind.xml');
  const program = join(root, '__test__', 'fixtures', 'host', 'capture.js');
  const options = [
    '--leak-check=full',
    '--show-leak-kinds=definite',
    '--num-callers=50',
    // V8 writes code and changes it.
    '--smc-check=all-non-file',
    '--xml=yes',
    `--xml-file=${report}`,
  ];
  for (const node of installNodes(MAJORS)) {
    mustRun('valgrind', [...options, node, program]);
    const errors = readFileSync(report, 'utf8').match(/<error>[\s\S]*?<\/error>/g) ?? [];
    // Node has errors of its own: ours are those in whose stack the addon is.
    const ours = errors.filter((error) => OURS.test(error) && !OF_NAPI_RS.test(error));
    console.log(`${node}: ${errors.length} reports, ${ours.length} of them ours`);
    if (ours.length > 0) stop(ours.join('\n'));
  }
}

function miri() {
  const toolchain = '+nightly';
  needs('cargo', [toolchain, 'miri', '--version'], 'rustup +nightly component add miri rust-src');
  // Millions of samples and stacks without end would take days.
  const long = ['any_depth', 'any_content', 'leaks_are_found', 'raise_no_alarm', 'mutated_files'];
  const skipped = [...long, 'interval_holds', 'least_leak'].flatMap((name) => ['--skip', name]);
  const test = ['miri', 'test', '--locked', '-p', 'heap-profile-core', '--', ...skipped];
  mustRun('cargo', [toolchain, ...test], {
    // Tests read files and the clock.
    env: { MIRIFLAGS: '-Zmiri-disable-isolation', CARGO_TARGET_DIR: join(directory, 'miri') },
  });
}

/** Builds the addon, and a copy of the package around it, whose path it returns. */
function build(place, env) {
  // With a target named, Cargo keeps its flags from build scripts.
  const args = ['build', '--locked', '--lib', '--target', TARGET, '--target-dir', place];
  mustRun('cargo', args, { env: { CARGO_PROFILE_DEV_OPT_LEVEL: '1', ...env } });
  const copy = join(place, 'package');
  rmSync(copy, { recursive: true, force: true });
  const { files } = require('../package.json');
  const named = files.filter((name) => !name.includes('*'));
  const parts = ['package.json', 'scripts', '__test__', ...named];
  for (const part of parts) cpSync(join(root, part), join(copy, part), { recursive: true });
  symlinkSync(join(root, 'node_modules'), join(copy, 'node_modules'));
  const { binaryPaths } = require(join(copy, 'lib', 'native.js'));
  const library = join(place, TARGET, 'debug', 'libheap_profile.so');
  for (const path of binaryPaths()) copyFileSync(library, path);
  return copy;
}

function needs(command, args, from) {
  const { status } = spawnSync(command, args, { stdio: 'ignore' });
  if (status !== 0) stop(`'${command} ${args.join(' ')}' fails: install it (${from})`);
}

function stop(message) {
  console.error(`error: ${message}`);
  process.exit(1);
}
