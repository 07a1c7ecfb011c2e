// What became of a program, and tables of many.
import { basename } from 'node:path';
import { share, table } from '../lib.mjs';
import { isHeldAt, placeOf } from './program.mjs';
import { fullFrom, leakRate, violation } from './truth.mjs';

/** A description and what run() says of it, as a flat record. */
export function score(description, result) {
  const { seed, index, kind, observation, parts } = description;
  const { truth, leaks, fullCollections } = result;
  const { verdict } = leaks;
  const named = verdict === 'steady' ? '' : nameOf(firstOf(leaks));
  const fault = violation(description, truth);
  const known = { seed, index, kind, part: parts[0], observation, fullCollections, fault };
  const judged = kind === 'leaking' ? scoreLeak(description, result) : scoreBounded(kind, result);
  return { ...known, verdict, named, ...judged };
}

/** The site that grows most of the leak that is told of first; of none the site that is. */
function firstOf({ leaks, sites }) {
  return sites[leaks[0]?.sites[0] ?? 0];
}

function nameOf({ functionName, url, reason }) {
  return `${functionName || '(anonymous)'} ${basename(url)} (${reason})`;
}

/** `place` is null if nothing was found, `isLine` false where no line is told. */
function scoreLeak(description, { truth, leaks }) {
  const { verdict, detectable } = leaks;
  const bytesPerHour = leakRate(truth);
  const isFound = verdict === 'leaking';
  const line = isFound ? firstOf(leaks).lines?.[0] : undefined;
  return {
    place: isFound ? placeOf(description.parts[0], firstOf(leaks)) : null,
    isLine: line !== undefined && isHeldAt(description, line),
    line: line === undefined ? '' : `:${line.lineNumber}`,
    bytesPerHour,
    detectable,
    isPromised: detectable !== null && bytesPerHour >= detectable,
  };
}

function scoreBounded(kind, { truth, early }) {
  const alarms = early.filter(({ verdict }) => verdict === 'leaking').map(({ count }) => count);
  // Until it has been full for a third of the time that it was seen to fill, nobody could know that it
  // is. Of so many snapshots the last is the first that could tell.
  const full = kind === 'sound' ? Math.ceil((4 / 3) * fullFrom(truth.parts[0])) + 1 : Infinity;
  return {
    alarmsOnceFull: alarms.filter((count) => count >= full),
    alarmsWhileFilling: alarms.filter((count) => count < full),
  };
}

/** Whether that is what one should be told; a leak that is smaller than promised may be missed. */
export function isRight({ kind, place, verdict, isPromised, alarmsOnceFull }) {
  if (kind === 'leaking') return place === null ? !isPromised : place !== 'elsewhere';
  return verdict !== 'leaking' && alarmsOnceFull.length === 0;
}

/** A record in a line. */
export function describe(record) {
  const { seed, index, kind, part, observation, fullCollections, verdict, named, fault } = record;
  const { snapshots, stepsPerSnapshot, sampleIntervalBytes, forceGC } = observation;
  const texts = [
    `--seed ${seed} --only ${index}: ${kind}, ${part.holder}, ${part.release}: ${outcome(record)}`,
    `${verdict} ${named}`.trim(),
    `${snapshots} snapshots ${stepsPerSnapshot} steps apart, ${sampleIntervalBytes / 1024} KiB`,
    `${forceGC ? 'forceGC' : 'no forceGC'}, ${fullCollections} full collections`,
  ];
  if (kind === 'leaking') {
    texts.push(`${mib(record.bytesPerHour)} an hour of ${mib(record.detectable)} detectable`);
  }
  if (fault !== null) texts.push(`FAULT: ${fault}`);
  return texts.join('; ');
}

function outcome(record) {
  const { kind, place, isLine, line, verdict, isPromised } = record;
  const { alarmsOnceFull, alarmsWhileFilling } = record;
  if (kind === 'leaking') {
    const size = isPromised ? 'promised' : 'too small';
    const where = `named ${place}${isLine ? ' and its line' : line} (${size})`;
    return place === null ? `missed (${size})` : where;
  }
  const end = verdict === 'leaking' ? 'alarm at the end' : 'quiet at the end';
  // After so many snapshots.
  const list = (counts) => counts.join(' ') || 'none';
  return `${end}; earlier ${list(alarmsOnceFull)}, while filling ${list(alarmsWhileFilling)}`;
}

function mib(bytes) {
  return bytes === null ? 'nothing' : `${(bytes / 2 ** 20).toPrecision(3)} MiB`;
}

