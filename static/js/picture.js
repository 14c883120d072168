// A chart as a picture, just as it is seen: the panes as they are drawn, or all of it anew as vectors.
import { fixed } from "./format.js";
import { limitsIn } from "./limits.js";
import { flagWords } from "./marks.js";
import { decimalsOf } from "./panes.js";
import { axisTitle } from "./quantities.js";

const NAMES = 22;
const HEAD = 30;
const FOOT = 40;
const EDGE = 12;

export function save(name, blob) {
  const link = Object.assign(document.createElement("a"), { href: URL.createObjectURL(blob), download: name });
  link.click();
  // The browser has taken it by the next turn, but not all of them within this one.
  setTimeout(() => URL.revokeObjectURL(link.href), 10_000);
}

// Where each pane stands in the picture: [{ pane, top }], and the size of the whole, CSS pixels.
function plan(chart) {
  let top = HEAD;
  const places = chart.panes.map((pane) => {
    const place = { pane, top: top + NAMES };
    top = place.top + pane.plot.height;
    return place;
  });
  return { places, width: chart.upper.width + 2 * EDGE, height: top + FOOT };
}

const titles = (chart, index) => {
  const { left, right } = chart.layout[index];
  const of = (series, place) => ({ text: axisTitle(series), color: series.length === 1 ? chart.colors[series[0].tone] : chart.colors.text, place });
  return [of(left, "start"), ...(right.length ? [of(right, "end")] : [])];
};

export async function png(chart, { title, note }) {
  const { places, width, height } = plan(chart);
  const scale = devicePixelRatio;
  const canvas = Object.assign(document.createElement("canvas"), { width: width * scale, height: height * scale });
  const pen = canvas.getContext("2d");
  pen.scale(scale, scale);
  pen.fillStyle = chart.colors.card;
  pen.fillRect(0, 0, width, height);
  const write = (text, x, y, color, font, align = "left") => {
    Object.assign(pen, { fillStyle: color, font: `${font}px Inter, system-ui, sans-serif`, textAlign: align });
    pen.fillText(text, x, y);
  };
  write(title, EDGE, 20, chart.colors.ink, "600 14");
  places.forEach(({ pane, top }, index) => {
    for (const { text, color, place } of titles(chart, index)) {
      write(text, place === "start" ? EDGE : width - EDGE, top - 7, color, "600 13", place === "start" ? "left" : "right");
    }
    pen.drawImage(pane.plot.ctx.canvas, EDGE, top, pane.plot.width, pane.plot.height);
  });
  note.forEach((line, index) => write(line, EDGE, height - 24 + 16 * index, chart.colors.text, "12"));
  return new Promise((resolve) => canvas.toBlob(resolve, "image/png"));
}

