// How fast the live heap grows, from its size after the last full collections.
'use strict';

/** The last points; fewer say nothing, nor do points that are close together. */
const MOST_POINTS = 32;
const LEAST_POINTS = 5;
const LEAST_SPAN = 60_000;

class Slope {
  /** @type {[time: number, bytes: number][]} */
  #points = [];

  /** @param {number} time milliseconds */
  add(time, bytes) {
    this.#points.push([time, bytes]);
    if (this.#points.length > MOST_POINTS) this.#points.shift();
  }

  /** Milliseconds until so many bytes are reached, by least squares; Infinity if they are not. */
  timeTo(limit) {
    const points = this.#points;
    if (points.length < LEAST_POINTS) return Infinity;
    const [[firstTime], [lastTime, lastBytes]] = [points[0], points[points.length - 1]];
    if (lastTime - firstTime < LEAST_SPAN) return Infinity;
    const rate = slopeOf(points);
    return rate > 0 ? Math.max(0, limit - lastBytes) / rate : Infinity;
  }
}

function slopeOf(points) {
  let [meanTime, meanBytes] = [0, 0];
  for (const [time, bytes] of points) {
    meanTime += time / points.length;
    meanBytes += bytes / points.length;
  }
  let [covariance, variance] = [0, 0];
  for (const [time, bytes] of points) {
    covariance += (time - meanTime) * (bytes - meanBytes);
    variance += (time - meanTime) ** 2;
  }
  return covariance / variance;
}

module.exports = { Slope };
