// The live chart: voltage and current above, temperature below, one time axis, one cursor.
import uPlot from "../vendor/uplot.js";
import { drawEnd, drawGapNames, drawGaps, drawNames, palette } from "./draw.js";
import { elapsedText, fixed } from "./format.js";
import { drawBorders, drawRibbon, stretches } from "./ribbon.js";
import { Tip } from "./tip.js";

export const COLUMNS = ["voltage_v", "current_a", "temperature_c", "step"];
// Heights in CSS pixels; with the two lines of names they fill the frame the page keeps free.
const UPPER = 272;
const LOWER = 134;
const RIBBON = 26;
// A chart is fetched anew when it holds this many points per pixel: live points come unreduced.
const POINTS_PER_PIXEL_MAX = 4;
const RELOAD_EVERY_MS = 5_000;
// Steps of the time axis, seconds.
const X_STEPS = [1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 10800, 21600, 43200, 86400, 172800, 604800];
// Never narrower than this when zooming, seconds.
const ZOOM_MIN_S = 0.5;

const decimalsOf = (step) => {
  for (let decimals = 0; decimals < 6; decimals++) {
    const scaled = step * 10 ** decimals;
    if (Math.abs(scaled - Math.round(scaled)) < 1e-6 * scaled) return decimals;
  }
  return 6;
};

// Air around the values; never flatter than `least`, so that noise stays small.
const padded = (least) => (_, low, high) => {
  if (low === null || high === null) return [0, 1];
  const span = Math.max(high - low, least) * 1.12;
  const middle = (high + low) / 2;
  return [middle - span / 2, middle + span / 2];
};

export class Chart {
  #loading;
  #loadedAt = 0;
  #plots = [];

