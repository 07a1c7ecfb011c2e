// The table of functions: a click on a title sorts, one on a row searches for its function.
import { formatBytes, formatGrowth } from '../lib/display/units.js';
import { withInterval } from './text.mjs';

const NUMBERS = [
  { title: 'Self', interval: (row) => row.own, format: formatBytes },
  { title: 'Total', interval: (row) => row.total, format: formatBytes },
  { title: 'Growth', interval: (row) => row.growth, format: formatGrowth },
].map(({ title, interval, format }) => ({
  title,
  className: 'number',
  text: (row) => format(interval(row).estimate),
  hint: (row) => withInterval(interval(row), format),
  compare: (one, other) => interval(other).estimate - interval(one).estimate,
  // The largest first.
  order: 'descending',
}));

const TEXTS = [
  { title: 'Function', className: 'name', text: ({ frame }) => frame.name },
  { title: 'Package', className: 'package', text: ({ frame }) => frame.package },
  { title: 'Place', className: 'place', text: ({ frame }) => frame.place },
].map((column) => ({
  ...column,
  compare: (one, other) => column.text(one).localeCompare(column.text(other)),
  order: 'ascending',
}));

const REVERSE = { ascending: 'descending', descending: 'ascending' };

/** Its `show(rows)` fills it, in the order that was chosen last. */
export function createTable(table, hasGrowth, search) {
  const columns = [...NUMBERS, ...TEXTS].filter(({ title }) => title !== 'Growth' || hasGrowth);
  const titles = columns.map((column) => createTitle(column, () => sortBy(column)));
  table.tHead.insertRow().append(...titles);
  let shown = [];
  let sorted = columns[0];
  titles[0].ariaSort = sorted.order;

  function sortBy(column) {
    const title = titles[columns.indexOf(column)];
    const order = title.ariaSort === column.order ? REVERSE[column.order] : column.order;
    for (const other of titles) other.ariaSort = null;
    title.ariaSort = order;
    sorted = column;
    sort();
  }

  function sort() {
    const { ariaSort } = titles[columns.indexOf(sorted)];
    const sign = ariaSort === sorted.order ? 1 : -1;
    shown.sort((one, other) => sign * sorted.compare(one.row, other.row));
    table.tBodies[0].replaceChildren(...shown.map(({ element }) => element));
  }

  return {
    show(rows) {
      shown = rows.map((row) => ({ row, element: createRow(columns, row, search) }));
      sort();
    },
  };
}

function createTitle({ title, className }, onClick) {
  const cell = document.createElement('th');
  cell.className = className;
  cell.append(createButton(title, onClick));
  return cell;
}

function createRow(columns, row, search) {
  const element = document.createElement('tr');
  element.addEventListener('click', () => search(row.frame.text));
  for (const { className, text, hint } of columns) {
    const cell = element.insertCell();
    cell.className = className;
    if (hint !== undefined) cell.title = hint(row);
    // A button, for those who have no mouse; its click is the row's.
    cell.append(className === 'name' ? createButton(text(row)) : text(row));
  }
  return element;
}

function createButton(text, onClick) {
  const button = document.createElement('button');
  button.type = 'button';
  button.textContent = text;
  if (onClick !== undefined) button.addEventListener('click', onClick);
  return button;
}
