// The flame graph itself: d3-flame-graph, the root on top, with our names, colours and tooltip.
import flamegraph from 'd3-flame-graph';
import { select } from 'd3-selection';
import { formatShare } from '../lib/display/units.js';
import { explain } from './text.mjs';

/** Narrower frames are not drawn until one zooms in. */
const MIN_FRAME_PIXELS = 1;
const POINTER_DISTANCE = 12;
/** Around a label and between the name and the place. */
const LABEL_SPACE = 24;
/** No name and place fit into less. */
const MIN_PLACE_PIXELS = 80;

/**
 * `total` is what shares are of. `onMatches(count, bytes)` is told what a search found, and `null`
 * when there is none.
 */
export function createGraph(container, tooltipElement, total, onMatches) {
  const chart = flamegraph()
    .width(container.clientWidth)
    .inverted(true)
    .minFrameSize(MIN_FRAME_PIXELS)
    .resetHeightOnZoom(true)
    .transitionDuration(0)
    // Not what is left of it in the zoomed view, which is what d3-flame-graph would sum up.
    .getValue((node) => (node.data ?? node).value)
    .sort((one, other) => other.data.value - one.data.value)
    .tooltip(createTooltip(tooltipElement, total))
    .setSearchMatch(({ data }, text) => data.frame?.searched.includes(text) ?? false)
    .setSearchHandler((found, bytes) => onMatches(found.length, bytes))
    .onClick(() => addPlaces(container));
  let isDrawn = false;
  function draw(tree) {
    if (isDrawn) chart.update(tree);
    else select(container).datum(tree).call(chart);
    isDrawn = true;
    addPlaces(container);
  }
  new ResizeObserver(() => {
    if (chart.width() === container.clientWidth) return;
    chart.width(container.clientWidth);
    draw();
  }).observe(container);
  return {
    /** Draws the tree, or the one that is there again. */
    draw,
    search(text) {
      if (text === '') {
        chart.clear();
        onMatches(null);
      } else {
        chart.search(text.toLowerCase());
      }
      addPlaces(container);
    },
    /** For the next drawing. */
    colourBy(colourOf) {
      chart.setColorMapper(({ data, highlight }) => (highlight ? 'var(--match)' : colourOf(data)));
    },
    resetZoom: () => chart.resetZoom(),
  };
}

const measure = document.createElement('canvas').getContext('2d');

/** Notes `file:line` on the labels that have room for it; the style sheet shows it behind the name. */
function addPlaces(container) {
  const labels = container.querySelectorAll('.d3-flame-graph-label');
  if (labels.length > 0) measure.font = getComputedStyle(labels[0]).font;
  select(container)
    .selectAll('.d3-flame-graph-label')
    .each(function addPlace({ data, x0, x1 }) {
      const place = data.shortPlace;
      // The whole graph is from 0 to 1.
      const width = (x1 - x0) * container.clientWidth;
      if (place !== '' && width > MIN_PLACE_PIXELS && width > labelWidth(data.name, place)) {
        this.dataset.place = place;
      } else {
        delete this.dataset.place;
      }
    });
}

function labelWidth(name, place) {
  return measure.measureText(name + place).width + LABEL_SPACE;
}

/** What d3-flame-graph wants of a tooltip. All text is set as text, never as HTML. */
function createTooltip(element, total) {
  const tooltip = () => {};
  tooltip.show = ({ clientX, clientY }, { data }) => {
    element.textContent = explain(data, formatShare(total > 0 ? data.bytes.estimate / total : 0));
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
