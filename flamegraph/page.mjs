// The page's controls, and what they do to the graph and the table.
import { printable } from '../lib/display/printable.js';
import { stacksText } from '../lib/display/stacks.js';
import { formatBytes, formatCount, formatGrowth, formatShare } from '../lib/display/units.js';
import { byGrowth, growthLegend, packageColours, packageLegend } from './colours.mjs';
import { createGraph } from './graph.mjs';
import { noteInlined } from './inlined.mjs';
import { createTable } from './table.mjs';
import { describe, withInterval } from './text.mjs';
import { buildTree } from './tree.mjs';
import './page.css';

const data = JSON.parse(element('data').textContent);
const frames = data.frames.map(describe);
const tables = [data.functions, data.withoutStartUp?.functions ?? []];
const packageColour = packageColours(tables, frames);
const COLOURS = {
  package: {
    colourOf: ({ frame }) => (frame === null ? 'var(--folded)' : packageColour(frame.package)),
    legend: (functions) => packageLegend(functions, frames, packageColour),
  },
  growth: { colourOf: byGrowth, legend: growthLegend },
};
/** Whose functions these switches hide; their bits add up to a number of the core's HIDDEN, from 1 on. */
const OWNERS = [
  { id: 'hide-internal', owner: 'internal', bit: 1 },
  { id: 'hide-package', owner: 'package', bit: 2 },
];

noteInlined(element('inlined'), data.inlined, frames);
const total = data.bytes.estimate;
const graph = createGraph(element('graph'), element('tooltip'), total, showMatches);
const table = createTable(element('functions'), data.growth !== null, search);

function element(id) {
  return document.getElementById(id);
}

/** With start-up or without it. */
function view() {
  return element('hide-start-up').checked ? data.withoutStartUp : data;
}

/** What is hidden: whose functions, and the place of that in the data. */
function hidden() {
  const on = OWNERS.filter(({ id }) => element(id).checked);
  return {
    owners: on.map(({ owner }) => owner),
    number: on.reduce((sum, { bit }) => sum + bit, 0) - 1,
  };
}

function tree() {
  const { calls, callers, callersHiding } = view();
  const { owners, number } = hidden();
  const nodes = element('inverted').checked ? (callersHiding[number] ?? callers) : calls;
  return buildTree(nodes, frames, owners, element('lines').checked);
}

/** The rows of the table: what hidden functions hold themselves is their callers'. */
function functions() {
  const { owners, number } = hidden();
  const shown = view().functions.filter(({ frame }) => !owners.includes(frames[frame].owner));
  return shown.map((row) => ({ ...row, own: row.ownHiding?.[number] ?? row.own }));
}

function summarize() {
  const { title, bytes, growth, include, sampleIntervalBytes, sampleCount, takenAt } = data;
  document.title = `${printable(title)} – heap-profile`;
  element('title').textContent = printable(title);
  const parts = [`${withInterval(bytes, formatBytes)} ${include}`];
  if (growth !== null) parts.push(`growth ${withInterval(growth, formatGrowth)}`);
  parts.push(
    sampleIntervalBytes === null
      ? 'the file names no sampling interval'
      : `${formatCount(sampleCount)} samples at ${formatBytes(sampleIntervalBytes)}`,
  );
  if (takenAt !== null) parts.push(new Date(takenAt).toLocaleString());
  element('summary').textContent = parts.join(' · ');
  element('stacks').textContent = stacksText(data.stacks);
}

function showMatches(count, bytes) {
  const share = formatShare(total > 0 ? bytes / total : 0);
  element('matches').textContent =
    count === null ? '' : `${formatCount(count)} frames, ${formatBytes(bytes)}, ${share}`;
}

function search(text) {
  element('search').value = text;
  graph.search(text);
}

function colour() {
  const { colourOf, legend } = COLOURS[element('colour').value];
  graph.colourBy(colourOf);
  const items = legend(functions()).map(({ text, colour }) => {
    const item = document.createElement('li');
    const swatch = document.createElement('span');
    swatch.className = 'swatch';
    swatch.style.background = colour;
    item.append(swatch, text);
    return item;
  });
  element('legend').replaceChildren(...items);
}

/** How much the graph leaves out, and why. */
function tellHidden(root) {
  const startUp = total - view().bytes.estimate;
  const leftOut = Math.max(0, root.bytes.estimate - root.value);
  const parts = [];
  if (element('hide-start-up').checked) {
    parts.push(
      `${formatBytes(startUp)} of start-up: what was allocated while modules were loaded, by Node.js's module loader, by modules' own code, and by all that these call.`,
    );
  }
  if (hidden().owners.length > 0) {
    parts.push(
      `${formatBytes(leftOut)} that no function shown here led to. What else hidden functions hold counts for their callers.`,
    );
  }
  const share = formatShare(total > 0 ? (startUp + leftOut) / total : 0);
  element('hidden').textContent =
    parts.length === 0 ? '' : `Not shown (${share} of all): ${parts.join(' And ')}`;
}

function show() {
  const shown = tree();
  colour();
  graph.draw(shown);
  const text = element('search').value;
  if (text !== '') graph.search(text);
  table.show(functions().map((row) => ({ ...row, frame: frames[row.frame] })));
  tellHidden(shown);
  const { omittedFunctions } = view();
  element('omitted').textContent =
    omittedFunctions > 0 ? `${formatCount(omittedFunctions)} more functions hold less.` : '';
}

function listen() {
  element('controls').addEventListener('submit', (event) => event.preventDefault());
  element('search').addEventListener('input', ({ target }) => graph.search(target.value));
  for (const id of ['inverted', 'lines', 'hide-start-up', ...OWNERS.map(({ id }) => id)]) {
    element(id).addEventListener('change', show);
  }
  element('colour').addEventListener('change', () => {
    colour();
    graph.draw();
  });
  element('reset').addEventListener('click', () => graph.resetZoom());
}

/** What this profile has nothing of cannot be hidden, nor coloured by. */
function disable() {
  element('colour').value = data.growth === null ? 'package' : 'growth';
  element('colour').querySelector('[value=growth]').disabled = data.growth === null;
  element('lines').disabled = !data.calls.some(({ line = 0 }) => line > 0);
  element('hide-start-up').disabled = data.withoutStartUp === null;
  for (const { id, owner } of OWNERS) {
    element(id).disabled = !frames.some((frame) => frame.owner === owner);
  }
}

summarize();
disable();
show();
listen();
