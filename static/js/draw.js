// What uPlot does not draw by itself: gaps, line names, end marks.
import { durationWords } from "./format.js";

// Colours come from the style sheet: resolved through a real element, because light-dark() is no colour to a canvas.
export function palette(element) {
  const probe = document.createElement("span");
  probe.hidden = true;
  element.append(probe);
  const forced = matchMedia("(forced-colors: active)").matches;
  const read = (name, system) => {
    probe.style.color = forced ? system : `var(--${name})`;
    return getComputedStyle(probe).color;
  };
  const colors = {
    voltage: read("voltage", "CanvasText"),
    current: read("current", "CanvasText"),
    temperature: read("temperature", "CanvasText"),
    text: read("muted", "CanvasText"),
    grid: read("hairline", "GrayText"),
    edge: read("edge", "CanvasText"),
    card: read("card", "Canvas"),
    gap: read("away-tint", "Canvas"),
    hatch: read("edge", "GrayText"),
    accent: read("accent", "Highlight"),
    tint: read("accent-tint", "Canvas"),
  };
  probe.remove();
  return colors;
}

const font = (px, weight = 400) => `${weight} ${px * devicePixelRatio}px Inter, system-ui, sans-serif`;

let hatchTile;
function hatch(colors) {
  const key = `${colors.gap} ${colors.hatch} ${devicePixelRatio}`;
  if (hatchTile?.key === key) return hatchTile.canvas;
  const size = 8 * devicePixelRatio;
  const canvas = Object.assign(document.createElement("canvas"), { width: size, height: size });
  const pen = canvas.getContext("2d");
  pen.fillStyle = colors.gap;
  pen.fillRect(0, 0, size, size);
  pen.strokeStyle = colors.hatch;
  pen.globalAlpha = 0.45;
  pen.lineWidth = devicePixelRatio;
  pen.beginPath();
  for (const shift of [-size, 0, size]) {
    pen.moveTo(shift, size);
    pen.lineTo(shift + size, 0);
  }
  pen.stroke();
  hatchTile = { key, canvas };
  return canvas;
}

const isShown = ({ bbox }, left, right) => right >= bbox.left && left <= bbox.left + bbox.width;

// Hatched bands where nothing was measured; drawn first, under everything.
export function drawGaps(plot, gaps, colors) {
  const { ctx, bbox } = plot;
  ctx.save();
  ctx.beginPath();
  ctx.rect(bbox.left, bbox.top, bbox.width, bbox.height);
  ctx.clip();
  for (const gap of gaps) {
    const [left, right] = gap.map((x) => plot.valToPos(x, "x", true));
    if (!isShown(plot, left, right)) continue;
    ctx.fillStyle = ctx.createPattern(hatch(colors), "repeat");
    ctx.fillRect(left, bbox.top, Math.max(right - left, 2), bbox.height);
  }
  ctx.restore();
}

// How long each gap is; drawn last, over the grid.
export function drawGapNames(plot, gaps, colors) {
  const { ctx, bbox } = plot;
  ctx.save();
  ctx.font = font(12);
  ctx.textAlign = "center";
  ctx.textBaseline = "alphabetic";
  for (const [before, after] of gaps) {
    const [left, right] = [before, after].map((x) => plot.valToPos(x, "x", true));
    if (!isShown(plot, left, right)) continue;
    const text = `No data ${durationWords((after - before) * 1e6)}`;
    const half = ctx.measureText(text).width / 2 + 6 * devicePixelRatio;
    const at = Math.min(Math.max((left + right) / 2, bbox.left + half), bbox.left + bbox.width - half);
    const base = freeHeight(plot, before, after);
    ctx.fillStyle = colors.card;
    ctx.globalAlpha = 0.9;
    ctx.fillRect(at - half, base - 13 * devicePixelRatio, 2 * half, 18 * devicePixelRatio);
    ctx.globalAlpha = 1;
    ctx.fillStyle = colors.text;
    ctx.fillText(text, at, base);
  }
  ctx.restore();
}

