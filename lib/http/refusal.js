// Why a request is not answered with a profile, and when to ask again.
'use strict';

/** Becomes an answer with that status. Its message is for whoever asks: it names no path. */
class Refusal extends Error {
  /**
   * @param {number} status
   * @param {string} message
   * @param {Record<string, string>} [headers]
   */
  constructor(status, message, headers = {}) {
    super(message);
    this.status = status;
    this.headers = headers;
  }
}

/** For who has to wait for so long. */
function busy(milliseconds) {
  const seconds = String(Math.max(1, Math.ceil(milliseconds / 1000)));
  const message = `another profile is being taken or was just taken: ask again in ${seconds} s`;
  return new Refusal(429, message, { 'Retry-After': seconds });
}

module.exports = { busy, Refusal };
