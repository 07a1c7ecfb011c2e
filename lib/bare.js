// Objects without a prototype: what they lack, nobody finds on Object.prototype, where a program may
// have put anything. Node-API reads properties as JavaScript does.
'use strict';

/**
 * A copy of what is the object's own.
 * @template {object} T
 * @param {T} object
 * @returns {T}
 */
function bare(object) {
  return Object.assign(Object.create(null), object);
}

module.exports = { bare };
