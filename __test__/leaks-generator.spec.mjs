// The programs of bench/leaks are made from their seed alone, they run, and they do what they are
// taken for.
import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { dice } from '../bench/leaks/dice.mjs';
import { draw, drawPart } from '../bench/leaks/draw.mjs';
import { HOLDERS } from '../bench/leaks/holders.mjs';
import { PAYLOADS } from '../bench/leaks/payloads.mjs';
import { filesOf, placeOf } from '../bench/leaks/program.mjs';
import { RELEASES } from '../bench/leaks/releases.mjs';
import { run } from '../bench/leaks/run.mjs';
import { isRight, score } from '../bench/leaks/score.mjs';
import { leakRate, violation } from '../bench/leaks/truth.mjs';
import { share } from '../bench/lib.mjs';
import { runChild, temporaryDirectory } from './helpers.mjs';

const observation = {
  snapshots: 6,
  stepMs: 5,
  stepsPerSnapshot: 10,
  sampleIntervalBytes: 4096,
  forceGC: false,
  collectEverySteps: 15,
  isYoungSmall: true,
  isWorker: false,
  isMachineBusy: false,
  warmUpSteps: 5,
};

/** Parts as they are drawn, the first for each name that is what it is called. */
function partsOf(kind, key, names) {
  const random = dice(1, 0);
  return names.map((name, index) => {
    let part;
    do part = drawPart(random, observation, kind, `Part${index}`);
    while (part[key] !== name);
    return part;
  });
}

function program(kind, parts, changes) {
  return { kind, observation: { ...observation, ...changes }, parts, garbage: [] };
}