// The height in the pane farthest from the lines on both sides of a gap.
function freeHeight(plot, before, after) {
  const { bbox, data } = plot;
  const taken = [before, after].flatMap((x) => {
    const index = plot.valToIdx(x);
    const shown = plot.series.slice(1).filter((_, at) => Number.isFinite(data[at + 1][index]));
    return shown.map((series) => plot.valToPos(data[plot.series.indexOf(series)][index], series.scale, true));
  });
  const places = [0.94, 0.5, 0.12, 0.3, 0.7].map((part) => bbox.top + bbox.height * part);
  const away = (place) => Math.min(...taken.map((y) => Math.abs(y - place)), bbox.height);
  return places.reduce((best, place) => (away(place) > away(best) * 1.2 ? place : best));
}

function lastPoint(plot, series) {
  const values = plot.data[series];
  const [from, to] = plot.series[0].idxs ?? [0, values.length - 1];
  for (let index = to; index >= from; index--) {
    if (values[index] !== null && values[index] !== undefined) return index;
  }
  return -1;
}

const position = (plot, series, index) => [
  plot.valToPos(plot.data[0][index], "x", true),
  plot.valToPos(plot.data[series][index], plot.series[series].scale, true),
];

// A round or square dot at the newest point.
export function drawEnd(plot, series, shape, color, card) {
  const index = lastPoint(plot, series);
  if (index < 0) return;
  const { ctx } = plot;
  const [x, y] = position(plot, series, index);
  const r = 4 * devicePixelRatio;
  ctx.save();
  ctx.fillStyle = color;
  ctx.strokeStyle = card;
  ctx.lineWidth = 1.5 * devicePixelRatio;
  ctx.beginPath();
  if (shape === "square") ctx.rect(x - r, y - r, 2 * r, 2 * r);
  else ctx.arc(x, y, r, 0, 2 * Math.PI);
  ctx.fill();
  ctx.stroke();
  ctx.restore();
}

// Names on the lines, where the two are far apart.
export function drawNames(plot, names, colors) {
  const { ctx, bbox } = plot;
  let best = { distance: -1 };
  // Parts of the width; a name needs room to the right of its point.
  for (const part of [0.08, 0.16, 0.24, 0.32, 0.4, 0.5, 0.6]) {
    const index = plot.posToIdx((bbox.width / devicePixelRatio) * part);
    if (Math.abs(plot.valToPos(plot.data[0][index] ?? NaN, "x") - (bbox.width / devicePixelRatio) * part) > 20) continue;
    const ys = names.map(({ series }) => plot.data[series][index]);
    if (ys.some((value) => value === null || value === undefined || Number.isNaN(value))) continue;
    const places = names.map(({ series }) => position(plot, series, index));
    const distance = Math.abs(places[0][1] - (places[1]?.[1] ?? bbox.top - 100));
    if (distance > best.distance) best = { distance, places };
  }
  if (!best.places) return;
  ctx.save();
  ctx.font = font(12, 600);
  ctx.textAlign = "left";
  ctx.lineJoin = "round";
  names.forEach(({ name, color }, which) => {
    const [x, y] = best.places[which];
    const other = best.places[1 - which]?.[1] ?? -Infinity;
    // Above or below its line: inside the pane, away from the other line.
    const [low, high] = [bbox.top + 14 * devicePixelRatio, bbox.top + bbox.height - 6 * devicePixelRatio];
    const bases = [y - 8 * devicePixelRatio, y + 18 * devicePixelRatio].filter((base) => base >= low && base <= high);
    const base = bases.sort((a, b) => Math.abs(b - other) - Math.abs(a - other))[0] ?? low;
    ctx.strokeStyle = colors.card;
    ctx.lineWidth = 4 * devicePixelRatio;
    ctx.strokeText(name, x, base);
    ctx.fillStyle = color;
    ctx.fillText(name, x, base);
  });
  ctx.restore();
}
