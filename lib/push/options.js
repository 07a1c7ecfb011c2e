// Checks where profiles are pushed to.
'use strict';

const { bare } = require('../bare.js');
const { codedError, invalidArgValue } = require('../errors.js');
const { checkInteger, checkLabels, checkOptions, checkString } = require('../options.js');

/** What timers take. */
const MAX_INTERVAL = 2 ** 31 - 1;

const AUTH_CHECKS = {
  username: checkHeaderText,
  password: checkHeaderText,
  token: checkHeaderText,
};

const CHECKS = {
  url: checkUrl,
  app: checkApp,
  labels: checkPushLabels,
  tenant: checkHeaderText,
  auth: checkAuth,
  intervalMs: (name, value) => checkInteger(name, value, MAX_INTERVAL, 1000),
};

/**
 * Where to push to, as it is used: `{ url, app, labels, tenant, auth, intervalMs }`.
 * @returns {any}
 */
function checkPush(name, value) {
  checkHiddenObject(name, value);
  const given = checkOptions(CHECKS, value, name);
  for (const key of ['url', 'app']) {
    if (given[key] === undefined) throw invalidArgValue(name, `must have ${key}`, value);
  }
  return bare({ labels: {}, intervalMs: 60_000, ...given });
}

/** Of the server; what it has after the host stays before /ingest. */
function checkUrl(name, value) {
  checkHiddenString(name, value);
  const url = parsed(value);
  const isOne = url !== undefined && /^https?:$/.test(url.protocol) && url.search + url.hash === '';
  if (!isOne || url.username + url.password !== '') {
    const reason =
      'must be an http: or https: URL without a query and without a password (see auth)';
    throw invalidArgValue(name, reason, '(hidden)');
  }
}

function parsed(text) {
  try {
    return new URL(text);
  } catch {
    return undefined;
  }
}

/** What Pyroscope takes as the name of a service. */
function checkApp(name, value) {
  checkString(name, value);
  if (!/^[A-Za-z_][\w./-]*$/.test(value)) {
    throw invalidArgValue(
      name,
      'must be letters, digits and _ . / -, and start with a letter',
      value,
    );
  }
}

/** Pyroscope ends a value at a comma or a brace, and knows no quotes. */
function checkPushLabels(name, value) {
  const labels = checkLabels(name, value);
  for (const [key, text] of Object.entries(labels)) {
    if (!/^[A-Za-z_][\w.]*$/.test(key) || key.startsWith('__')) {
      throw invalidArgValue(name, 'has a name that Pyroscope does not take', key);
    }
    if (/[,{}\p{Cc}]/u.test(text)) {
      throw invalidArgValue(`${name}.${key}`, 'must have no comma, brace or control', text);
    }
  }
  return labels;
}

function checkAuth(name, value) {
  checkHiddenObject(name, value);
  const auth = checkOptions(AUTH_CHECKS, value, name);
  const isBasic = auth.username !== undefined && auth.password !== undefined;
  const isBearer = auth.token !== undefined;
  if (Object.keys(auth).length !== (isBearer ? 1 : 2) || isBasic === isBearer) {
    throw invalidArgValue(
      name,
      'must have either a username and a password or a token',
      '(hidden)',
    );
  }
  return auth;
}

function checkHeaderText(name, value) {
  checkHiddenString(name, value);
  if (!/^[^\p{Cc}]+$/u.test(value)) {
    throw invalidArgValue(name, 'must be a non-empty string without controls', '(hidden)');
  }
}

function checkHiddenObject(name, value) {
  if (value === null || typeof value !== 'object' || Array.isArray(value)) {
    throw hiddenType(name, 'an object');
  }
}

function checkHiddenString(name, value) {
  if (typeof value !== 'string') throw hiddenType(name, 'of type string');
}

/** Of what may be a secret, or hold one, warnings and logs get nothing to see. */
function hiddenType(name, expected) {
  const message = `The "${name}" argument must be ${expected}. What was given is not shown`;
  return codedError('ERR_INVALID_ARG_TYPE', message);
}

module.exports = { checkPush };
