// The ribbon of steps over the chart: number and kind of each, dotted lines at its borders, the present one outlined.

// More borders than this many pixels allow would be a grey wall.
const PIXELS_PER_STEP_MIN = 5;

// Stretches of equal step: [{ step, from, to }] in x.
export function stretches(xs, steps) {
  const found = [];
  for (let index = 0; index < xs.length; index++) {
    const step = steps[index];
    if (step === null || step === undefined) continue;
    const last = found.at(-1);
    if (last && last.step === Math.round(step)) last.to = xs[index];
    else {
      if (last) last.to = xs[index];
      found.push({ step: Math.round(step), from: xs[index], to: xs[index] });
    }
  }
  return found;
}

export function drawRibbon(plot, ribbon, names, colors, height) {
  const { ctx, bbox } = plot;
  const { min, max } = plot.scales.x;
  const shown = ribbon.filter(({ from, to }) => to >= min && from <= max);
  const dpr = devicePixelRatio;
  if (shown.length === 0 || shown.length * PIXELS_PER_STEP_MIN * dpr > bbox.width) return;
  const top = bbox.top - height * dpr;
  const present = ribbon.at(-1);
  ctx.save();
  ctx.font = `500 ${11.5 * dpr}px Inter, system-ui, sans-serif`;
  ctx.textAlign = "center";
  ctx.textBaseline = "middle";
  for (const stretch of shown) {
    const left = Math.max(plot.valToPos(stretch.from, "x", true), bbox.left) + dpr;
    const right = Math.min(plot.valToPos(stretch.to, "x", true), bbox.left + bbox.width) - dpr;
    const width = right - left;
    if (width <= 0) continue;
    const isPresent = stretch === present;
    ctx.fillStyle = isPresent ? colors.tint : colors.gap;
    ctx.beginPath();
    ctx.roundRect(left, top, width, (height - 5) * dpr, Math.min(3 * dpr, width / 2));
    ctx.fill();
    if (isPresent) {
      ctx.strokeStyle = colors.accent;
      ctx.lineWidth = dpr;
      ctx.stroke();
    }
    const number = String(stretch.step);
    const label = [names.get(stretch.step), number].find((text) => text && ctx.measureText(text).width < width - 8 * dpr);
    ctx.fillStyle = isPresent ? colors.accent : colors.text;
    if (label) ctx.fillText(label, left + width / 2, top + ((height - 5) * dpr) / 2 + dpr / 2);
    if (stretch.from > min) dotted(ctx, left - dpr, bbox, colors.edge);
  }
  ctx.restore();
}

// The borders alone, for the pane below.
export function drawBorders(plot, ribbon, colors) {
  const { ctx, bbox } = plot;
  const { min, max } = plot.scales.x;
  const shown = ribbon.filter(({ from }) => from > min && from <= max);
  if (shown.length * PIXELS_PER_STEP_MIN * devicePixelRatio > bbox.width) return;
  ctx.save();
  for (const { from } of shown) dotted(ctx, plot.valToPos(from, "x", true), bbox, colors.edge);
  ctx.restore();
}

function dotted(ctx, x, bbox, color) {
  ctx.strokeStyle = color;
  ctx.lineWidth = devicePixelRatio;
  ctx.globalAlpha = 0.55;
  ctx.setLineDash([2 * devicePixelRatio, 3 * devicePixelRatio]);
  ctx.beginPath();
  ctx.moveTo(x, bbox.top);
  ctx.lineTo(x, bbox.top + bbox.height);
  ctx.stroke();
  ctx.setLineDash([]);
  ctx.globalAlpha = 1;
}
