// Does something last in a thread: at its normal end, process.exit() and uncaught exceptions, and
// before SIGINT, SIGTERM or SIGHUP end the process. The end itself stays what it would be.
'use strict';

const { isMainThread } = require('node:worker_threads');

const SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP'];

/**
 * Has `work` called, which must be synchronous and not throw, with whether the program has ended: before
 * a signal it has not. What is returned calls it off.
 */
function onExit(work) {
  const atEnd = () => work(true);
  process.on('exit', atEnd);
  // Workers get no signals.
  const others = isMainThread ? SIGNALS.map((signal) => beforeSignal(signal, work)) : [];
  return () => {
    process.off('exit', atEnd);
    for (const callOff of others) callOff();
  };
}

/**
 * A signal that nobody listens to ends the process; one with listeners does what they do. So ours
 * is there only while the application has none: it neither hides the signal's default from an
 * application that counts on it nor adds to the listeners of one that counts them.
 */
function beforeSignal(signal, work) {
  const end = () => {
    work(false);
    callOff();
    process.kill(process.pid, signal);
  };
  // Later, as Node stops watching a signal when its last listener goes.
  const giveWay = (event, listener) => {
    if (event === signal && listener !== end) process.nextTick(leave);
  };
  const leave = () => {
    if (process.listenerCount(signal) > 1) process.off(signal, end);
  };
  const comeBack = (event) => {
    if (event === signal && process.listenerCount(signal) === 0) process.on(signal, end);
  };
  const callOff = () => {
    process.off('newListener', giveWay);
    process.off('removeListener', comeBack);
    process.off(signal, end);
  };
  comeBack(signal);
  process.on('newListener', giveWay);
  process.on('removeListener', comeBack);
  return callOff;
}

module.exports = { onExit };
