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
    fourth: read("fourth", "CanvasText"),
    fifth: read("fifth", "CanvasText"),
    alarm: read("alarm", "CanvasText"),
    alarmTint: read("alarm-tint", "Canvas"),
    warning: read("warning", "CanvasText"),
    warningTint: read("warning-tint", "Canvas"),
    ink: read("text", "CanvasText"),
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
  const places = [0.94, 0.5, 0.22, 0.34, 0.7].map((part) => bbox.top + bbox.height * part);
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

// A dot at the newest point, its shape as different as its line.
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
  else if (shape === "diamond") polygon(ctx, x, y, 1.25 * r, 4, 0);
  else if (shape === "triangle") polygon(ctx, x, y, 1.25 * r, 3, -Math.PI / 2);
  else ctx.arc(x, y, r, 0, 2 * Math.PI);
  ctx.fill();
  ctx.stroke();
  ctx.restore();
}

function polygon(ctx, x, y, r, corners, first) {
  for (let corner = 0; corner < corners; corner++) {
    const turn = first + (2 * Math.PI * corner) / corners;
    ctx.lineTo(x + r * Math.cos(turn), y + r * Math.sin(turn));
  }
  ctx.closePath();
}

// Names on the lines, where they are farthest apart.
export function drawNames(plot, names, colors) {
  const { ctx, bbox } = plot;
  const width = bbox.width / devicePixelRatio;
  let best = { distance: -1 };
  // Parts of the width; a name needs room to the right of its point.
  for (const part of [0.08, 0.16, 0.24, 0.32, 0.4, 0.5, 0.6]) {
    const index = plot.posToIdx(width * part);
    if (Math.abs(plot.valToPos(plot.data[0][index] ?? NaN, "x") - width * part) > 20) continue;
    const there = names.filter(({ series }) => Number.isFinite(plot.data[series][index]));
    const places = there.map((name) => ({ ...name, place: position(plot, name.series, index) })).sort((a, b) => a.place[1] - b.place[1]);
    const gaps = places.slice(1).map(({ place }, at) => place[1] - places[at].place[1]);
    const distance = there.length * bbox.height + Math.min(...gaps, bbox.height);
    if (there.length && distance > best.distance) best = { distance, places };
  }
  if (!best.places) return;
  ctx.save();
  ctx.font = font(12, 600);
  ctx.textAlign = "left";
  ctx.lineJoin = "round";
  // Above or below its line: inside the pane, away from the other lines and names.
  const [low, high] = [bbox.top + 14 * devicePixelRatio, bbox.top + bbox.height - 6 * devicePixelRatio];
  const taken = best.places.map(({ place }) => place[1]);
  best.places.forEach(({ name, color, place: [x, y] }, which) => {
    const others = taken.filter((_, at) => at !== which);
    const away = (base) => Math.min(...others.map((other) => Math.abs(base - 5 * devicePixelRatio - other)), bbox.height);
    const bases = [y - 8 * devicePixelRatio, y + 18 * devicePixelRatio].filter((base) => base >= low && base <= high);
    const base = bases.sort((a, b) => away(b) - away(a))[0] ?? low;
    // Lines that lie on each other have no room for names; the box at the cursor tells them.
    if (names.length > 2 && away(base) < 9 * devicePixelRatio) return;
    taken.push(base - 5 * devicePixelRatio);
    ctx.strokeStyle = colors.card;
    ctx.lineWidth = 4 * devicePixelRatio;
    ctx.strokeText(name, x, base);
    ctx.fillStyle = color;
    ctx.fillText(name, x, base);
  });
  ctx.restore();
}
