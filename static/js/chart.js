// The chart: the quantities the reader chose in panes below each other, one time axis, one cursor.
import { unpack } from "./compact.js";
import { palette } from "./draw.js";
import { clockText, elapsedText } from "./format.js";
import { build } from "./panes.js";
import { layout, shownValue } from "./quantities.js";
import { stretches } from "./ribbon.js";
import { Tip } from "./tip.js";

// A chart is fetched anew when it holds this many points per pixel: live points come unreduced.
const POINTS_PER_PIXEL_MAX = 4;
const RELOAD_EVERY_MS = 5_000;
// Never narrower than this when zooming, seconds: a pulse of a millisecond can still be seen.
const ZOOM_MIN_S = 0.005;
// A part of the window that one press moves it by.
const PAN_PART = 0.5;
const DAY_S = 86_400;

export class Chart {
  #loading;
  #loadedAt = 0;
  #panes = [];
  #room = 0;

  // options: stream, startedUs (begin of the test) or null, byClock, windowUs or null (all), zoomUs: [from, to] or null,
  // quantities, choice, nowUs(), stepNames, on(what): "loaded", "view" or "failed"
  constructor(element, options) {
    Object.assign(this, options);
    this.element = element;
    this.gaps = [];
    this.ribbon = [];
    this.marks = [];
    this.limits = [];
    this.frozenAtUs = null;
    this.#setAxis();
    this.zoom = this.zoomUs?.map((us) => this.x(us)) ?? null;
    this.#setChoice();
    this.#build();
    this.tip = new Tip(this);
    this.resized = new ResizeObserver(() => this.#resize());
    this.resized.observe(element);
  }

  x(us) { return (us - this.zeroUs) / 1e6; }
  us(x) { return Math.round(x * 1e6 + this.zeroUs); }
  elapsed(us, decimals = 0) { return elapsedText((us - this.startedUs) / 1e6, true, decimals); }

  #setAxis() {
    this.originUs = this.byClock ? null : this.startedUs;
    this.zeroUs = this.originUs ?? -new Date().getTimezoneOffset() * -60e6;
  }

