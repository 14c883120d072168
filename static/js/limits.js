// Limits of a run: dashed lines across the pane of their column, with words. A limit outside the axis is not drawn: a curve far
// from it should not be pressed flat for its sake.
import { quantityText, shownValue } from "./quantities.js";

// Longer than those of a current.
const DASH = [10, 4];

// Those of a pane that its axes reach: [{ y, words, tone }], in CSS pixels from the top of the plot.
export function limitsIn(plot, series, limits, scaleOf) {
  return limits.flatMap(({ column, value, side }) => {
    const one = series.find((candidate) => candidate.column === column);
    if (!one) return [];
    const shown = shownValue(one, value);
    const scale = plot.scales[scaleOf(one)];
    if (shown < scale.min || shown > scale.max) return [];
    const words = `Stops ${side} ${quantityText(one, shown)} ${one.unit}`;
    return [{ y: plot.valToPos(shown, scaleOf(one)), words, tone: one.tone }];
  });
}

export function drawLimits(plot, lines, colors) {
  const { ctx, bbox } = plot;
  const dpr = devicePixelRatio;
  ctx.save();
  ctx.font = `${11.5 * dpr}px Inter, system-ui, sans-serif`;
  ctx.textAlign = "left";
  for (const { y, words, tone } of lines) {
    const at = bbox.top + y * dpr;
    ctx.strokeStyle = ctx.fillStyle = colors[tone];
    ctx.lineWidth = dpr;
    ctx.setLineDash(DASH.map((length) => length * dpr));
    ctx.beginPath();
    ctx.moveTo(bbox.left, at);
    ctx.lineTo(bbox.left + bbox.width, at);
    ctx.stroke();
    ctx.setLineDash([]);
    // Above the line, below where there is no room.
    const isLow = y > 18;
    ctx.textBaseline = isLow ? "bottom" : "top";
    const base = at + (isLow ? -3 : 3) * dpr;
    const width = ctx.measureText(words).width;
    ctx.globalAlpha = 0.85;
    ctx.fillStyle = colors.card;
    ctx.fillRect(bbox.left + 4 * dpr, isLow ? base - 13 * dpr : base, width + 4 * dpr, 13 * dpr);
    ctx.globalAlpha = 1;
    ctx.fillStyle = colors[tone];
    ctx.fillText(words, bbox.left + 6 * dpr, base);
  }
  ctx.restore();
}
