// From a description to the files of a program: an entry, a few for each part, some of them in a
// package; and which functions are to be named.
import { mkdir, writeFile } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { HOLDERS } from './holders.mjs';
import { GARBAGE, GARBAGE_BYTES, PAYLOADS } from './payloads.mjs';
import { RELEASES } from './releases.mjs';

const driver = fileURLToPath(new URL('driver.cjs', import.meta.url));

/** Makes a function too long for V8 to compile it into its callers: it takes 460 bytes of code at most. */
const LONG = `
  let mix = 1;
${Array.from({ length: 80 }, (_, line) => `  mix = (mix * 31 + ${line}) | 0;`).join('\n')}
  if (mix === 0.5) return;`;

/** So many bytes of entries more tell what one costs. */
const MEASURED_BYTES = 2 * 1024 * 1024;

export async function writeProgram(description, directory) {
  for (const [name, text] of Object.entries(filesOf(description))) {
    const path = join(directory, name);
    await mkdir(dirname(path), { recursive: true });
    await writeFile(path, text);
  }
}

/** Texts by the paths of their files. */
export function filesOf(description) {
  const files = { 'program.js': entryText(description) };
  for (const part of description.parts) {
    Object.assign(files, holderFile(part), makerFiles(part));
    files[`${part.noun}.js`] = partText(part);
  }
  for (const part of description.garbage) files[`${part.noun}.js`] = garbageText(part);
  return files;
}

/**
 * Whether a site is a function of a part that allocates what is held ('itself'), one that calls it
 * ('caller'), or something else.
 */
export function placeOf({ noun, holder, bytes }, { functionName, url }) {
  if (!Object.values(fileNames(noun)).includes(basename(url))) return 'elsewhere';
  const { allocates = [] } = HOLDERS[holder](noun, bytes);
  const allocating = [`make${noun}`, `keep${noun}`, ...allocates];
  return allocating.includes(functionName) ? 'itself' : 'caller';
}

/** Whether memory that stays is allocated at a line of the program, as { url, lineNumber }. */
export function isHeldAt(description, { url, lineNumber }) {
  const files = Object.entries(filesOf(description)).filter(([path]) => url.endsWith(`/${path}`));
  return files.some(([, text]) => text.split('\n')[lineNumber - 1]?.endsWith('// held'));
}

function fileNames(noun) {
  return { part: `${noun}.js`, holder: `keep${noun}.js`, maker: `make${noun}.js` };
}

/** Where a file is, and how it is required. */
function placed(isInPackage, noun, name) {
  const store = `${noun.toLowerCase()}-store/${name}`;
  return isInPackage ? [`node_modules/${store}`, store] : [name, `./${name}`];
}

function entryText({ observation, parts, garbage }) {
  const held = parts.map(({ noun, traffic, release, bytes, keptPerStep, keepEvery }) => {
    const measured = release === 'nothing' ? MEASURED_BYTES / bytes : undefined;
    return running(noun, {
      traffic,
      perStep: keptPerStep * keepEvery,
      operationsToMeasure: measured && Math.ceil(measured * keepEvery),
    });
  });
  const churned = garbage.map(({ noun, traffic, bytesPerStep }) =>
    running(noun, { traffic, perStep: bytesPerStep / GARBAGE_BYTES }),
  );
  return `'use strict';

const { isMainThread, Worker } = require('node:worker_threads');
if (${observation.isWorker} && isMainThread) {
  new Worker(__filename, { argv: process.argv.slice(2) });
} else {
  const drive = require(${JSON.stringify(driver)});
  const held = [
    ${held.join('\n    ')}
  ];
  const garbage = [
    ${churned.join('\n    ')}
  ];
  drive(${JSON.stringify(observation)}, held, garbage);
}
`;
}

function running(noun, plan) {
  return `{ ...require('./${noun}.js'), ...${JSON.stringify(plan)} },`;
}