describe('bench/leaks', () => {
  it('makes the same programs of the same seed', () => {
    for (let index = 0; index < 33; index++) {
      assert.deepEqual(draw(5, index), draw(5, index));
      assert.deepEqual(filesOf(draw(5, index)), filesOf(draw(5, index)));
      assert.notDeepEqual(filesOf(draw(5, index)), filesOf(draw(6, index)));
    }
  });

  it('makes 150 programs that leak, 150 that are sound and 30 that are filling', () => {
    const kinds = Array.from({ length: 330 }, (_, index) => draw(1, index).kind);
    const count = (kind) => kinds.filter((one) => one === kind).length;
    assert.deepEqual(['leaking', 'sound', 'filling'].map(count), [150, 150, 30]);
  });

  it('runs every holder that leaks', async () => {
    const parts = partsOf('leaking', 'holder', Object.keys(HOLDERS));
    const description = program('leaking', parts);
    const { truth, leaks, early, fullCollections } = await run(description);
    assert.equal(violation(description, truth), null);
    assert.ok(leakRate(truth) > 0);
    assert.equal(leaks.snapshots.length, 6);
    assert.deepEqual(
      early.map(({ count }) => count),
      [2, 3, 4, 5],
    );
    assert.ok(fullCollections > 0);
  });

  it('runs everything that lets go, in a worker thread', async () => {
    const names = Object.keys(RELEASES).filter((name) => name !== 'nothing');
    const description = program('sound', partsOf('sound', 'release', names), { isWorker: true });
    const { truth } = await run(description);
    assert.equal(violation(description, truth), null);
  });

  it('has holders that hold what they keep and let go of what they drop', async () => {
    const directory = temporaryDirectory();
    const [count, bytes] = [1000, 1024];
    const lines = Object.entries(HOLDERS).map(([name, holder]) => {
      writeFileSync(
        join(directory, `${name}.js`),
        `${holder('X', bytes).text}
        Object.assign(exports, { keepX, dropX });`,
      );
      return `await test('${name}');`;
    });
    const text = `
      ${PAYLOADS.text('make', bytes)}
      async function used() {
        for (let i = 0; i < 2; i++) {
          await new Promise(setImmediate);
          gc();
        }
        return process.memoryUsage().heapUsed;
      }
      async function test(name) {
        const { keepX, dropX } = require('./' + name + '.js');
        const empty = await used();
        for (let id = 0; id < ${count}; id++) keepX(id, make(id));
        const held = (await used()) - empty;
        for (let id = 0; id < ${count}; id++) dropX(id);
        console.log(name, held, (await used()) - empty);
      }
      (async () => { ${lines.join('\n')} process.exit(); })();`;
    const path = join(directory, 'main.js');
    writeFileSync(path, text);
    const { code, stdout, stderr } = await runChild(path, [], { execArgv: ['--expose-gc'] });
    assert.equal(code, 0, stderr);
    const results = stdout
      .trim()
      .split('\n')
      .map((line) => line.split(' '));
    assert.deepEqual(
      results.map(([name]) => name),
      Object.keys(HOLDERS),
    );
    for (const [name, held, left] of results) {
      assert.ok(held > 0.9 * count * bytes, `${name} holds ${held}`);
      // V8 may hold on to a table or a list that it has replaced by a smaller one.
      assert.ok(left < 0.5 * count * bytes, `${name} still holds ${left}`);
    }
  });

  it('tells a program that lets nothing go from one that is bounded', () => {
    const parts = partsOf('sound', 'release', ['ring']);
    const grows = { added: [0, 1, 2, 3, 4, 5].map((n) => n * 10_000), dropped: Array(6).fill(0) };
    const stands = { added: Array(6).fill(9), dropped: Array(6).fill(0) };
    assert.match(violation(program('sound', parts), { parts: [grows] }), /holds 50000/);
    const leak = partsOf('leaking', 'holder', ['map']);
    assert.match(violation(program('leaking', leak), { parts: [stands] }), /does not grow/);
    assert.equal(violation(program('leaking', leak), { parts: [grows] }), null);
  });

  it('knows who allocates what is held, and who calls it', () => {
    const part = partsOf('leaking', 'holder', ['promise'])[0];
    const place = (functionName, file) =>
      placeOf(part, { functionName, url: `file:///tmp/x/${file}` });
    assert.equal(place('makePart0', 'node_modules/part0-store/makePart0.js'), 'itself');
    assert.equal(place('waitPart0', 'keepPart0.js'), 'itself');
    assert.equal(place('handlePart0', 'Part0.js'), 'caller');
    assert.equal(place('handlePart1', 'Part1.js'), 'elsewhere');
    assert.equal(place('processTimers', 'node:internal/timers'), 'elsewhere');
  });

  it('scores what is said of a program', () => {
    const truth = { timesMs: [0, 3_600_000, 7_200_000], bytesPerEntry: 100 };
    const said = (verdict, detectable) => {
      const site = {
        functionName: 'makePart0',
        url: '/x/makePart0.js',
        reason: 'old-objects-stay',
      };
      return { verdict, detectable, leaks: [{ sites: [0] }], sites: [site] };
    };
    const leak = program('leaking', partsOf('leaking', 'holder', ['map']));
    const grows = { ...truth, parts: [{ added: [0, 50, 100], dropped: [0, 0, 0] }] };
    const scoreOf = (leaks) => score(leak, { truth: grows, leaks, early: [], fullCollections: 1 });
    assert.equal(leakRate(grows), 5000);
    const [found, missed] = [scoreOf(said('leaking', 4000)), scoreOf(said('growing', 4000))];
    assert.deepEqual([found.place, found.isPromised, isRight(found)], ['itself', true, true]);
    assert.deepEqual([missed.place, missed.isPromised, isRight(missed)], [null, true, false]);
    assert.equal(isRight(scoreOf(said('growing', 6000))), true);

    const ring = program('sound', partsOf('sound', 'release', ['ring']));
    const parts = [
      { added: [5, 10, 10, 15, 15, 20, 20, 20], dropped: [0, 0, 0, 5, 5, 10, 10, 10] },
    ];
    const early = [2, 3, 4, 5, 6, 7].map((count) => ({ count, verdict: 'leaking' }));
    const result = { truth: { ...truth, parts }, leaks: said('steady'), early, fullCollections: 1 };
    const { alarmsOnceFull, alarmsWhileFilling } = score(ring, result);
    assert.deepEqual(
      [alarmsWhileFilling, alarmsOnceFull],
      [
        [2, 3, 4],
        [5, 6, 7],
      ],
    );
    assert.equal(isRight(score(ring, result)), false);
    assert.equal(isRight(score(ring, { ...result, early: early.slice(0, 3) })), true);
  });

  it("gives Wilson's interval", () => {
    assert.equal(share(1, 10), '1 of 10, 10 % (2 to 40)');
    assert.equal(share(0, 50), '0 of 50, 0 % (0 to 7)');
    assert.equal(share(0, 0), '-');
  });
});