/** By what programs are told apart in the tables. */
const GROUPS = [
  ['holds', ({ part }) => part.holder],
  ['lets go', ({ part }) => part.release],
  ['forceGC', ({ observation }) => (observation.forceGC ? 'yes' : 'no')],
  ['interval', ({ observation }) => intervals(observation.sampleIntervalBytes / 1024)],
  ['full collections', ({ fullCollections }) => collections(fullCollections)],
  ['snapshots', ({ observation }) => (observation.snapshots < 15 ? '5 to 14' : '15 to 60')],
  ['traffic', ({ part }) => part.traffic.shape],
  ['small functions', ({ part }) => (part.isSmall ? 'yes' : 'no')],
  ['in a package', ({ part }) => (part.isHolderInPackage ? 'yes' : 'no')],
  ['worker', ({ observation }) => (observation.isWorker ? 'yes' : 'no')],
  ['busy machine', ({ observation }) => (observation.isMachineBusy ? 'yes' : 'no')],
];

function intervals(kib) {
  if (kib <= 8) return '4 to 8 KiB';
  return kib <= 64 ? '16 to 64 KiB' : '128 to 512 KiB';
}

function collections(count) {
  if (count === 0) return '0';
  return count < 5 ? '1 to 4' : '5 and more';
}

const isFound = ({ place }) => place !== null;
const isNamed = ({ place }) => place === 'itself' || place === 'caller';
const isAlarm = ({ verdict }) => verdict === 'leaking';
const isEverAlarm = (record) => isAlarm(record) || record.alarmsOnceFull.length > 0;

function count(records, is) {
  return records.filter(is).length;
}

/** How many of those records are such. */
function shareOf(records, is) {
  return share(count(records, is), records.length);
}

const size = (records) => String(records.length);
const promised = (records) => records.filter(({ isPromised }) => isPromised);
const smaller = (records) => records.filter(({ isPromised }) => !isPromised);
const found = (records) => records.filter(isFound);

const LEAKING = {
  programs: size,
  'promised: found': (records) => shareOf(promised(records), isFound),
  'smaller: found': (records) => shareOf(smaller(records), isFound),
  'found: named itself': (records) => shareOf(found(records), ({ place }) => place === 'itself'),
  'its line': (records) => shareOf(found(records), ({ isLine }) => isLine),
  'or its caller': (records) => shareOf(found(records), isNamed),
};

const SOUND = {
  programs: size,
  'alarm at the end': (records) => shareOf(records, isAlarm),
  'ever, once full': (records) => shareOf(records, isEverAlarm),
  'ever, while filling': (records) =>
    shareOf(records, ({ alarmsWhileFilling }) => alarmsWhileFilling.length > 0),
};

const FILLING = {
  programs: size,
  leaking: (records) => shareOf(records, isAlarm),
  growing: (records) => shareOf(records, ({ verdict }) => verdict === 'growing'),
};

/** What is wanted of all, and whether it is so; with exact stacks the line, too. */
export function goals(records, exactStacks = false) {
  const of = (kind) => records.filter((record) => record.kind === kind && record.fault === null);
  const [leaking, sound] = [of('leaking'), of('sound')];
  const rate = (members, is) => count(members, is) / members.length;
  // Without programs there is nothing to miss.
  const least = (goal, what, is) => ({
    text: `at least ${100 * goal} % of those found ${what}: ${shareOf(found(leaking), is)}`,
    isMet: !(rate(found(leaking), is) < goal),
  });
  const exact = [
    least(0.95, 'are named themselves', ({ place }) => place === 'itself'),
    least(0.9, 'with their line', ({ isLine }) => isLine),
  ];
  return [
    ...(exactStacks ? exact : []),
    {
      text: `at least 95 % of the promised leaks are found: ${shareOf(promised(leaking), isFound)}`,
      isMet: !(rate(promised(leaking), isFound) < 0.95),
    },
    least(0.95, 'are named, or their caller', isNamed),
    {
      text: `at most 2 % false alarms at the end: ${shareOf(sound, isAlarm)}`,
      isMet: !(rate(sound, isAlarm) > 0.02),
    },
    {
      text: `at most 2 % false alarms at any moment once full: ${shareOf(sound, isEverAlarm)}`,
      isMet: !(rate(sound, isEverAlarm) > 0.02),
    },
  ];
}

/** The tables of all kinds of programs, those that are not what they are meant to be left out. */
export function report(records) {
  const valid = records.filter(({ fault }) => fault === null);
  const kinds = { leaking: LEAKING, sound: SOUND, filling: FILLING };
  const tables = Object.entries(kinds).map(([kind, columns]) => {
    const of = valid.filter((record) => record.kind === kind);
    return of.length === 0 ? '' : `\n${kind}\n${tableOf(of, columns)}`;
  });
  return tables.filter((text) => text !== '').join('\n');
}

function tableOf(records, columns) {
  const cells = (of) => Object.values(columns).map((column) => column(of));
  const rows = [
    ['', ...Object.keys(columns)],
    ['all', ...cells(records)],
  ];
  for (const [title, groupOf] of GROUPS) {
    for (const group of [...new Set(records.map(groupOf))].sort()) {
      const members = records.filter((record) => groupOf(record) === group);
      rows.push([`${title}: ${group}`, ...cells(members)]);
    }
  }
  return table(rows);
}
