// The panes of a chart: one time axis, two value axes in the first, one in those below.
import uPlot from "../vendor/uplot.js";
import { drawEnd, drawGapNames, drawGaps, drawNames } from "./draw.js";
import { fixed } from "./format.js";
import { drawLimits, limitsIn } from "./limits.js";
import { drawMarks } from "./marks.js";
import { axisTitle, leastSpan } from "./quantities.js";
import { drawBorders, drawRibbon } from "./ribbon.js";

// Heights in CSS pixels; with the lines of names the usual two fill the frame the page keeps free.
const UPPER = 272;
const LOWER = 134;
const NAMES = 20;
const X_AXIS = 26;
const RIBBON = 26;
// Steps of the time axis, seconds.
const X_STEPS = [
  0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5,
  1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 10800, 21600, 43200, 86400, 172800, 604800, 2592000,
];
const FONT = "12px Inter, system-ui, sans-serif";

export const decimalsOf = (step) => {
  for (let decimals = 0; decimals < 6; decimals++) {
    const scaled = step * 10 ** decimals;
    if (Math.abs(scaled - Math.round(scaled)) < 1e-6 * scaled) return decimals;
  }
  return 6;
};

// Air around the values; never flatter than `least`, so that noise stays small.
const padded = (least) => (_, low, high) => {
  if (low === null || high === null || !Number.isFinite(low) || !Number.isFinite(high)) return [0, 1];
  const span = Math.max(high - low, least) * 1.12;
  const middle = (high + low) / 2;
  return [middle - span / 2, middle + span / 2];
};

// The height of each pane when `room` CSS pixels are to be filled; the usual ones without.
export function heights(count, room) {
  if (!room) return Array.from({ length: count }, (_, index) => (index === 0 ? UPPER + (count === 1 ? LOWER + NAMES : 0) : LOWER));
  const free = Math.max(room - count * NAMES, 160);
  const share = count === 1 ? 1 : Math.max(0.4, 0.66 - 0.06 * (count - 2));
  return Array.from({ length: count }, (_, index) => Math.floor(index === 0 ? free * share : (free * (1 - share)) / (count - 1)));
}

// One of the two titles over a pane; in the colour of its line when it has one only.
function title(series, colors) {
  const text = document.createElement("span");
  text.textContent = series.length ? axisTitle(series) : "";
  if (series.length === 1) text.style.color = colors[series[0].tone];
  return text;
}

// Makes the elements and plots of all panes. `chart` gives data, marks and what happens on a drag or a move.
export function build(chart, element, panes, { width, axisWidth, room }) {
  const { colors } = chart;
  const sizes = heights(panes.length, room);
  const grid = { stroke: colors.grid, width: 1 };
  const hasSteps = chart.stepNames.size > 0;
  return panes.map((pane, index) => {
    const [isFirst, isLast] = [index === 0, index === panes.length - 1];
    const names = document.createElement("div");
    names.className = "pane-names";
    names.append(title(pane.left, colors), title(pane.right, colors));
    const place = document.createElement("div");
    element.append(names, place);
    const series = [...pane.left, ...pane.right];
    const scaleOf = (one) => (pane.right.includes(one) ? "right" : "left");
    const y = (scale, side, withGrid) => ({
      scale, side, size: axisWidth, font: FONT, stroke: colors.text, gap: 6, space: isFirst ? 36 : 26,
      grid: { ...grid, show: withGrid }, ticks: { show: false },
      values: (_, splits, __, ___, step) => splits.map((value) => fixed(value, decimalsOf(step))),
    });
    const range = (of) => ({ range: padded(Math.min(...of.map(leastSpan))) });
    const hasRight = pane.right.length > 0;
    const plot = new uPlot({
      width,
      height: sizes[index],
      padding: [isFirst && hasSteps ? RIBBON : 8, hasRight ? 0 : axisWidth, isLast ? 0 : 8, 0],
      legend: { show: false },
      cursor: {
        y: false,
        points: { size: 8, width: 2 },
        drag: { x: true, y: false, setScale: false, dist: 4 },
        bind: { dblclick: () => () => chart.resetZoom(), mousedown: (_, __, handler) => (event) => (chart.isPanning(event) ? null : handler(event)) },
      },
      scales: { x: { time: false }, left: range(pane.left), ...(hasRight ? { right: range(pane.right) } : {}) },
      axes: [
        {
          size: isLast ? X_AXIS : 0, font: FONT, stroke: colors.text, grid, gap: 6, ticks: { show: false }, incrs: X_STEPS, space: 80,
          values: (_, splits, __, ___, step) => splits.map((value) => (isLast ? chart.axisLabel(value, step) : "")),
        },
        y("left", 3, true),
        ...(hasRight ? [y("right", 1, false)] : []),
      ],
      series: [{}, ...series.map((one) => ({
        scale: scaleOf(one), stroke: colors[one.tone], dash: one.dash, width: 1.75, points: { show: false },
      }))],
      hooks: {
        setSelect: [(made) => chart.selected(made)],
        setCursor: [(made) => chart.moved(made)],
        drawClear: [(made) => drawGaps(made, chart.gaps, colors)],
        draw: [(made) => {
          // The plot leaves the pen with the dashes of its last line.
          made.ctx.setLineDash([]);
          if (hasSteps && isFirst) drawRibbon(made, chart.ribbon, chart.stepNames, colors, RIBBON);
          else if (hasSteps) drawBorders(made, chart.ribbon, colors);
          if (isFirst) drawGapNames(made, chart.gaps, colors);
          drawLimits(made, limitsIn(made, series, chart.limits, scaleOf), colors);
          drawMarks(made, chart.marks, colors, isFirst);
          if (series.length > 1) drawNames(made, series.map(({ name, tone }, at) => ({ name, series: at + 1, color: colors[tone] })), colors);
          series.forEach(({ shape, tone }, at) => drawEnd(made, at + 1, shape, colors[tone], colors.card));
        }],
      },
    }, chart.paneData(series), place);
    return { plot, series, names, scaleOf };
  });
}
