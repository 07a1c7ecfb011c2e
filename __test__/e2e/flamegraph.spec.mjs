// The flame graph page, opened from disk in the real Chromium and used as a person would.
import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { before, test } from 'node:test';
import { root, temporaryDirectory } from '../helpers.mjs';
import { linedProfile } from '../lines.mjs';
import { findChromium } from './browser.mjs';
import { eventually, frame, frameRows, withFlamegraph } from './flamegraph.mjs';

const { Snapshot } = createRequire(import.meta.url)(root);
const directory = temporaryDirectory();
const plain = join(directory, 'plain.html');
const growth = join(directory, 'growth #1.html');

const APP = '/srv/app/server.js';
const DEPENDENCY = '/srv/app/node_modules/@scope/cache/index.js';
const SAMPLE_BYTES = 64;
const INTERVAL = 512;
const HOSTILE = '</script><img src=x onerror=alert(1)><!--';

/** A file of ours with that many samples in each of `[path, url, samples]`; paths are `a;b;c`. */
function profileOf(stacks, sampled = true) {
  const head = node('(root)', '', 1);
  const samples = [];
  let id = 1;
  for (const [path, url, count] of stacks) {
    let at = head;
    for (const name of path.split(' > ')) {
      let child = at.children.find(({ callFrame }) => callFrame.functionName === name);
      if (child === undefined) {
        child = node(name, url, ++id);
        at.children.push(child);
      }
      at = child;
    }
    const size = sampled ? SAMPLE_BYTES / -Math.expm1(-SAMPLE_BYTES / INTERVAL) : 1000;
    for (let i = 0; i < count; i++) {
      samples.push({ size, nodeId: at.id, ordinal: samples.length + 1 });
      at.selfSize += size;
    }
  }
  const heapProfile = { version: '1.0.0', sampleIntervalBytes: INTERVAL, include: 'live' };
  return Buffer.from(JSON.stringify({ head, samples, ...(sampled && { heapProfile }) }));
}

function node(functionName, url, id) {
  // V8's own functions have no place.
  const lineNumber = url === '' ? -1 : 9;
  const callFrame = { functionName, scriptId: '1', url, lineNumber, columnNumber: 4 };
  return { callFrame, selfSize: 0, id, children: [] };
}

const BASE = [
  ['main > handle', APP, 40],
  ['main > handle > remember', DEPENDENCY, 10],
];
const AFTER = [
  ['main > handle', APP, 40],
  ['main > handle > remember', DEPENDENCY, 300],
  ['main > remember', DEPENDENCY, 60],
  [`main > ${HOSTILE}`, HOSTILE, 30],
  ['main > ""', '', 5],
];

before(async () => {
  findChromium();
  const [base, after] = await Promise.all([BASE, AFTER].map((one) => parse(one)));
  await after.writeFlamegraph(plain);
  await after.writeFlamegraph(growth, { base });
});

function parse(stacks, sampled) {
  return Snapshot.parse(profileOf(stacks, sampled));
}

function text(page, selector) {
  return page.locator(selector).textContent();
}

/** How many frames are drawn as found. */
function highlighted(page) {
  return page.locator('#graph rect[fill="var(--match)"]').count();
}

function column(page, name) {
  return page.locator(`#functions td.${name}`).allTextContents();
}

test('search: highlights and counts what has the text in its name or file', async () => {
  await withFlamegraph(plain, async (page) => {
    assert.equal(await highlighted(page), 0);
    await page.fill('#search', 'REMEMBER');
    assert.equal(await highlighted(page), 2);
    assert.match(await text(page, '#matches'), /^2 frames, [\d.]+ KiB, 83 %$/);
    await page.fill('#search', 'server.js');
    assert.equal(await highlighted(page), 2);
    await page.fill('#search', '(.*');
    assert.match(await text(page, '#matches'), /^0 frames, 0 B/);
    await page.fill('#search', '');
    assert.deepEqual([await highlighted(page), await text(page, '#matches')], [0, '']);
  });
});

