// From a seed to descriptions of programs: plain data that program.mjs turns into text.
//
// Time is counted in steps of STEP_MS. A program is parts that hold something, and parts that make
// garbage. The first part is the one that is asked about.
import { dice } from './dice.mjs';
import { HOLDERS } from './holders.mjs';
import { GARBAGE, PAYLOADS } from './payloads.mjs';
import { RELEASES } from './releases.mjs';

const STEP_MS = 5;
const KIB = 1024;
const MIB = 1024 * KIB;
const NOUNS = ['Account', 'Device', 'Invoice', 'Message', 'Order', 'Product', 'Report', 'Ticket'];
const INTERVALS = [4, 8, 16, 32, 64, 128, 256, 512].map((kib) => kib * KIB);

/** More entries than this would make programs too slow that look for one. */
const MOST_ENTRIES = 5000;
/** What a part may allocate while it is observed. */
const MOST_BYTES = 300 * MIB;

/** Releases whose filling can be made to last longer than any observation. */
const CAN_BE_FILLING = ['lru', 'ttl', 'ring', 'window', 'sawtooth', 'warmUp', 'lazyModules'];
const BOUNDED = Object.keys(RELEASES).filter((name) => name !== 'nothing');

/** The program of that number: of eleven, five leak, five are sound, and one fills a cache. */
export function draw(seed, index) {
  const turn = index % 11;
  const kind = turn === 10 ? 'filling' : turn % 2 === 0 ? 'leaking' : 'sound';
  const random = dice(seed, index);
  const observation = drawObservation(random);
  const nouns = random.shuffled(NOUNS);
  // What is sound is alone, so that an alarm can be put down to it.
  const companions = kind === 'leaking' ? random.whole(0, 2) : 0;
  const parts = [drawPart(random, observation, kind, nouns.pop())];
  for (let i = 0; i < companions; i++) {
    parts.push(drawPart(random, observation, 'sound', nouns.pop()));
  }
  const garbage = Array.from({ length: random.whole(1, 3) }, () =>
    drawGarbage(random, observation, nouns.pop()),
  );
  observation.warmUpSteps = warmUpSteps(random, observation, kind, parts);
  return { seed, index, kind, observation, parts, garbage };
}

function drawObservation(random) {
  const snapshots = Math.round(random.logarithmic(5, 60));
  const spanMs = random.real(2000, 9000);
  const spacingMs = Math.min(500, Math.max(50, spanMs / (snapshots - 1)));
  const stepsPerSnapshot = Math.round(spacingMs / STEP_MS);
  // Hours of a server have many full collections, seconds of a program hardly one. So half of the
  // programs without forceGC make some, at moments that have nothing to do with the snapshots'.
  const forceGC = random.chance(0.4);
  const collects = !forceGC && random.chance(0.5);
  return {
    snapshots,
    stepMs: STEP_MS,
    stepsPerSnapshot,
    sampleIntervalBytes: random.pick(INTERVALS),
    forceGC,
    collectEverySteps: collects ? Math.ceil(stepsPerSnapshot * random.logarithmic(0.3, 3)) : 0,
    /** A young generation of 1 MiB: more is promoted than with V8's default. */
    isYoungSmall: random.chance(0.5),
    isWorker: random.chance(0.15),
    isMachineBusy: random.chance(0.25),
  };
}

function spanSteps({ snapshots, stepsPerSnapshot }) {
  return (snapshots - 1) * stepsPerSnapshot;
}

export function drawPart(random, observation, kind, noun) {
  const releases = { leaking: ['nothing'], filling: CAN_BE_FILLING, sound: BOUNDED }[kind];
  const release = random.pick(releases);
  const isInPackage = random.chance(0.3);
  return {
    noun,
    holder: random.pick(Object.keys(HOLDERS)),
    release,
    payload: random.pick(Object.keys(PAYLOADS)),
    ...drawSize(random, observation, kind, release),
    traffic: drawTraffic(random, observation),
    depth: random.whole(0, 12),
    isSmall: random.chance(0.6),
    isAsync: random.chance(0.2),
    isMakerInPackage: isInPackage && random.chance(0.6),
    isHolderInPackage: isInPackage,
  };
}

