// What became of a monitor's profiles: what `stats()` tells.
'use strict';

class Records {
  #counts = { written: 0, failed: 0, skipped: 0 };
  /** @type {Record<string, number>} */
  #reasons = Object.create(null);
  /** @type {string | null} */
  #lastFile = null;
  /** @type {Error | null} */
  #lastError = null;

  written(file, reason) {
    this.#counts.written += 1;
    this.#reasons[reason] = (this.#reasons[reason] ?? 0) + 1;
    this.#lastFile = file;
  }

  failed(error) {
    this.#counts.failed += 1;
    this.#lastError = error;
  }

  skipped() {
    this.#counts.skipped += 1;
  }

  stats() {
    return {
      ...this.#counts,
      reasons: { ...this.#reasons },
      lastFile: this.#lastFile,
      lastError: this.#lastError,
    };
  }
}

module.exports = { Records };
