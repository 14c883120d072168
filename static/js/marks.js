// Alarms on the time axis: a full line in every pane, and over the first a flag with shape and words.
import { clockText } from "./format.js";

// Longer words are cut; the list under the chart has all of them.
const WORDS_MAX = 34;
// Between two flags, CSS pixels; what comes closer has its shape only.
const APART = 6;

const font = (px, weight = 600) => `${weight} ${px * devicePixelRatio}px Inter, system-ui, sans-serif`;

// A triangle for a warning, an octagon for an alarm: told apart without colour.
function shape(ctx, severity, x, y, r) {
  ctx.beginPath();
  const corners = severity === "warning" ? 3 : 8;
  for (let corner = 0; corner < corners; corner++) {
    const turn = (2 * Math.PI * corner) / corners + (corners === 3 ? -Math.PI / 2 : Math.PI / 8);
    ctx.lineTo(x + r * Math.cos(turn), y + r * Math.sin(turn));
  }
  ctx.closePath();
  ctx.fill();
}

export const flagWords = ({ words }) => (words.length > WORDS_MAX ? `${words.slice(0, WORDS_MAX - 1)}…` : words);
export const isWarning = ({ severity }) => severity === "warning";

export function drawMarks(plot, marks, colors, withFlags) {
  const { ctx, bbox } = plot;
  const { min, max } = plot.scales.x;
  const dpr = devicePixelRatio;
  const shown = marks.filter(({ x }) => x >= min && x <= max);
  if (shown.length === 0) return;
  ctx.save();
  ctx.textBaseline = "middle";
  ctx.textAlign = "left";
  let free = -Infinity;
  for (const mark of shown) {
    const color = isWarning(mark) ? colors.warning : colors.alarm;
    const x = plot.valToPos(mark.x, "x", true);
    ctx.strokeStyle = color;
    ctx.lineWidth = 1.5 * dpr;
    ctx.beginPath();
    ctx.moveTo(x, bbox.top);
    ctx.lineTo(x, bbox.top + bbox.height);
    ctx.stroke();
    if (!withFlags) continue;
    ctx.font = font(11.5);
    const words = flagWords(mark);
    const width = ctx.measureText(words).width + 26 * dpr;
    const height = 19 * dpr;
    const top = bbox.top + 3 * dpr;
    // The flag stands beside its line, to the left where there is no room to the right.
    const left = x + width <= bbox.left + bbox.width ? x : x - width;
    ctx.fillStyle = color;
    if (left < free || left < bbox.left || mark.words === "") {
      shape(ctx, mark.severity, x, top + height / 2, 6 * dpr);
      free = Math.max(free, x + 6 * dpr + APART * dpr);
      continue;
    }
    ctx.fillStyle = isWarning(mark) ? colors.warningTint : colors.alarmTint;
    ctx.lineWidth = dpr;
    ctx.beginPath();
    ctx.roundRect(left, top, width, height, 4 * dpr);
    ctx.fill();
    ctx.stroke();
    ctx.fillStyle = color;
    shape(ctx, mark.severity, left + 11 * dpr, top + height / 2, 5.5 * dpr);
    ctx.fillText(words, left + 20 * dpr, top + height / 2 + dpr / 2);
    free = left + width + APART * dpr;
  }
  ctx.restore();
}

// The same as links under the chart: for readers of the screen, and for what was cut. The newest first.
const LISTED_MAX = 8;

export function listMarks(element, marks, [min, max]) {
  const shown = marks.filter(({ x }) => x >= min && x <= max).reverse();
  const key = shown.map(({ href }) => href).join(" ");
  if (element.dataset.shown === key) return;
  element.dataset.shown = key;
  element.hidden = shown.length === 0;
  const items = shown.slice(0, LISTED_MAX).map((mark) => {
    const item = document.createElement("li");
    const link = Object.assign(document.createElement("a"), { href: mark.href, textContent: mark.words });
    const what = Object.assign(document.createElement("b"), { textContent: isWarning(mark) ? "Warning" : "Alarm" });
    item.className = isWarning(mark) ? "tone-warning" : "tone-alarm";
    item.append(what, " ", Object.assign(document.createElement("span"), { textContent: clockText(mark.us) }), " ", link);
    return item;
  });
  if (shown.length > LISTED_MAX) {
    items.push(Object.assign(document.createElement("li"), { textContent: `and ${shown.length - LISTED_MAX} before` }));
  }
  element.replaceChildren(...items);
}
