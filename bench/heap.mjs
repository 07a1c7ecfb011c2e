// Builds a heap whose sampled call tree is as large, and repeats its names as often, as that of a
// large server: ten nodes to a sample, a hundred to a name. The same paths are taken in every run;
// which of their objects are sampled is V8's random choice, for which node has --random-seed.
import { setTimeout as sleep } from 'node:timers/promises';
import { runInThisContext } from 'node:vm';
import heapProfile from '../index.js';

// As small an interval as leaves the contenders that build JavaScript objects in peace: those
// objects are sampled too, and at 128 bytes that takes them several times as long.
const INTERVAL_BYTES = 16 * 1024;
const STACK_DEPTH = 64;
const FUNCTIONS = 1900;
const SCRIPTS = 100;
/** Nodes that a path adds to the tree, on average. */
const OWN_FRAMES = 10;
const SHARED_FRAMES = 10;
/** Share of objects of one interval's size that are sampled. */
const SAMPLED_SHARE = 1 - Math.exp(-1);

/**
 * Starts sampling and allocates until the tree has about `nodeCount` nodes. The tree lasts as long
 * as what is returned, whose `allocate()` adds a path. `scripts` is 'eval', functions whose scripts
 * have no name; 'functions', the same with a script each, made by `new Function`; or 'modules',
 * functions in files: then V8 copies the path of the file anew for each node, which doubles its own
 * part and is the same for everybody who asks it.
 */
export function buildHeap(nodeCount, scripts) {
  const random = generator(42);
  const functions = makeFunctions(scripts);
  const frames = (count) => Array.from({ length: count }, () => random(FUNCTIONS));
  const routes = Array.from({ length: Math.ceil(nodeCount / 2500) }, () => frames(SHARED_FRAMES));
  const objects = [];
  const allocate = () => {
    const ownFrames = frames(OWN_FRAMES / 2 + random(OWN_FRAMES + 1));
    const path = [...routes[random(routes.length)], ...ownFrames];
    objects.push(functions[path[0]](path, 1));
  };
  heapProfile.start({ sampleIntervalBytes: INTERVAL_BYTES, stackDepth: STACK_DEPTH });
  const paths = nodeCount / OWN_FRAMES / SAMPLED_SHARE;
  for (let i = 0; i < paths; i++) allocate();
  // V8 leaves the positions of functions that were collected out, which is less work for it.
  return { functions, objects, allocate };
}

/** Functions that call each other along a path of indexes; the last one allocates. */
function makeFunctions(scripts) {
  const functions = [];
  const make = MAKERS[scripts];
  // Numbers, so that garbage collections need not look into it.
  const object = new Array(INTERVAL_BYTES / 8).fill(0.5);
  for (let script = 0; script < SCRIPTS; script++) {
    functions.push(...make(script, functions, object));
  }
  return functions;
}

/** Make the functions of a script. */
const MAKERS = {
  eval: (script, functions, object) => evaluate(moduleOf(script))(functions, object),
  functions: (script, functions, object) =>
    stepsOf(script).map((step) =>
      new Function('functions', 'object', `return (${step})`)(functions, object),
    ),
  modules(script, functions, object) {
    const filename = flat(`/srv/app/node_modules/package-${script}/lib/index.js`);
    return runInThisContext(moduleOf(script), { filename })(functions, object);
  },
};

/** What `buildHeap` takes for `scripts`. */
export const SCRIPT_KINDS = Object.keys(MAKERS);

// Not by its own name: that would give the code the variables of the function around it.
// biome-ignore lint/security/noGlobalEval: functions without a file are what is wanted
const evaluate = eval;

function moduleOf(script) {
  return `(functions, object) => [${stepsOf(script).join(',')}]`;
}

function stepsOf(script) {
  const step = (_, index) => `
    function handleStep${script}of${index}(path, depth) {
      if (depth === path.length) return [...object];
      return functions[path[depth]](path, depth + 1);
    }`;
  return Array.from({ length: FUNCTIONS / SCRIPTS }, step);
}

/** The string in one piece, as the loaders of modules have it: V8 takes longer to copy others. */
function flat(text) {
  return Object.keys({ [text]: true })[0];
}

/** Numbers below a bound, the same ones for a seed: Marsaglia's xorshift. */
function generator(seed) {
  let state = seed;
  return (bound) => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return (state >>> 0) % bound;
  };
}

/** Has another copy of the profiler, @datadog/pprof's, read the session that we started. */
export function shareWith(datadog) {
  // V8 refuses to start its one sampler again, which @datadog/pprof does not notice.
  datadog.start(INTERVAL_BYTES, STACK_DEPTH);
}

/** Leaves no garbage for the next measurement to pay for. Needs --expose-gc. */
export async function settle() {
  // Twice: what finalizers let go of in the first is collected in the second.
  for (let i = 0; i < 2; i++) {
    global.gc();
    await sleep(20);
  }
}