const escapes = { "&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;" };
const escaped = (text) => String(text).replace(/[&<>"]/g, (letter) => escapes[letter]);
const near = (value) => Number(value.toFixed(2));

// Lines of a series: broken where nothing was measured.
function linePath(plot, series, [min, max]) {
  const [xs] = plot.data;
  const values = plot.data[series];
  let path = "";
  let isOpen = false;
  for (let index = 0; index < xs.length; index++) {
    // One point beyond each edge: the clip cuts the line there.
    const isNear = (xs[index + 1] ?? Infinity) >= min && (xs[index - 1] ?? -Infinity) <= max;
    const value = values[index];
    if (!isNear || value === null || value === undefined) {
      isOpen = false;
      continue;
    }
    path += `${isOpen ? "L" : "M"}${near(plot.valToPos(xs[index], "x"))} ${near(plot.valToPos(value, plot.series[series].scale))}`;
    isOpen = true;
  }
  return path;
}

function paneSvg(chart, { pane, top }, index, count) {
  const { plot, series } = pane;
  const { colors } = chart;
  const dpr = devicePixelRatio;
  const [left, y0, width, height] = [plot.bbox.left, plot.bbox.top, plot.bbox.width, plot.bbox.height].map((px) => px / dpr);
  const range = [plot.scales.x.min, plot.scales.x.max];
  const inside = (x) => x >= range[0] && x <= range[1];
  const parts = [];
  const line = (x1, y1, x2, y2, color, more = "") =>
    parts.push(`<line x1="${near(x1)}" y1="${near(y1)}" x2="${near(x2)}" y2="${near(y2)}" stroke="${escaped(color)}"${more}/>`);
  const text = (words, x, y, color, anchor, more = "") =>
    parts.push(`<text x="${near(x)}" y="${near(y)}" fill="${escaped(color)}" text-anchor="${anchor}"${more}>${escaped(words)}</text>`);
  for (const { text: words, color, place } of titles(chart, index)) {
    text(words, place === "start" ? 0 : plot.width, -7, color, place, ' font-weight="600" font-size="13"');
  }
  for (const [before, after] of chart.gaps) {
    if (after < range[0] || before > range[1]) continue;
    const [x1, x2] = [Math.max(plot.valToPos(before, "x"), 0), Math.min(plot.valToPos(after, "x"), width)];
    parts.push(`<rect class="gap" x="${near(left + x1)}" y="${near(y0)}" width="${near(Math.max(x2 - x1, 2))}" height="${near(height)}" fill="url(#gap)"/>`);
  }
  const [xAxis, ...yAxes] = plot.axes;
  const step = xAxis._splits?.length > 1 ? xAxis._splits[1] - xAxis._splits[0] : 1;
  for (const x of (xAxis._splits ?? []).filter(inside)) {
    const at = left + plot.valToPos(x, "x");
    line(at, y0, at, y0 + height, colors.grid);
    if (index === count - 1) text(chart.axisLabel(x, step), at, y0 + height + 18, colors.text, "middle");
  }
  yAxes.forEach((axis, which) => {
    const splits = axis._splits ?? [];
    const apart = splits.length > 1 ? splits[1] - splits[0] : 1;
    for (const value of splits) {
      const at = y0 + plot.valToPos(value, axis.scale);
      if (which === 0) line(left, at, left + width, at, colors.grid);
      const words = fixed(value, decimalsOf(apart));
      text(words, which === 0 ? left - 6 : left + width + 6, at + 4, colors.text, which === 0 ? "end" : "start");
    }
  });
  parts.push(`<svg x="${near(left)}" y="${near(y0)}" width="${near(width)}" height="${near(height)}">`);
  if (chart.ribbon.length < width / 5) {
    for (const { from } of chart.ribbon.filter(({ from: x }) => x > range[0] && x < range[1])) {
      const at = plot.valToPos(from, "x");
      line(at, 0, at, height, colors.edge, ' stroke-dasharray="2 3" opacity="0.6"');
    }
  }
  series.forEach((one, at) => {
    const dash = one.dash.length ? ` stroke-dasharray="${one.dash.join(" ")}"` : "";
    parts.push(`<path d="${linePath(plot, at + 1, range)}" fill="none" stroke="${escaped(colors[one.tone])}" stroke-width="1.75" stroke-linejoin="round"${dash}><title>${escaped(one.name)}</title></path>`);
  });
  for (const { y, words, tone } of limitsIn(plot, series, chart.limits, pane.scaleOf)) {
    line(0, y, width, y, colors[tone], ' stroke-dasharray="10 4"');
    text(words, 6, y > 18 ? y - 4 : y + 13, colors[tone], "start", ' font-size="11.5"');
  }
  for (const mark of chart.marks.filter(({ x }) => inside(x))) {
    const color = mark.severity === "warning" ? colors.warning : colors.alarm;
    const at = plot.valToPos(mark.x, "x");
    line(at, 0, at, height, color, ' stroke-width="1.5"');
    const isLeft = at > width / 2;
    if (index === 0) text(flagWords(mark), isLeft ? at - 5 : at + 5, 14, color, isLeft ? "end" : "start", ' font-weight="600"');
  }
  parts.push("</svg>");
  if (index === 0) {
    for (const { step: number, from, to } of chart.ribbon.length < width / 5 ? chart.ribbon : []) {
      const [x1, x2] = [Math.max(plot.valToPos(from, "x"), 0), Math.min(plot.valToPos(to, "x"), width)];
      const name = [chart.stepNames.get(number), String(number)].find((words) => words && words.length * 6.5 < x2 - x1 - 4);
      if (name) text(name, left + (x1 + x2) / 2, y0 - 8, colors.text, "middle", ' font-size="11.5"');
    }
  }
  return `<g transform="translate(${EDGE} ${top})">${parts.join("")}</g>`;
}

export function svg(chart, { title, note }) {
  const { places, width, height } = plan(chart);
  const { colors } = chart;
  const panes = places.map((place, index) => paneSvg(chart, place, index, places.length));
  const hatch = `<pattern id="gap" width="8" height="8" patternUnits="userSpaceOnUse"><rect width="8" height="8" fill="${escaped(colors.gap)}"/><path d="M0 8L8 0" stroke="${escaped(colors.hatch)}" opacity="0.45"/></pattern>`;
  const text = `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${height}" viewBox="0 0 ${width} ${height}" font-family="Inter, system-ui, sans-serif" font-size="12">` +
    `<title>${escaped(title)}</title><defs>${hatch}</defs><rect width="${width}" height="${height}" fill="${escaped(colors.card)}"/>` +
    `<text x="${EDGE}" y="20" fill="${escaped(colors.ink)}" font-size="14" font-weight="600">${escaped(title)}</text>${panes.join("")}` +
    note.map((line, index) => `<text x="${EDGE}" y="${height - 24 + 16 * index}" fill="${escaped(colors.text)}">${escaped(line)}</text>`).join("") + "</svg>\n";
  return new Blob([text], { type: "image/svg+xml" });
}
