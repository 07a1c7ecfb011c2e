// The flame graph itself: d3-flame-graph, the root on top, with our names, colours and tooltip.
import flamegraph from 'd3-flame-graph';
import { select } from 'd3-selection';
import { formatCount, formatShare } from '../lib/display/units.js';
import { explain } from './text.mjs';

/** Narrower frames are not drawn until one zooms in. */
const MIN_FRAME_PIXELS = 1;
const POINTER_DISTANCE = 12;

/** The tree of a list of nodes, each after the one that it belongs under. */
export function buildTree(nodes, frames) {
  const built = nodes.map((node) => ({
    ...node,
    frame: node.frame === null ? null : frames[node.frame],
    name: nodeName(node, frames),
    searched: node.frame === null ? '' : frames[node.frame].text.toLowerCase(),
    value: node.bytes.estimate,
    children: [],
  }));
  for (const node of built.slice(1)) built[node.parent].children.push(node);
  return built[0];
}

function nodeName({ frame, folded }, frames) {
  if (frame !== null) return frames[frame].name;
  return folded > 0 ? `(${formatCount(folded)} more)` : '(root)';
}

/** `onMatches(count, bytes)` is told what a search found, and `null` when there is none. */
export function createGraph(container, tooltipElement, tree, onMatches) {
  const chart = flamegraph()
    .width(container.clientWidth)
    .inverted(true)
    .minFrameSize(MIN_FRAME_PIXELS)
    .resetHeightOnZoom(true)
    .transitionDuration(0)
    // Not what is left of it in the zoomed view, which is what d3-flame-graph would sum up.
    .getValue((node) => (node.data ?? node).value)
    .sort((one, other) => other.data.value - one.data.value)
    .tooltip(createTooltip(tooltipElement, tree.value))
    .setSearchMatch(({ data }, text) => data.searched.includes(text))
    .setSearchHandler((found, bytes) => onMatches(found.length, bytes));
  select(container).datum(tree).call(chart);
  new ResizeObserver(() => chart.width(container.clientWidth).update()).observe(container);
  return {
    show(other) {
      // The tree that goes keeps what is zoomed in its nodes.
      chart.resetZoom();
      chart.update(other);
    },
    search(text) {
      if (text === '') {
        chart.clear();
        onMatches(null);
      } else {
        chart.search(text.toLowerCase());
      }
    },
    colourBy(colourOf) {
      chart.setColorMapper(({ data, highlight }) => (highlight ? 'var(--match)' : colourOf(data)));
      chart.update();
    },
    resetZoom: () => chart.resetZoom(),
  };
}

/** What d3-flame-graph wants of a tooltip. All text is set as text, never as HTML. */
function createTooltip(element, total) {
  const tooltip = () => {};
  tooltip.show = ({ clientX, clientY }, { data }) => {
    element.textContent = explain(data, formatShare(total > 0 ? data.value / total : 0));
    element.hidden = false;
    const { offsetWidth, offsetHeight } = element;
    element.style.left = `${place(clientX, offsetWidth, window.innerWidth)}px`;
    element.style.top = `${place(clientY, offsetHeight, window.innerHeight)}px`;
  };
  tooltip.hide = () => {
    element.hidden = true;
  };
  return tooltip;
}

/** Beside the pointer, on the side where there is room. */
function place(at, size, available) {
  const after = at + POINTER_DISTANCE;
  return after + size <= available ? after : Math.max(0, at - POINTER_DISTANCE - size);
}
