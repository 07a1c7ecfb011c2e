// Bundles the page of flamegraph/ into one file that needs no other, lib/flamegraph.html: styles and
// scripts inline, and a policy that allows these and nothing else. The data is put in when a page
// is written.
import { createHash } from 'node:crypto';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { build } from 'esbuild';
import { root } from './run.mjs';

export async function buildFlamegraph() {
  const { script, style, packages } = await bundle();
  const policy = `default-src 'none'; script-src ${hash(script)}; style-src ${hash(style)}`;
  const parts = {
    '{{policy}}': policy,
    '<!-- style -->': `<style>${style}</style>`,
    // Where crates/core/src/format/html.rs puts the data.
    '<!-- scripts -->': `<script id="data" type="application/json">{{data}}</script>
    <script>${script}</script>
    <!-- ${licenses(packages)} -->`,
  };
  let page = readFileSync(join(root, 'flamegraph', 'index.html'), 'utf8');
  for (const [place, part] of Object.entries(parts)) page = page.replace(place, () => part);
  writeFileSync(join(root, 'lib', 'flamegraph.html'), page);
}

async function bundle() {
  const { outputFiles, metafile } = await build({
    absWorkingDir: root,
    entryPoints: ['flamegraph/page.mjs'],
    bundle: true,
    minify: true,
    format: 'iife',
    target: 'es2022',
    outdir: 'unused',
    write: false,
    metafile: true,
  });
  const text = (extension) => outputFiles.find(({ path }) => path.endsWith(extension)).text;
  const inputs = Object.keys(metafile.inputs).map(
    (path) => /^node_modules\/([^/]+)/.exec(path)?.[1],
  );
  const packages = [...new Set(inputs)].filter((name) => name !== undefined);
  return { script: text('.js'), style: text('.css'), packages };
}

/** Of what stands in the element, as a Content-Security-Policy has it. */
function hash(text) {
  return `'sha256-${createHash('sha256').update(text).digest('base64')}'`;
}

/** The packages whose code is in the page, under the license that asks to go with it. */
function licenses(packages) {
  const byLicense = new Map();
  for (const name of packages) {
    const license = readFileSync(join(root, 'node_modules', name, 'LICENSE'), 'utf8').trim();
    byLicense.set(license, [...(byLicense.get(license) ?? []), name]);
  }
  const texts = [...byLicense].map(([license, names]) => `${names.join(', ')}:\n\n${license}\n`);
  return texts.join('\n').replaceAll('-->', '- ->');
}