  // options: stream, originUs (test time) or null (time of day), windowUs or null (all), nowUs(), stepNames, on(what)
  constructor(element, options) {
    Object.assign(this, options);
    this.element = element;
    this.zeroUs = this.originUs ?? -new Date().getTimezoneOffset() * -60e6;
    this.data = [[], [], [], [], []];
    this.gaps = [];
    this.ribbon = [];
    this.zoom = null;
    this.frozenAtUs = null;
    this.#build();
    this.tip = new Tip(this);
    this.resized = new ResizeObserver(() => this.#resize());
    this.resized.observe(element);
  }

  x(us) { return (us - this.zeroUs) / 1e6; }
  us(x) { return Math.round(x * 1e6 + this.zeroUs); }

  #width() { return Math.max(this.element.clientWidth, 200); }
  #axisWidth() { return this.#width() < 480 ? 44 : 54; }
  plotWidth() { return Math.max(this.#width() - 2 * this.#axisWidth(), 100); }

  #build() {
    for (const plot of this.#plots) plot.destroy();
    this.element.replaceChildren();
    const colors = (this.colors = palette(this.element));
    const names = document.createElement("div");
    names.className = "pane-names";
    names.innerHTML = '<span class="name-voltage">Voltage, V</span><span class="name-current">Current, A</span>';
    const below = document.createElement("div");
    below.className = "pane-names";
    below.innerHTML = '<span class="name-temperature">Temperature, °C</span>';
    const [upper, lower] = [document.createElement("div"), document.createElement("div")];
    this.element.append(names, upper, below, lower);

    const axisWidth = this.#axisWidth();
    const font = "12px Inter, system-ui, sans-serif";
    const grid = { stroke: colors.grid, width: 1 };
    const y = (scale, side, size, withGrid) => ({
      scale, side, size, font, stroke: colors.text, gap: 6, space: 36,
      grid: { ...grid, show: withGrid }, ticks: { show: false },
      values: (_, splits, __, ___, step) => splits.map((value) => fixed(value, decimalsOf(step))),
    });
    const xLabel = (_, splits, __, ___, step) => splits.map((value) => this.timeLabel(value, step < 60));
    const shared = {
      legend: { show: false },
      cursor: {
        y: false,
        points: { size: 8, width: 2 },
        drag: { x: true, y: false, setScale: false, dist: 4 },
        bind: { dblclick: () => () => this.resetZoom() },
      },
    };
    const hooks = (draw) => ({
      setSelect: [(plot) => this.#selected(plot)],
      setCursor: [(plot) => this.#moved(plot)],
      drawClear: [(plot) => drawGaps(plot, this.gaps, colors)],
      draw: [draw],
    });
    const line = (scale, stroke, dash) => ({ scale, stroke, dash, width: 1.75, points: { show: false } });
    const hasSteps = this.stepNames.size > 0;
    const above = {
      ...shared,
      width: this.#width(), height: UPPER,
      padding: [hasSteps ? RIBBON : 8, 0, 8, 0],
      scales: { x: { time: false }, V: { range: padded(0.02) }, A: { range: padded(0.1) } },
      axes: [
        { show: true, size: 0, grid, ticks: { show: false }, incrs: X_STEPS, space: 80, values: (_, splits) => splits.map(() => "") },
        y("V", 3, axisWidth, true), y("A", 1, axisWidth, false),
      ],
      series: [{}, line("V", colors.voltage), line("A", colors.current, [6, 4])],
      hooks: hooks((plot) => {
        if (hasSteps) drawRibbon(plot, this.ribbon, this.stepNames, colors, RIBBON);
        drawGapNames(plot, this.gaps, colors);
        drawNames(plot, [
          { name: "Voltage", series: 1, color: colors.voltage },
          { name: "Current", series: 2, color: colors.current },
        ], colors);
        drawEnd(plot, 1, "round", colors.voltage, colors.card);
        drawEnd(plot, 2, "square", colors.current, colors.card);
      }),
    };
    const under = {
      ...shared,
      width: this.#width(), height: LOWER,
      padding: [8, axisWidth, 0, 0],
      scales: { x: { time: false }, C: { range: padded(1) } },
      axes: [
        { size: 26, font, stroke: colors.text, grid, gap: 6, ticks: { show: false }, incrs: X_STEPS, space: 80, values: xLabel },
        { ...y("C", 3, axisWidth, true), space: 26 },
      ],
      series: [{}, line("C", colors.temperature)],
      hooks: hooks((plot) => {
        if (hasSteps) drawBorders(plot, this.ribbon, colors);
        drawEnd(plot, 1, "round", colors.temperature, colors.card);
      }),
    };
    this.#plots = [new uPlot(above, this.#upperData(), upper), new uPlot(under, this.#lowerData(), lower)];
    this.draw();
  }

  #upperData() { return [this.data[0], this.data[1], this.data[2]]; }
  #lowerData() { return [this.data[0], this.data[3]]; }
  get upper() { return this.#plots[0]; }

  timeLabel(x, withSeconds = true) {
    if (this.originUs !== null) return elapsedText(x, withSeconds);
    return elapsedText(((x % 86400) + 86400) % 86400, withSeconds).padStart(withSeconds ? 8 : 5, "0");
  }

  // The range shown: the zoom, or the window up to now.
  range() {
    if (this.zoom) return this.zoom;
    const end = this.x(this.frozenAtUs ?? this.nowUs());
    if (this.windowUs !== null) return [end - this.windowUs / 1e6, end];
    const first = this.data[0][0] ?? end - 60;
    return [first, Math.max(end, first + ZOOM_MIN_S)];
  }

  draw() {
    const [min, max] = this.range();
    for (const plot of this.#plots) {
      plot.batch(() => {
        plot.setData(plot === this.upper ? this.#upperData() : this.#lowerData(), false);
        plot.setScale("x", { min, max });
      });
    }
    this.tip?.refresh();
  }

  // Fetches the range shown, reduced to the pixels there are.
  async load() {
    this.#loading?.abort();
    const loading = (this.#loading = new AbortController());
    this.#loadedAt = performance.now();
    const query = new URLSearchParams({ columns: COLUMNS.join(","), width: String(this.plotWidth()) });
    const isAll = this.windowUs === null && !this.zoom;
    if (!isAll) {
      const [min, max] = this.range();
      // A little more on both sides, so that lines reach the edges.
      const margin = (max - min) * 0.01;
      query.set("from_us", String(this.us(min - margin)));
      query.set("to_us", String(this.us(max + margin)));
    }
    try {
      const answer = await fetch(`/api/v1/streams/${this.stream}/series?${query}`, { signal: loading.signal });
      if (!answer.ok) throw new Error(`status ${answer.status}`);
      this.#take(await answer.json());
      this.on("loaded");
    } catch (error) {
      if (error.name !== "AbortError") this.on("failed", error);
    }
  }

  #take(series) {
    const late = this.data[0].length && !this.zoom && this.frozenAtUs === null ? this.data : null;
    const values = (name) => series.columns.find((column) => column.name === name)?.values ?? [];
    this.data = [series.at_us.map((us) => this.x(us)), ...COLUMNS.map(values)];
    this.gaps = series.gaps.map(([before, after]) => [this.x(before), this.x(after)]);
    this.bucketUs = series.bucket_us;
    this.rows = series.rows;
    this.stepS = series.bucket_us === null ? median(this.data[0]) : null;
    // Points that arrived while the answer was on its way.
    if (late) this.#push(late[0].map((x, index) => [x, ...late.slice(1).map((column) => column[index])]));
    this.ribbon = stretches(this.data[0], this.data[4]);
    this.draw();
  }

  // New samples: { at_us, columns } in the order of COLUMNS.
  append(points) {
    if (this.frozenAtUs !== null || this.zoom) return;
    this.#push(points.at_us.map((us, row) => [this.x(us), ...points.columns.map((column) => column[row])]));
    this.#trim();
    this.ribbon = stretches(this.data[0], this.data[4]);
    this.draw();
    const tooMany = this.data[0].length > POINTS_PER_PIXEL_MAX * this.plotWidth();
    if (tooMany && performance.now() - this.#loadedAt > RELOAD_EVERY_MS) this.load();
  }

  #push(rows) {
    const steps = rows.slice(1).map((row, index) => row[0] - rows[index][0]).filter((step) => step > 0);
    if (steps.length) this.stepS = steps.sort((a, b) => a - b)[steps.length >> 1];
    const [xs] = this.data;
    for (const row of rows) {
      const last = xs.at(-1) ?? -Infinity;
      if (row[0] <= last) continue;
      // The same rule as on the server: ten times the usual distance, and never under 2 s.
      if (row[0] - last > Math.max(2, 10 * (this.stepS ?? 1)) && last > -Infinity) {
        xs.push((last + row[0]) / 2);
        for (const column of this.data.slice(1)) column.push(null);
        this.gaps.push([last, row[0]]);
      }
      row.forEach((value, index) => this.data[index].push(value ?? null));
    }
  }

  // Forgets what has left the window.
  #trim() {
    if (this.windowUs === null) return;
    const [min] = this.range();
    const keep = this.data[0].findIndex((x) => x >= min) - 1;
    if (keep > 200) {
      this.data = this.data.map((column) => column.slice(keep));
      this.gaps = this.gaps.filter(([, after]) => after >= min);
    }
  }

  freeze() {
    this.frozenAtUs = this.nowUs();
    this.on("view");
  }

  unfreeze() {
    this.frozenAtUs = null;
    this.zoom = null;
    this.on("view");
    return this.load();
  }

  zoomTo(min, max) {
    const [low, high] = [Math.min(min, max), Math.max(min, max)];
    const half = Math.max(high - low, ZOOM_MIN_S) / 2;
    const middle = (low + high) / 2;
    this.zoom = [middle - half, middle + half];
    this.draw();
    this.on("view");
    return this.load();
  }

  // Around the cursor if there is one, otherwise towards the newest point.
  zoomBy(factor) {
    const [min, max] = this.range();
    const at = this.data[0][this.upper.cursor.idx] ?? max;
    const part = Math.min(Math.max((at - min) / (max - min), 0), 1);
    const length = (max - min) * factor;
    if (factor > 1 && !this.zoom) return undefined;
    return this.zoomTo(at - part * length, at + (1 - part) * length);
  }

  resetZoom() {
    if (!this.zoom) return undefined;
    this.zoom = null;
    this.draw();
    this.on("view");
    return this.load();
  }

  setWindow(windowUs) {
    this.windowUs = windowUs;
    this.zoom = null;
    this.frozenAtUs = null;
    this.draw();
    this.on("view");
    return this.load();
  }

  // Moves the cursor by points; ±Infinity jumps to an end. Returns whether there is anything to point at.
  moveCursor(by) {
    const [min, max] = this.range();
    const xs = this.data[0];
    const seen = xs.map((x, index) => index).filter((index) => xs[index] >= min && xs[index] <= max && this.data[1][index] !== null);
    if (seen.length === 0) return false;
    const now = this.upper.cursor.idx;
    const at = now === null || now === undefined ? seen.length : seen.findIndex((index) => index >= now);
    const next = by === -Infinity ? 0 : by === Infinity ? seen.length - 1 : (at < 0 ? seen.length : at) + by;
    const index = seen[Math.min(Math.max(next, 0), seen.length - 1)];
    this.upper.setCursor({ left: this.upper.valToPos(xs[index], "x"), top: 10 });
    return true;
  }

  hideCursor() {
    for (const plot of this.#plots) plot.setCursor({ left: -10, top: -10 }, false);
    this.tip.hide();
  }

  #selected(plot) {
    const { left, width } = plot.select;
    if (width < 2) return;
    plot.setSelect({ left: 0, top: 0, width: 0, height: 0 }, false);
    this.zoomTo(plot.posToVal(left, "x"), plot.posToVal(left + width, "x"));
  }

  #moved(plot) {
    const other = this.#plots.find((candidate) => candidate !== plot);
    const { left, idx } = plot.cursor;
    other?.setCursor({ left, top: left < 0 ? -10 : 10 }, false);
    this.tip?.show(left, left < 0 ? null : idx);
  }

  #resize() {
    const width = this.#width();
    if (width === this.upper.width) return;
    const wasNarrow = this.upper.width < 480;
    if (wasNarrow !== width < 480) this.#build();
    else this.#plots.forEach((plot) => plot.setSize({ width, height: plot.height }));
    if (this.frozenAtUs === null) this.load();
  }

  recolor() { this.#build(); }

  destroy() {
    this.#loading?.abort();
    this.resized.disconnect();
    for (const plot of this.#plots) plot.destroy();
    this.#plots = [];
  }
}

function median(xs) {
  const steps = xs.slice(-200).map((x, index, all) => (index ? x - all[index - 1] : 0)).slice(1);
  return steps.sort((a, b) => a - b)[steps.length >> 1] ?? null;
}