test('zoom: a click makes a frame as wide as the graph, and back', async () => {
  await withFlamegraph(plain, async (page) => {
    const whole = Number(await frame(page, '(root)').getAttribute('width'));
    const width = async () => Number(await frame(page, 'handle').getAttribute('width'));
    const part = await width();
    assert.ok(part < 0.9 * whole && part > 0.6 * whole, `${part} of ${whole}`);
    await frame(page, 'handle').click();
    assert.ok(Math.abs((await width()) - whole) < 1);
    assert.equal(await frame(page, HOSTILE).count(), 0);
    await page.fill('#search', 'remember');
    assert.match(await text(page, '#matches'), /^2 frames, [\d.]+ KiB, 83 %$/);
    await page.click('#reset');
    assert.ok(Math.abs((await width()) - part) < 1);
    assert.equal(await frame(page, HOSTILE).count(), 1);
  });
});

test('inverted: the functions that allocate, their callers below them; a search stays', async () => {
  await withFlamegraph(plain, async (page) => {
    await page.fill('#search', 'remember');
    await frame(page, 'handle').click();
    const startsWith = (...expected) =>
      eventually(async () => {
        const rows = await frameRows(page);
        const starts = expected.map((names, row) => rows[row].slice(0, names.length));
        assert.deepEqual(starts, expected);
      });
    await startsWith(['(root)'], ['main'], ['handle'], ['remember']);
    await page.check('#inverted');
    await startsWith(['(root)'], ['remember', 'handle'], ['handle', 'main'], ['main']);
    assert.equal(await highlighted(page), 1);
    await page.uncheck('#inverted');
    await startsWith(['(root)'], ['main'], ['handle', 'remember'], ['remember']);
    assert.equal(await frame(page, HOSTILE).count(), 1, 'the zoom is gone');
  });
});

test('table: sorts by a column, and a click on a row searches for it', async () => {
  await withFlamegraph(plain, async (page) => {
    assert.deepEqual((await column(page, 'name')).slice(0, 2), ['remember', 'handle']);
    await page.click('#functions th:has-text("Total")');
    assert.deepEqual((await column(page, 'name')).slice(0, 3), ['main', 'remember', 'handle']);
    await page.click('#functions th:has-text("Total")');
    assert.equal((await column(page, 'name')).at(-1), 'main');
    await page.click('#functions th:has-text("Package")');
    const packages = await column(page, 'package');
    assert.deepEqual(
      packages,
      [...packages].sort((one, other) => one.localeCompare(other)),
    );
    assert.ok(packages.includes('@scope/cache'));
    await page.click('#functions tr:has-text("remember")');
    assert.equal(await page.inputValue('#search'), `remember ${DEPENDENCY}:10`);
    assert.equal(await highlighted(page), 2);
  });
});

test('tooltip: bytes with their interval, share, place; none where it is unknown', async () => {
  await withFlamegraph(growth, async (page) => {
    assert.ok(await page.locator('#tooltip').isHidden());
    await frame(page, 'handle').click();
    await frame(page, 'remember').hover();
    const lines = (await text(page, '#tooltip')).split('\n');
    assert.deepEqual(lines.slice(0, 3), ['remember', `${DEPENDENCY}:10`, '@scope/cache']);
    assert.match(lines[3], /^1\d\d KiB \(95 %: 1\d\d KiB to 1\d\d KiB\), 69 % of all$/);
    assert.match(lines[4], /^growth \+1\d\d KiB \(95 %: \+1\d\d KiB to \+1\d\d KiB\)$/);
    await page.hover('#summary');
    assert.ok(await page.locator('#tooltip').isHidden());
  });
  const foreign = join(directory, 'foreign.html');
  await (await parse(AFTER, false)).writeFlamegraph(foreign);
  await withFlamegraph(foreign, async (page) => {
    await frame(page, 'handle').click();
    await frame(page, 'remember').hover();
    assert.match(await text(page, '#tooltip'), /\n293 KiB, 69 % of all$/);
    assert.doesNotMatch(await text(page, '#summary'), /95 %/);
  });
});