function garbageText({ noun, sort }) {
  return `'use strict';
${GARBAGE[sort](`churn${noun}`)}
exports.tick = function tick${noun}(count) {
  for (let i = 0; i < count; i++) churn${noun}();
};
`;
}

function holderFile({ noun, holder, bytes, isSmall, isHolderInPackage }) {
  const [path] = placed(isHolderInPackage, noun, fileNames(noun).holder);
  const text = lengthened(HOLDERS[holder](noun, bytes).text, `keep${noun}`, isSmall);
  return {
    [path]: `'use strict';\n${text}\nObject.assign(exports, { keep${noun}, drop${noun} });\n`,
  };
}

function makerFiles({ noun, release, capacity, payload, bytes, isSmall, isMakerInPackage }) {
  const [path] = placed(isMakerInPackage, noun, fileNames(noun).maker);
  const name = `make${noun}`;
  const maker = lengthened(PAYLOADS[payload](name, bytes), name, isSmall);
  const files = { [path]: `'use strict';\n${maker}\nmodule.exports = ${name};\n` };
  if (release !== 'lazyModules') return files;
  files[path] = `'use strict';
module.exports = function ${name}(id) {
  return require('./lazy${noun}/' + id + '.js')(id);
};
`;
  const build = `build${noun}`;
  const table = `'use strict';\n${PAYLOADS[payload](build, bytes)}\nmodule.exports = ${build};\n`;
  for (let id = 0; id < capacity; id++) files[join(dirname(path), `lazy${noun}/${id}.js`)] = table;
  return files;
}

/** Traffic, the functions through which an entry comes, and what lets go. */
function partText(part) {
  const { noun, release, keepEvery, isMakerInPackage, isHolderInPackage } = part;
  const [, maker] = placed(isMakerInPackage, noun, fileNames(noun).maker);
  const [, holder] = placed(isHolderInPackage, noun, fileNames(noun).holder);
  return `'use strict';

const make${noun} = require('${maker}');
const { keep${noun}, drop${noun} } = require('${holder}');

let operations = 0;
/** The next entry, and the oldest that may still be held. */
let next = 0;
let oldest = 0;
let dropped = 0;

${pathText(part)}

function add() {
  handle${noun}(next++);
}

function drop(id) {
  drop${noun}(id);
  dropped++;
}

function dropUntil(limit) {
  while (oldest < limit) drop(oldest++);
}

/** Scrambles a number. */
function hash(number) {
  let bits = Math.imul(number ^ (number >>> 16), 0x85ebca6b);
  bits = Math.imul(bits ^ (bits >>> 13), 0xc2b2ae35);
  return (bits ^ (bits >>> 16)) >>> 0;
}
${RELEASES[release](part)}

exports.tick = function tick${noun}(count, step) {
  sweep(step);
  for (let i = 0; i < count; i++) {
    if (operations++ % ${keepEvery} === 0) accept(step);
    else handle${noun}(-1);
  }
};
exports.added = () => next;
exports.dropped = () => dropped;
`;
}

/** From handle to store, which makes an entry and keeps it if it has a number. */
function pathText({ noun, depth, isSmall, isAsync }) {
  const names = Array.from({ length: depth }, (_, layer) => `layer${layer}${noun}`);
  const path = [`handle${noun}`, ...names, `store${noun}`];
  const layers = path.slice(0, -1).map((name, index) => {
    const isFirstAsync = isAsync && index === 0;
    const text = `${isFirstAsync ? 'async ' : ''}function ${name}(id) {
  ${isFirstAsync ? 'await null;\n  ' : ''}${path[index + 1]}(id);
}`;
    return lengthened(text, name, isSmall);
  });
  return `${layers.join('\n\n')}

function store${noun}(id) {
  const entry = make${noun}(id);
  if (id >= 0) keep${noun}(id, entry);
}`;
}

function lengthened(text, name, isSmall) {
  if (isSmall) return text;
  return text.replace(new RegExp(`(function ${name}\\([^)]*\\) \\{)`), `$1${LONG}`);
}