  #setChoice() {
    const { shown, panes } = layout(this.choice, this.quantities);
    this.shown = shown;
    this.layout = panes;
    this.columns = [...shown.map(({ column }) => column), "step"];
    // x, the shown columns in their shown units, and the step.
    this.data = [[], ...this.columns.map(() => [])];
  }

  #width() { return Math.max(this.element.clientWidth, 200); }
  #axisWidth() { return this.#width() < 480 ? 44 : 54; }
  plotWidth() { return Math.max(this.#width() - 2 * this.#axisWidth(), 100); }

  #build() {
    for (const { plot } of this.#panes) plot.destroy();
    this.element.replaceChildren();
    this.colors = palette(this.element);
    const size = { width: this.#width(), axisWidth: this.#axisWidth(), room: this.#room };
    this.#panes = build(this, this.element, this.layout, size);
    this.draw();
  }

  paneData(series) { return [this.data[0], ...series.map(({ at }) => this.data[at])]; }
  get upper() { return this.#panes[0].plot; }
  get panes() { return this.#panes; }

  timeLabel(x, withSeconds = true, decimals = 0) {
    if (this.originUs !== null) return elapsedText(x, withSeconds, decimals);
    return elapsedText(((x % DAY_S) + DAY_S) % DAY_S, withSeconds, decimals).padStart(withSeconds ? 8 : 5, "0");
  }

  // A label of the time axis, whose steps are so many seconds.
  axisLabel(x, step) {
    const decimals = step >= 1 ? 0 : step >= 0.1 ? 1 : step >= 0.01 ? 2 : 3;
    const isDays = this.originUs === null && step >= DAY_S / 4;
    if (!isDays) return this.timeLabel(x, step < 60, decimals);
    const at = new Date(this.us(x) / 1000);
    return at.toLocaleDateString("en-GB", { day: "numeric", month: "short" }) + (step < DAY_S ? ` ${clockText(this.us(x)).slice(0, 5)}` : "");
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
    // Nobody looks: what is missed is drawn when somebody does.
    if (document.hidden) return;
    const [min, max] = this.range();
    for (const { plot, series } of this.#panes) {
      plot.batch(() => {
        plot.setData(this.paneData(series), false);
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
    const query = new URLSearchParams({ columns: this.columns.join(","), width: String(this.plotWidth()), form: "compact" });
    if (this.windowUs !== null || this.zoom) {
      const [min, max] = this.range();
      // A little more on both sides, so that lines reach the edges.
      const margin = (max - min) * 0.01;
      query.set("from_us", String(this.us(min - margin)));
      query.set("to_us", String(this.us(max + margin)));
    }
    try {
      const answer = await fetch(`/api/v1/streams/${this.stream}/series?${query}`, { signal: loading.signal });
      if (!answer.ok) throw new Error(`status ${answer.status}`);
      this.#take(unpack(await answer.json()));
      this.on("loaded");
    } catch (error) {
      if (error.name !== "AbortError") this.on("failed", error);
    }
  }

  #take(series) {
    const late = this.data[0].length && !this.zoom && this.frozenAtUs === null ? this.data : null;
    const values = (name) => series.columns.find((column) => column.name === name)?.values ?? [];
    this.data = [series.at_us.map((us) => this.x(us)), ...this.columns.map((name) => this.#shownColumn(name, values(name)))];
    this.gaps = series.gaps.map(([before, after]) => [this.x(before), this.x(after)]);
    this.bucketUs = series.bucket_us;
    this.rows = series.rows;
    // Why samples are not drawn: the archive does not give them.
    this.missing = series.missing ?? "";
    this.stepS = series.bucket_us === null ? median(this.data[0]) : null;
    // Points that arrived while the answer was on its way.
    if (late) this.#push(late[0].map((x, index) => [x, ...late.slice(1).map((column) => column[index])]));
    this.ribbon = stretches(this.data[0], this.data.at(-1));
    this.draw();
  }

  // A column in its shown unit; most are shown as they are stored.
  #shownColumn(name, values) {
    const quantity = this.shown.find(({ column }) => column === name);
    if (!quantity || (quantity.scale === 1 && quantity.offset === 0)) return values;
    return values.map((value) => shownValue(quantity, value));
  }

  // New samples: { at_us, names, columns }.
  append(points) {
    if (this.frozenAtUs !== null || this.zoom) return;
    const columns = this.columns.map((name) => this.#shownColumn(name, points.columns[points.names.indexOf(name)] ?? []));
    this.#push(points.at_us.map((us, row) => [this.x(us), ...columns.map((column) => column[row])]));
    this.#trim();
    this.ribbon = stretches(this.data[0], this.data.at(-1));
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

  // Shows a part at once, with what is there; `load` fetches the rest of it.
  show(min, max) {
    const [low, high] = [Math.min(min, max), Math.max(min, max)];
    const half = Math.max(high - low, ZOOM_MIN_S) / 2;
    const middle = (low + high) / 2;
    this.zoom = [middle - half, middle + half];
    this.draw();
    this.on("view");
  }

  zoomTo(min, max) {
    this.show(min, max);
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

  // Moves the window by parts of its length; a live one stands still then.
  panBy(part) {
    const [min, max] = this.range();
    const by = (max - min) * part;
    return this.zoomTo(min + by, max + by);
  }

  earlier() { return this.panBy(-PAN_PART); }
  later() { return this.panBy(PAN_PART); }

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

  setChoiceOfColumns(choice) {
    this.choice = choice;
    this.#setChoice();
    this.gaps = [];
    this.#build();
    this.on("view");
    return this.load();
  }

  setByClock(byClock) {
    const zoomUs = this.zoom?.map((x) => this.us(x));
    const marksUs = this.marks.map(({ us }) => us);
    this.byClock = byClock;
    this.#setAxis();
    this.#setChoice();
    this.gaps = [];
    this.zoom = zoomUs?.map((us) => this.x(us)) ?? null;
    this.marks.forEach((mark, index) => { mark.x = this.x(marksUs[index]); });
    this.#build();
    this.on("view");
    return this.load();
  }

  // Alarms: [{ at_us, severity, words, href }]; limits: [{ column, value, side }].
  setMarks(marks, limits = []) {
    this.limits = limits;
    this.marks = marks.map(({ at_us: us, ...mark }) => ({ ...mark, us, x: this.x(us) })).sort((a, b) => a.x - b.x);
    this.draw();
  }

  // Fills so many CSS pixels of height; as usual without.
  setRoom(room) {
    if (room === this.#room) return;
    this.#room = room;
    this.#build();
  }

  // Moves the cursor by points; ±Infinity jumps to an end. Returns whether there is anything to point at.
  moveCursor(by) {
    const [min, max] = this.range();
    const xs = this.data[0];
    const seen = xs.map((x, index) => index).filter((index) => xs[index] >= min && xs[index] <= max && this.shown.some(({ at }) => this.data[at][index] !== null));
    if (seen.length === 0) return false;
    const now = this.upper.cursor.idx;
    const at = now === null || now === undefined ? seen.length : seen.findIndex((index) => index >= now);
    const next = by === -Infinity ? 0 : by === Infinity ? seen.length - 1 : (at < 0 ? seen.length : at) + by;
    const index = seen[Math.min(Math.max(next, 0), seen.length - 1)];
    this.upper.setCursor({ left: this.upper.valToPos(xs[index], "x"), top: 10 });
    return true;
  }

  hideCursor() {
    for (const { plot } of this.#panes) plot.setCursor({ left: -10, top: -10 }, false);
    this.tip.hide();
  }

  // With the shift key a drag moves the window instead of choosing a part of it.
  isPanning(event) { return event.shiftKey; }

  selected(plot) {
    const { left, width } = plot.select;
    if (width < 2) return;
    plot.setSelect({ left: 0, top: 0, width: 0, height: 0 }, false);
    this.zoomTo(plot.posToVal(left, "x"), plot.posToVal(left + width, "x"));
  }

  moved(plot) {
    const { left, idx } = plot.cursor;
    for (const other of this.#panes) {
      if (other.plot !== plot) other.plot.setCursor({ left, top: left < 0 ? -10 : 10 }, false);
    }
    this.tip?.show(left, left < 0 ? null : idx);
  }

  #resize() {
    const width = this.#width();
    if (width === this.upper.width) return;
    const wasNarrow = this.upper.width < 480;
    if (wasNarrow !== width < 480) this.#build();
    else this.#panes.forEach(({ plot }) => plot.setSize({ width, height: plot.height }));
    if (this.frozenAtUs === null) this.load();
  }

  recolor() { this.#build(); }

  destroy() {
    this.#loading?.abort();
    this.resized.disconnect();
    for (const { plot } of this.#panes) plot.destroy();
    this.#panes = [];
  }
}

function median(xs) {
  const steps = xs.slice(-200).map((x, index, all) => (index ? x - all[index - 1] : 0)).slice(1);
  return steps.sort((a, b) => a - b)[steps.length >> 1] ?? null;
}
