// Tables of the command line: columns stay columns, whatever is in them.
import assert from 'node:assert/strict';
import { createRequire } from 'node:module';
import { test } from 'node:test';

const { textTable } = createRequire(import.meta.url)('../lib/cli/table.js');

const COLUMNS = [{ title: 'bytes', isNumber: true }, { title: '' }, { title: 'site' }];

test('numbers stand right, texts left, two spaces apart; nothing trails', () => {
  const rows = [
    ['1.23 MiB', '', 'short'],
    ['4 B', '', 'a longer one'],
    ['', '', ''],
  ];
  const bold = (title) => `<${title}>`;
  assert.deepEqual(textTable(COLUMNS, rows, bold), [
    '   <bytes>  <>  <site>',
    '1.23 MiB    short',
    '     4 B    a longer one',
    '',
  ]);
});

test('wide characters take two columns, combining ones none', () => {
  const columns = [{ title: 'name' }, { title: 'place' }];
  const rows = [
    ['日本語', 'a.js'],
    ['e\u0301tude', 'b.js'],
    ['\ufffd', 'c.js'],
  ];
  const lines = textTable(columns, rows, (title) => title);
  assert.deepEqual(lines, [
    'name    place',
    '日本語  a.js',
    'e\u0301tude   b.js',
    '\ufffd       c.js',
  ]);
});

test('as many rows as there are', () => {
  const rows = Array.from({ length: 200_000 }, (_, index) => [String(index), '', 'x']);
  const lines = textTable(COLUMNS, rows, (title) => title);
  assert.deepEqual([lines.length, lines.at(-1)], [200_001, '199999    x']);
});