/**
 * How large entries are, how many come per step, how many of those that are made are kept, and when
 * they go: `life` is about how many steps an entry stays, `capacity` how many entries there are then.
 */
function drawSize(random, observation, kind, release) {
  const span = spanSteps(observation);
  const { sampleIntervalBytes } = observation;
  if (release === 'nothing') {
    const leak = clamp(sampleIntervalBytes * random.logarithmic(8, 300), 128 * KIB, 48 * MIB);
    const bytes = clamp(random.logarithmic(64, 16 * KIB), leak / 100_000, leak / 40);
    const keptPerStep = leak / bytes / span;
    return { bytes: Math.round(bytes), keptPerStep, keepEvery: drawKeepEvery(random, leak) };
  }
  const life = drawLife(random, observation, kind, release);
  const turnovers = Math.max(1, span / life);
  const most = Math.min(32 * MIB, MOST_BYTES / turnovers);
  const held = clamp(sampleIntervalBytes * random.logarithmic(4, 300), 64 * KIB, most);
  const fewest = held / (release === 'lazyModules' ? 40 : MOST_ENTRIES);
  const bytes = clamp(random.logarithmic(64, 16 * KIB), fewest, held / 10);
  const capacity = Math.max(2, Math.round(held / bytes));
  return {
    bytes: Math.round(bytes),
    // A warm-up of so many keys is 99 % done after 4.6 times as many questions.
    keptPerStep: (capacity / life) * (release === 'warmUp' ? 4.6 : 1),
    keepEvery: release === 'lazyModules' ? 1 : drawKeepEvery(random, held * turnovers),
    life,
    capacity,
  };
}

function drawLife(random, observation, kind, release) {
  const { stepsPerSnapshot } = observation;
  const span = spanSteps(observation);
  const longest = 0.45 * span;
  // A warm-up slows down: what is left after as many steps as the observation has is still to come.
  const factor = release === 'warmUp' ? 3 : 1;
  if (kind === 'filling') return Math.ceil(factor * span * random.logarithmic(1.6, 5));
  const bounds = {
    batch: [0.3 * stepsPerSnapshot, Math.min(2 * stepsPerSnapshot, longest)],
    sawtooth: [Math.min(2 * stepsPerSnapshot, 0.3 * span), longest],
    pool: [3, stepsPerSnapshot],
  };
  const [low, high] = bounds[release] ?? [0.5 * stepsPerSnapshot, longest];
  // Of short and of long lives alike: the long ones are harder to tell from a leak.
  return Math.ceil(random.chance(0.5) ? random.logarithmic(low, high) : random.real(low, high));
}

/** Of how many that are made one is kept: the rest is garbage of the same functions. */
function drawKeepEvery(random, keptBytes) {
  const wanted = random.pick([1, 1, 2, 5, 20]);
  return Math.max(1, Math.min(wanted, Math.floor(MOST_BYTES / keptBytes)));
}

function drawTraffic(random, observation) {
  const span = spanSteps(observation);
  const shape = random.pick(['steady', 'bursts', 'wave']);
  // Short enough for bursts and days to come more than once.
  const [low, high] = shape === 'wave' ? [span / 5, span / 1.5] : [4, span / 6];
  return { shape, period: Math.ceil(random.logarithmic(low, high)) };
}

function drawGarbage(random, observation, noun) {
  const bytesPerStep = random.logarithmic(1, 60) * MIB * (STEP_MS / 1000);
  return {
    noun,
    sort: random.pick(Object.keys(GARBAGE)),
    bytesPerStep: Math.round(bytesPerStep),
    traffic: drawTraffic(random, observation),
  };
}

/** Half of the sound programs are full before they are observed, half become so meanwhile. */
function warmUpSteps(random, { stepsPerSnapshot }, kind, parts) {
  const short = Math.ceil(stepsPerSnapshot * random.real(0.2, 1));
  if (kind === 'filling' || random.chance(0.5)) return short;
  return Math.max(short, ...parts.map(({ life = 0 }) => Math.ceil(1.3 * life)));
}

function clamp(value, low, high) {
  return Math.max(low, Math.min(high, value));
}