test('colours: by package, and by growth where there is a base', async () => {
  const fill = (page, name) => frame(page, name).locator('rect').getAttribute('fill');
  await withFlamegraph(plain, async (page) => {
    assert.notEqual(await fill(page, 'handle'), await fill(page, 'remember'));
    assert.equal(await fill(page, 'main'), await fill(page, 'handle'));
    assert.match(await text(page, '#legend'), /@scope\/cache/);
    assert.ok(await page.locator('option[value=growth]').isDisabled());
  });
  await withFlamegraph(growth, async (page) => {
    assert.equal(await page.inputValue('#colour'), 'growth');
    assert.match(await fill(page, 'remember'), /^hsl\(5 /);
    assert.match(await text(page, '#summary'), /growth \+/);
    await page.selectOption('#colour', 'package');
    assert.doesNotMatch(await fill(page, 'remember'), /^hsl\(5 /);
    assert.match(await column(page, 'number').then((cells) => cells[2]), /^\+/);
  });
});

test('the title tells file, interval and samples, whatever the file is called', async () => {
  const file = join(directory, '<b>&amp;\u202e.heapprofile');
  writeFileSync(file, profileOf(AFTER));
  const titled = join(directory, 'titled.html');
  await (await Snapshot.read(file)).writeFlamegraph(titled, { base: await Snapshot.read(file) });
  await withFlamegraph(titled, async (page) => {
    const name = '<b>&amp;\ufffd.heapprofile';
    assert.equal(await text(page, 'h1'), `${name} since ${name}`);
    assert.equal(await page.title(), `${name} since ${name} – heap-profile`);
    assert.match(await text(page, '#summary'), / live · growth 0 B .* · 435 samples at 512 B$/);
    assert.equal(await page.locator('b').count(), 0);
  });
  await withFlamegraph(plain, async (page) => assert.equal(await text(page, 'h1'), 'heap-profile'));
});

test('frames have file and line where there is room', async () => {
  await withFlamegraph(plain, async (page) => {
    const place = (name) =>
      frame(page, name)
        .locator('.d3-flame-graph-label')
        .evaluate((label) => getComputedStyle(label, '::after').content);
    assert.equal(await place('main'), '"server.js:10"');
    assert.equal(await place('(root)'), 'none');
    assert.equal(await place(HOSTILE), 'none', 'there is no room');
    await frame(page, HOSTILE).click();
    assert.match(await place(HOSTILE), /^"script><img src=x onerror=alert\(1\)><!--:10"$/);
    await page.click('#reset');
    assert.equal(await place(HOSTILE), 'none');
  });
});

const NODE = 'node:internal/timers';
const LOADER = 'node:internal/modules/cjs/loader';
const MIXED = [
  ['tick', NODE, 10],
  ['tick > serve', APP, 20],
  ['tick > serve > route', DEPENDENCY, 30],
  ['tick > serve > route > push', '', 40],
  ['tick > serve > route > answer', APP, 50],
  ['Module._load', LOADER, 60],
  ['Module._load > serve', APP, 100],
];

/** The table: name and bytes of each function itself, in samples. */
async function ownSamples(page) {
  const one = SAMPLE_BYTES / -Math.expm1(-SAMPLE_BYTES / INTERVAL);
  const units = { B: 1, KiB: 1024 };
  const [names, numbers] = [await column(page, 'name'), await column(page, 'number')];
  const samples = names.map((name, row) => {
    const [number, unit] = numbers[2 * row].split(' ');
    return [name, Math.round((Number(number) * units[unit]) / one)];
  });
  return Object.fromEntries(samples);
}

test('switches hide Node internals, packages and start-up; no byte is lost', async () => {
  const file = join(directory, 'mixed.html');
  await (await parse(MIXED)).writeFlamegraph(file);
  await withFlamegraph(file, async (page) => {
    const rows = (...expected) =>
      eventually(async () => assert.deepEqual(await frameRows(page), expected));
    const whole = await text(page, '#summary');
    assert.equal(await text(page, '#hidden'), '');
    await rows(
      ['(root)'],
      ['Module._load', 'tick'],
      ['serve', 'serve'],
      ['route'],
      ['answer', 'push'],
    );

    await page.check('#hide-internal');
    await rows(['(root)'], ['serve'], ['route'], ['answer']);
    assert.match(await text(page, '#hidden'), /^Not shown \(23 % of all\)/);
    await frame(page, 'serve').hover();
    assert.match(await text(page, '#tooltip'), / 77 % of all$/);
    assert.deepEqual(await ownSamples(page), { serve: 120, route: 70, answer: 50 });
    await page.check('#inverted');
    await rows(['(root)'], ['serve', 'route', 'answer'], ['serve', 'route'], ['serve']);

    await page.check('#hide-package');
    await rows(['(root)'], ['serve', 'answer'], ['serve']);
    assert.deepEqual(await ownSamples(page), { serve: 190, answer: 50 });
    await page.uncheck('#inverted');
    await rows(['(root)'], ['serve'], ['answer']);

    await page.check('#hide-start-up');
    await rows(['(root)'], ['serve'], ['answer']);
    assert.deepEqual(await ownSamples(page), { serve: 90, answer: 50 });
    assert.match(await text(page, '#hidden'), /^Not shown \(55 % of all\): .* of start-up/);
    await page.fill('#search', 'serve ');
    assert.match(await text(page, '#matches'), /^1 frames, .*, 45 %$/);

    await page.uncheck('#hide-internal');
    await page.uncheck('#hide-package');
    await rows(['(root)'], ['tick'], ['serve'], ['route'], ['answer', 'push']);
    assert.equal(await highlighted(page), 1, 'the search stays');
    assert.equal(await text(page, '#summary'), whole);
  });
});

test('a switch for what the profile has not is off', async () => {
  const file = join(directory, 'app.html');
  await (await parse([['main', APP, 10]])).writeFlamegraph(file);
  await withFlamegraph(file, async (page) => {
    for (const id of ['hide-internal', 'hide-package', 'hide-start-up']) {
      assert.ok(await page.locator(`#${id}`).isDisabled(), id);
    }
    assert.ok(await page.locator('#inlined').isHidden());
  });
});

test('with a base: functions that V8 has probably inlined are told', async () => {
  const [before, after] = await Promise.all([
    parse([
      ['main > put', APP, 10],
      ['main > put > makeKey', APP, 200],
    ]),
    parse([
      ['main > put', APP, 210],
      ['main > put > makeKey', APP, 5],
    ]),
  ]);
  const file = join(directory, 'inlined.html');
  await after.writeFlamegraph(file, { base: before });
  await withFlamegraph(file, async (page) => {
    const summary = page.locator('#inlined summary');
    assert.equal(await summary.textContent(), 'V8 has probably inlined a function since the base');
    assert.ok(await page.locator('#inlined li').isHidden());
    await summary.focus();
    await page.keyboard.press('Enter');
    assert.match(
      await text(page, '#inlined li'),
      /^makeKey \(server\.js:10\) into put \(server\.js:10\): put itself \+/,
    );
    assert.ok(await page.locator('#inlined li').isVisible());
    await frame(page, 'put').hover();
    assert.match(
      await text(page, '#tooltip'),
      /\nV8 has probably inlined makeKey here since the base$/,
    );
  });
});

test('lines are in the tooltip, or frames of their own', async () => {
  const file = join(directory, 'lines.html');
  const snapshot = await Snapshot.parse(Buffer.from(JSON.stringify(linedProfile())));
  await snapshot.writeFlamegraph(file);
  await withFlamegraph(file, async (page) => {
    assert.ok(await page.locator('#stacks').isHidden());
    assert.deepEqual(await frameRows(page), [['(root)'], ['handle'], ['remember'], ['set']]);
    await frame(page, 'remember').hover();
    assert.match(await text(page, '#tooltip'), /^remember\n\/srv\/cache\.js:8, 9, and 7\n/);
    await page.locator('#lines').check();
    await eventually(async () => {
      const [, handles, remembers] = await frameRows(page);
      assert.deepEqual([handles.length, remembers.length], [2, 4]);
    });
  });
  await withFlamegraph(plain, async (page) => {
    assert.ok(await page.locator('#lines').isDisabled());
    assert.match(await text(page, '#stacks'), /inlined them into; --exact-stacks tells$/);
  });
});

test('no two of the packages that hold most have one colour', async () => {
  const names = Array.from({ length: 30 }, (_, number) => `package-${number}`);
  const url = (name) => `/srv/node_modules/${name}/index.js`;
  const file = join(directory, 'packages.html');
  const stacks = names.map((name, number) => [`f${number}`, url(name), 60 - number]);
  await (await parse([...stacks, ['main', APP, 20]])).writeFlamegraph(file);
  await withFlamegraph(file, async (page) => {
    const fill = (number) => frame(page, `f${number}`).locator('rect').getAttribute('fill');
    const fills = await Promise.all(names.map((_, number) => fill(number)));
    assert.equal(new Set(fills.slice(0, 14)).size, 14);
    assert.deepEqual([...new Set(fills.slice(14))], ['var(--other)']);
    const swatches = await page
      .locator('#legend .swatch')
      .evaluateAll((all) => all.map((swatch) => getComputedStyle(swatch).backgroundColor));
    assert.equal(new Set(swatches).size, 9);
    assert.match(await text(page, '#legend'), /package-0.*other packages$/);
  });
});

test('light and dark, as the system is', async () => {
  await withFlamegraph(plain, async (page) => {
    const lightness = async (scheme) => {
      await page.emulateMedia({ colorScheme: scheme });
      return page.evaluate(() => {
        const brightness = (colour) => Number(/\d+/.exec(colour)[0]);
        const { backgroundColor, color } = getComputedStyle(document.body);
        return brightness(backgroundColor) - brightness(color);
      });
    };
    assert.ok((await lightness('light')) > 128);
    assert.ok((await lightness('dark')) < -128);
    // The colours of frames refer to the style sheet's.
    const rect = frame(page, 'handle').locator('rect');
    const drawn = () => rect.evaluate((one) => getComputedStyle(one).fill);
    const dark = await drawn();
    await page.emulateMedia({ colorScheme: 'light' });
    assert.match(dark, /^rgb/);
    assert.notEqual(await drawn(), dark);
  });
});

test('names of any content are text', async () => {
  await withFlamegraph(plain, async (page) => {
    await frame(page, HOSTILE).hover();
    assert.ok((await text(page, '#tooltip')).startsWith(`${HOSTILE}\n`));
    await page.click(`#functions tr:has-text("onerror")`);
    assert.equal(await highlighted(page), 1);
    assert.equal(await page.locator('img').count(), 0);
    assert.ok((await column(page, 'name')).includes(HOSTILE));
  });
  assert.equal(readFileSync(plain, 'utf8').includes('<img'), false);
});

test('a profile of 250,000 nodes: small frames are folded, and it is usable', async (context) => {
  const stacks = [];
  for (let i = 0; i < 250; i++) {
    for (let j = 0; j < 500; j++) stacks.push([`f${i} > g${j} > h${j}`, APP, 1 + (j < 3) * 50]);
  }
  const snapshot = await parse(stacks);
  assert.ok(snapshot.nodeCount > 250_000);
  const large = join(directory, 'large.html');
  await snapshot.writeFlamegraph(large);
  assert.ok(readFileSync(large).length < 10e6);
  await withFlamegraph(large, async (page) => {
    // The scripts are in the page: what they draw is there when it is loaded.
    const loaded = await page.evaluate(
      () => performance.getEntriesByType('navigation')[0].domContentLoadedEventEnd,
    );
    context.diagnostic(`the graph is drawn after ${Math.round(loaded)} ms`);
    await frame(page, 'f7').click();
    await page.locator('#graph [name$=" more)"]').first().waitFor();
    await page.click('#reset');
    await page.fill('#search', 'f7 ');
    assert.match(await text(page, '#matches'), /^1 frames/);
  });
});
