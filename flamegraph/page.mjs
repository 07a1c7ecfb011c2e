// The page's controls, and what they do to the graph and the table.
import { formatBytes, formatCount, formatGrowth, formatShare } from '../lib/display/units.js';
import { byGrowth, byPackage, growthLegend, packageLegend } from './colours.mjs';
import { buildTree, createGraph } from './graph.mjs';
import { createTable } from './table.mjs';
import { describe, withInterval } from './text.mjs';
import './page.css';

const data = JSON.parse(element('data').textContent);
const frames = data.frames.map(describe);
const trees = {
  calls: buildTree(data.calls, frames),
  callers: buildTree(data.callers, frames),
};
const COLOURS = {
  package: { colourOf: byPackage, legend: packageLegend },
  growth: { colourOf: byGrowth, legend: growthLegend },
};

const graph = createGraph(element('graph'), element('tooltip'), trees.calls, showMatches);

function element(id) {
  return document.getElementById(id);
}

function summarize() {
  const { bytes, growth, takenAt } = data;
  const parts = [`${withInterval(bytes, formatBytes)} live`];
  if (growth !== null) parts.push(`growth ${withInterval(growth, formatGrowth)}`);
  if (takenAt !== null) parts.push(new Date(takenAt).toLocaleString());
  element('summary').textContent = parts.join(' · ');
}

function showMatches(count, bytes) {
  const share = formatShare(data.bytes.estimate > 0 ? bytes / data.bytes.estimate : 0);
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
  const items = legend(data.functions, frames).map(({ text, colour }) => {
    const item = document.createElement('li');
    const swatch = document.createElement('span');
    swatch.className = 'swatch';
    swatch.style.background = colour;
    item.append(swatch, text);
    return item;
  });
  element('legend').replaceChildren(...items);
}

function listen() {
  element('controls').addEventListener('submit', (event) => event.preventDefault());
  element('search').addEventListener('input', ({ target }) => graph.search(target.value));
  element('inverted').addEventListener('change', ({ target }) => {
    graph.show(target.checked ? trees.callers : trees.calls);
    graph.search(element('search').value);
  });
  element('colour').addEventListener('change', colour);
  element('reset').addEventListener('click', () => graph.resetZoom());
}

summarize();
element('colour').value = data.growth === null ? 'package' : 'growth';
element('colour').querySelector('[value=growth]').disabled = data.growth === null;
colour();
createTable(element('functions'), data, frames, search);
if (data.omittedFunctions > 0) {
  const count = formatCount(data.omittedFunctions);
  element('omitted').textContent = `${count} more functions hold less.`;
}
listen();
