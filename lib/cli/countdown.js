// Shows on stderr how long something still takes, if somebody looks: on a terminal only.
'use strict';

const CLEAR_LINE = '\r\x1b[K';

/** Until the function that is returned is called. */
function countDown(what, endsAt) {
  const { stderr } = process;
  if (!stderr.isTTY) return () => {};
  const show = () => {
    const seconds = Math.max(0, Math.round((endsAt - Date.now()) / 1000));
    stderr.write(`${CLEAR_LINE}${what}: ${seconds} s left, Ctrl-C ends it now`);
  };
  show();
  const timer = setInterval(show, 1000);
  return () => {
    clearInterval(timer);
    stderr.write(CLEAR_LINE);
  };
}

module.exports = { countDown };
