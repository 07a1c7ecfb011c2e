// Source maps of real compilers: what is written names the functions, files and lines of
// fixtures/source-maps/*.ts.
import assert from 'node:assert/strict';
import { cpSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { before, describe, it } from 'node:test';
import { pathToFileURL } from 'node:url';
import { buildSync } from 'esbuild';
import webpack from 'webpack';
import { fixture, readProfile, runChild, temporaryDirectory } from './helpers.mjs';

const require = createRequire(import.meta.url);
const tsc = join(dirname(require.resolve('typescript/package.json')), 'bin', 'tsc');

/** The functions that allocate: name, file, and how the line begins where each starts. */
const FUNCTIONS = [
  ['run', 'main.ts', 'export function run('],
  ['construct', 'main.ts', 'const construct = ('],
  ['method', 'main.ts', 'const method = ('],
  ['declared', 'kinds.ts', 'export function declared('],
  ['arrow', 'kinds.ts', 'export const arrow = ('],
  ['asynchronous', 'kinds.ts', 'export async function asynchronous('],
  ['generic', 'kinds.ts', 'export function generic<'],
  ['Store', 'kinds.ts', '  constructor('],
  ['method', 'kinds.ts', '  method('],
  ['create', 'kinds.ts', '  static create('],
  ['byDefault', 'kinds.ts', 'export default function byDefault('],
];

const directory = temporaryDirectory();
const sources = join(directory, 'src');
const output = (...names) => join(directory, ...names);

before(() => cpSync(fixture('source-maps'), sources, { recursive: true }));

async function compileWithTsc(name, ...options) {
  const common = ['--target', 'es2022', '--strict', '--rootDir', sources];
  const args = [...common, ...options, '--outDir', output(name), join(sources, 'main.ts')];
  const { code, stdout } = await runChild(tsc, args);
  assert.equal(code, 0, stdout);
  return output(name, 'main.js');
}

function compileWithEsbuild(name, sourcemap, entry = join(sources, 'main.ts')) {
  const outfile = output(name, 'main.js');
  const options = { bundle: true, minify: true, format: 'cjs', platform: 'node' };
  buildSync({ entryPoints: [entry], outfile, sourcemap, ...options });
  return outfile;
}

async function compileWithWebpack(name) {
  const compiler = webpack({
    mode: 'production',
    devtool: 'source-map',
    target: 'node',
    context: directory,
    entry: join(sources, 'main.ts'),
    resolve: { extensionAlias: { '.js': ['.ts'] } },
    module: { rules: [{ test: /\.ts$/, use: fixture('source-maps', 'loader.cjs') }] },
    output: {
      path: output(name),
      filename: 'main.js',
      library: { type: 'commonjs2' },
      devtoolNamespace: 'app',
    },
  });
  const stats = await new Promise((resolve, reject) => {
    compiler.run((error, stats) => (error ? reject(error) : resolve(stats)));
  });
  assert.ok(!stats.hasErrors(), stats.toString());
  await new Promise((resolve) => compiler.close(resolve));
  return output(name, 'main.js');
}

/** Runs a program; its profile, the call frames in that, and what writing it took. */
async function sample(program) {
  const file = `${program}.heapprofile`;
  const { code, stdout, stderr } = await runChild(join(fixture('source-maps'), 'sample.cjs'), [
    program,
    file,
  ]);
  assert.equal(code, 0, stderr);
  const profile = readProfile(file);
  return { profile, frames: callFrames(profile), measured: JSON.parse(stdout) };
}

function callFrames({ head }) {
  const frames = [];
  const open = [head];
  while (open.length > 0) {
    const { callFrame, children } = open.pop();
    frames.push(callFrame);
    open.push(...children);
  }
  return frames;
}

/** All functions are there, under the names of their sources as `urlOf` has them. */
function assertMapped({ profile, frames }, urlOf) {
  assert.deepEqual(profile.heapProfile.warnings ?? [], []);
  for (const [name, source, head] of FUNCTIONS) {
    const lines = readFileSync(join(sources, source), 'utf8').split('\n');
    const lineNumber = lines.findIndex((line) => line.startsWith(head));
    const url = urlOf(source);
    const found = frames.find(
      (frame) =>
        frame.functionName === name && frame.url === url && frame.lineNumber === lineNumber,
    );
    const similar = frames.filter((frame) => frame.functionName === name || frame.url === url);
    assert.ok(found, `${name} ${url}:${lineNumber} is not in ${JSON.stringify(similar, null, 1)}`);
    const { columnNumber } = found;
    assert.ok(columnNumber >= 0 && columnNumber <= head.length, `${name}: ${columnNumber}`);
  }
}

const asPath = (source) => join(sources, source);
const asUrl = (source) => pathToFileURL(join(sources, source)).href;

describe('sourceMaps: true', () => {
  it('maps CommonJS of tsc', async () => {
    const program = await compileWithTsc('tsc', '--module', 'commonjs', '--sourceMap');
    assertMapped(await sample(program), asPath);
  });

  it('maps ES modules of tsc with inline maps, to file: URLs', async () => {
    const options = ['--module', 'es2022', '--moduleResolution', 'bundler', '--inlineSourceMap'];
    const program = await compileWithTsc('esm', ...options);
    writeFileSync(output('esm', 'package.json'), '{ "type": "module" }');
    assertMapped(await sample(program), asUrl);
  });

  for (const kind of ['linked', 'inline']) {
    it(`maps a minified bundle of esbuild with ${kind} map`, async () => {
      assertMapped(await sample(compileWithEsbuild(kind, kind)), asPath);
    });
  }

  it('maps a minified bundle of webpack', async () => {
    const program = await compileWithWebpack('webpack');
    assertMapped(await sample(program), (source) => `webpack://app/src/${source}`);
  });

  it('leaves a bundle without reference to its map alone, silently', async () => {
    const program = compileWithEsbuild('external', 'external');
    const { profile, frames } = await sample(program);
    assert.deepEqual(profile.heapProfile.warnings ?? [], []);
    assert.ok(frames.some((frame) => frame.url === program && frame.functionName !== ''));
    assert.ok(frames.every((frame) => !frame.url.endsWith('.ts')));
  });

  it('warns of a map that is missing and leaves its frames alone', async () => {
    const program = compileWithEsbuild('missing', 'linked');
    rmSync(`${program}.map`);
    const { profile, frames } = await sample(program);
    const count = frames.filter((frame) => frame.url === program).length;
    assert.ok(count > FUNCTIONS.length);
    const [warning, ...others] = profile.heapProfile.warnings;
    assert.deepEqual(others, []);
    assert.equal(warning.url, program);
    assert.equal(warning.count, count);
    assert.match(warning.message, /cannot read its source map .*main\.js\.map: No such file/);
  });

  it('maps a bundle of 5 MB on another thread', async (context) => {
    const entry = output('large.ts');
    writeFileSync(entry, largeProgram());
    const program = compileWithEsbuild('large', 'linked', entry);
    const [bytes, mapBytes] = [program, `${program}.map`].map((path) => statSync(path).size);
    assert.ok(bytes >= 5e6, `${bytes} bytes`);
    const { profile, frames, measured } = await sample(program);
    assert.deepEqual(profile.heapProfile.warnings ?? [], []);
    const mapped = frames.filter((frame) => /^allocate_\d+$/.test(frame.functionName));
    assert.ok(mapped.length >= 1000, `${mapped.length} functions`);
    for (const { functionName, url, lineNumber } of mapped) {
      assert.equal(url, entry);
      assert.equal(lineNumber, 1 + 3 * Number(functionName.slice('allocate_'.length)));
    }
    const sizes = `${mapped.length} functions, ${bytes} bytes, map of ${mapBytes} bytes`;
    context.diagnostic(`${sizes}: ${JSON.stringify(measured)}`);
    // Less than 300 ms where this was written. The slower the machine, the more turns there are.
    assert.ok(measured.writeMs < 20_000, JSON.stringify(measured));
    assert.ok(measured.turns >= 10, JSON.stringify(measured));
  });
});

/** TypeScript of many functions of three lines each, some of which allocate. */
function largeProgram() {
  const count = 45_000;
  const functions = Array.from({ length: count }, (_, index) => {
    const text = `${index} takes some room in the bundle, as the code of an application does`;
    return `function allocate_${index}(depth: number): unknown {
  return { index: ${index}, text: '${text}', list: new Array(depth).fill({}) };
}`;
  });
  const names = Array.from({ length: count }, (_, index) => `allocate_${index}`);
  return `const kept: unknown[] = [];
${functions.join('\n')}
const all = [${names.join(',\n')}];
export function run(): void {
  for (const allocate of all.slice(-2000)) kept.push(allocate(10), allocate(20));
}
`;
}
