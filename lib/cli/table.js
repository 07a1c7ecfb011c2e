// Tables as text: columns side by side, without lines between them.
'use strict';

const GAP = '  ';

/**
 * The lines of a table, the titles first. A column is `{ title, isNumber }`, a row has a text for each;
 * `emphasize` says how titles are shown.
 */
function textTable(columns, rows, emphasize) {
  // Here, for programs that load this package do not need it.
  const { wcswidth } = require('simple-wcswidth');
  const titles = columns.map(({ title }) => title);
  const widths = columns.map((_, index) =>
    [titles, ...rows].reduce((widest, cells) => Math.max(widest, wcswidth(cells[index])), 0),
  );
  const line = (cells, show) => {
    const padded = cells.map((cell, index) => {
      const room = ' '.repeat(widths[index] - wcswidth(cell));
      return columns[index].isNumber ? room + show(cell) : show(cell) + room;
    });
    return padded.join(GAP).trimEnd();
  };
  return [line(titles, emphasize), ...rows.map((row) => line(row, (cell) => cell))];
}

module.exports = { textTable };
