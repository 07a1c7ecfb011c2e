// When a profile is taken besides the regular ones, so that one that is fresh enough is there whenever the process
// is killed. Each rule has a trigger, a window in which it does not trigger again, and all have a limit per hour
// together. Two facts make the defaults enough (doc/production.md): memory that has grown by less than a
// tenth of the limit since the last profile is in that profile, all but a tenth; and between 70 and 100 % of
// the limit there is a profile every tenth.
'use strict';

const { Slope } = require('./slope.js');

/** Without these growth does not count, as a share of the limit: a small program's first megabytes. */
const LEAST_GROWTH = 0.02;

/** A level that was reached counts again when memory has been so much below it, as a share of the limit. */
const HYSTERESIS = 0.05;

/** Milliseconds in which growth and peaks do not trigger again, however fast it goes. */
const GROWTH_WINDOW = 5000;
const SLOPE_WINDOW = 600_000;
const HOUR = 3_600_000;

/** What part of the hour's profiles is left to levels: they are about the end. */
const FOR_LEVELS = 1 / 3;

/**
 * What a rule is asked about.
 * @typedef {{
 *   now: number, rss: number, memoryLimit: number, heapLimit: number, live: number | undefined
 * }} Moment `live` is the heap's size just after a full collection, undefined at other moments
 */

class Rules {
  #options;
  #heapLevels;
  #rssLevels;
  #slope = new Slope();
  /** When the profiles of the last hour were asked for. */
  #asked = [];
  #lastGrowth = -Infinity;
  #lastSlope = -Infinity;
  /** The heap after the last full collection. */
  #live;
  /** As it was at the last profile. */
  #liveThen;
  #rssThen;

  /** @param {import('./options.js').RuleOptions} options checked */
  constructor(options) {
    this.#options = options;
    this.#heapLevels = new Levels(options.heapRatio);
    this.#rssLevels = new Levels(options.rss);
  }

  /**
   * Which rule asks for a profile now; undefined if none does.
   * @param {Moment} moment
   */
  evaluate(moment) {
    const { now, live } = moment;
    this.#liveThen ??= live;
    this.#rssThen ??= moment.rss;
    if (live !== undefined) {
      this.#live = live;
      this.#slope.add(now, live);
    }
    const rule = this.#triggered(moment);
    if (rule !== undefined) this.#asked.push(now);
    return rule;
  }

  /** A profile was taken, for whatever reason. */
  taken(rss) {
    this.#liveThen = this.#live;
    this.#rssThen = Math.max(rss, this.#rssThen ?? 0);
  }

  #triggered(moment) {
    const { now, rss, memoryLimit, heapLimit, live } = moment;
    const [heapRatio, rssRatio] = [(live ?? 0) / heapLimit, rss / memoryLimit];
    const left = this.#left(now);
    // Both are asked, as both take note.
    const isAtHeapLevel = live !== undefined && this.#heapLevels.reaches(heapRatio, left > 0);
    const isAtRssLevel = this.#rssLevels.reaches(rssRatio, left > 0);
    if (isAtHeapLevel) return 'heapRatio';
    if (isAtRssLevel) return 'rss';
    if (left <= this.#options.perHour * FOR_LEVELS) return undefined;
    return this.#growing(moment);
  }

  #growing({ now, rss, memoryLimit, heapLimit, live }) {
    if (now - this.#lastGrowth >= GROWTH_WINDOW) {
      const { growth, newPeak } = this.#options;
      const hasGrown = live !== undefined && exceeds(live, this.#liveThen, growth, heapLimit);
      const limit = Math.min(heapLimit, memoryLimit);
      const rule = hasGrown ? 'growth' : exceeds(rss, this.#rssThen, newPeak, limit) && 'newPeak';
      if (rule) {
        this.#lastGrowth = now;
        return rule;
      }
    }
    if (live === undefined || now - this.#lastSlope < SLOPE_WINDOW) return undefined;
    if (this.#slope.timeTo(heapLimit) >= this.#options.slope) return undefined;
    this.#lastSlope = now;
    return 'slope';
  }

  /** How many profiles may be asked for in this hour yet. */
  #left(now) {
    while (this.#asked.length > 0 && now - this.#asked[0] >= HOUR) this.#asked.shift();
    return this.#options.perHour - this.#asked.length;
  }
}

/** Whether bytes are more than they were by a share of that. */
function exceeds(bytes, before, share, limit) {
  return bytes - before > Math.max(share * before, LEAST_GROWTH * limit);
}

/** Shares of a limit that are told of once each, until memory has been well below them. */
class Levels {
  #levels;

  /** @param {number[]} shares */
  constructor(shares) {
    this.#levels = shares.map((share) => ({ share, isReached: false }));
  }

  /** Whether one is reached that was not; not noted while nobody `mayAsk`. */
  reaches(ratio, mayAsk) {
    let isNew = false;
    for (const level of this.#levels) {
      if (ratio < level.share - HYSTERESIS) level.isReached = false;
      if (ratio < level.share || level.isReached || !mayAsk) continue;
      level.isReached = true;
      isNew = true;
    }
    return isNew;
  }
}

module.exports = { Rules };
