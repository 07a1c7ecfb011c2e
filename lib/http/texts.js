// Profiles and verdicts as text, and the page that links all.
'use strict';

const { printable } = require('../display/printable.js');
const { formatBytes, formatCount, formatDuration, formatGrowth, formatRange } =
  require('../display/units.js');
const { siteOf } = require('../display/frames.js');

/** Stacks that `?debug=1` shows. The text is made on this thread: these take it some 10 ms at most. */
const SHOWN = 100;

/**
 * The stacks that hold most, in the shape of Go's `?debug=1`.
 * @param {import('../../index.d.ts').Snapshot} snapshot
 */
async function stacksText(snapshot) {
  const top = await snapshot.top({ by: 'stack', limit: SHOWN });
  const objects = ({ objects: count }) => Math.round(count?.estimate ?? 0);
  const bytes = (of) => Math.round(of.bytes.estimate);
  const lines = [
    `heap profile: ${objects(top)}: ${bytes(top)} [${top.include}] @ heap/${snapshot.sampleIntervalBytes}`,
  ];
  for (const site of top.sites) {
    lines.push(`${objects(site)}: ${bytes(site)} (${(100 * site.share).toFixed(1)} %)`);
    for (const frame of [site, ...site.stack]) lines.push(`#\t${printable(siteOf(frame))}`);
    lines.push('');
  }
  if (top.omitted > 0) lines.push(`# ${formatCount(top.omitted)} more stacks`);
  return `${lines.join('\n')}\n`;
}

/** @param {import('../../index.d.ts').Leaks} answer */
function leaksText(answer) {
  const { verdict, snapshots, spanMs, fullCollections, sites, skipped } = answer;
  const span = spanMs === null ? '' : ` over ${formatDuration(spanMs)}`;
  const collections =
    fullCollections === null
      ? ''
      : `, ${formatCount(fullCollections)} full collections between them`;
  const lines = [verdict, '', `${formatCount(snapshots.length)} profiles${span}${collections}`];
  for (const site of sites.filter((one) => one.verdict !== 'steady')) {
    const { growthBytesPerHour: growth, liveBytes } = site;
    const range = formatRange(growth, formatGrowth);
    const sure = range === '' ? '' : ` (95 %: ${range})`;
    lines.push(
      '',
      `${site.verdict}: ${printable(siteOf(site))}`,
      `  ${formatGrowth(growth.estimate)} an hour${sure}, ${formatBytes(liveBytes.estimate)} live`,
      ...site.stack.slice(0, 8).map((frame) => `  by ${printable(siteOf(frame))}`),
    );
  }
  if (skipped.length > 0) lines.push('', `${formatCount(skipped.length)} files could not be read`);
  return `${lines.join('\n')}\n`;
}

const PAGE = `<!doctype html>
<html lang="en">
<meta charset="utf-8">
<title>heap-profile</title>
<style>
  body { font: 15px/1.5 system-ui, sans-serif; margin: 0; height: 100vh; display: flex; flex-direction: column; }
  nav { padding: 8px 16px; }
  a { margin-right: 16px; }
  iframe { flex: 1; border: 0; border-top: 1px solid #8888; }
</style>
<nav>
  <b>heap-profile</b>
  <a href="flamegraph">flame graph</a>
  <a href="debug/pprof/heap?debug=1">stacks</a>
  <a href="debug/pprof/heap">pprof</a>
  <a href="heap.heapprofile">.heapprofile for DevTools</a>
  <a href="leaks">leaks</a>
</nav>
<iframe src="flamegraph" title="flame graph"></iframe>
</html>
`;

module.exports = { leaksText, PAGE, stacksText };
