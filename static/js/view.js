// A chart with its tools: keys, buttons, menus, pictures, and the address that leads back to what is seen.
import { Chart } from "./chart.js";
import { offerColumns } from "./columns.js";
import { durationWords } from "./format.js";
import { gestures } from "./gestures.js";
import { listMarks } from "./marks.js";
import { choiceText, quantityText, readChoice, readQuantities, usualChoice } from "./quantities.js";

// Browsers count how often an address is changed.
const ADDRESS_AFTER_MS = 300;
// Room for what stands around the chart when it fills the screen, CSS pixels.
const FULL_REST_PX = 76;
const MARKS_EVERY_MS = 10_000;

const find = (selector, root = document) => root.querySelector(selector);
const readMoment = (params, name) => (/^\d{1,17}$/.test(params.get(name) ?? "") ? Number(params.get(name)) : null);

// A menu near the right edge opens to the left.
function turnInside(menu) {
  menu.classList.remove("is-right");
  const { right } = find(".menu-body", menu).getBoundingClientRect();
  menu.classList.toggle("is-right", menu.open && right > document.documentElement.clientWidth - 12);
}

export class View {
  #stop = new AbortController();
  #timers = new Set();
  #addressAt;

  // `facts` is the element with the data attributes of the series. options: windowUs, stepNames, nowUs(), changed(what),
  // words: { reset, failed }.
  constructor(element, facts, options) {
    this.element = element;
    this.options = options;
    const params = new URLSearchParams(location.search);
    this.quantityText = facts.dataset.quantities;
    const quantities = readQuantities(this.quantityText);
    const [fromUs, toUs] = [readMoment(params, "from_us"), readMoment(params, "to_us")];
    const { stream, origin, experiment } = facts.dataset;
    this.stream = Number(stream);
    this.experiment = experiment ? Number(experiment) : null;
    element.hidden = false;
    element.tabIndex = 0;
    element.setAttribute("role", "application");
    element.setAttribute("aria-label", "Chart. Arrow keys move the cursor, plus and minus zoom, Page up and Page down move the window, Escape goes back.");
    element.setAttribute("aria-describedby", "chart-summary");
    this.chart = new Chart(element, {
      stream: this.stream,
      startedUs: origin ? Number(origin) : null,
      byClock: params.get("axis") === "clock",
      windowUs: options.windowUs,
      zoomUs: fromUs !== null && toUs > fromUs ? [fromUs, toUs] : null,
      quantities,
      choice: readChoice(params.get("show"), quantities),
      stepNames: options.stepNames,
      nowUs: options.nowUs,
      on: (what) => this.#changed(what),
    });
    this.endGestures = gestures(this.chart, element);
    this.#listen(element, "keydown", (event) => this.#key(event));
    this.#listen(document, "click", (event) => this.#press(event));
    this.#listen(document, "keydown", (event) => event.key === "Escape" && this.#closeMenus());
    for (const menu of document.querySelectorAll("details.chart-menu")) this.#listen(menu, "toggle", () => turnInside(menu));
    this.#listen(document, "fullscreenchange", () => this.#fill());
    this.#listen(window, "resize", () => this.#fill());
    this.#listen(document, "visibilitychange", () => this.chart.draw());
    this.#listen(document, "themechange", () => this.chart.recolor());
    this.#offer();
    const full = find("[data-full]");
    if (full) full.hidden = !document.fullscreenEnabled;
    this.chart.load();
    this.loadMarks();
    if (options.grows) this.#every(MARKS_EVERY_MS, () => !document.hidden && this.loadMarks());
  }

  #listen(target, name, handler) { target.addEventListener(name, handler, { signal: this.#stop.signal }); }
  #every(ms, deed) { this.#timers.add(setInterval(deed, ms)); }

  destroy() {
    this.#stop.abort();
    for (const timer of this.#timers) clearInterval(timer);
    clearTimeout(this.#addressAt);
    this.endGestures();
    this.chart.destroy();
    this.chart = undefined;
  }

  // The page was told of another set of columns, while the series stays the same.
  setQuantities(text) {
    if (!this.chart || text === this.quantityText) return;
    this.quantityText = text;
    this.chart.quantities = readQuantities(text);
    this.#offer();
  }

  #offer() {
    const place = find("[data-columns]");
    if (!place) return;
    offerColumns(place, this.chart, {
      choose: (choice) => this.chart.setChoiceOfColumns(choice),
      byClock: (byClock) => this.chart.setByClock(byClock),
    });
  }

  async loadMarks() {
    if (this.experiment === null) return;
    try {
      const answer = await fetch(`/api/v1/experiments/${this.experiment}/marks`, { signal: this.#stop.signal });
      if (!answer.ok || !this.chart) return;
      const { marks, limits } = await answer.json();
      this.chart.setMarks(marks, limits);
      this.#list();
    } catch {
      // The series says when the server is away; marks come with the next try.
    }
  }

  #list() {
    const list = find("[data-marks]");
    if (list && this.chart) listMarks(list, this.chart.marks, this.chart.range());
  }

  // Called once a second on a page that lives.
  tick() {
    if (this.chart.frozenAtUs === null && !this.chart.zoom) this.chart.draw();
    this.#list();
  }

  #changed(what) {
    // While it is being made there is nothing to tell of it.
    if (!this.chart) return;
    const note = find("[data-chart-note]");
    if (what === "failed") {
      note.textContent = this.options.words.failed;
      return;
    }
    const zoom = this.chart.zoom?.map((x) => this.chart.timeLabel(x, true, this.chart.zoom[1] - this.chart.zoom[0] < 30 ? 3 : 0));
    const missing = this.chart.missing ? `${this.chart.missing} ` : "";
    note.textContent = missing + (zoom ? `Zoomed to ${zoom[0]} to ${zoom[1]}. ${this.options.words.reset}` : (this.options.frozenWords?.() ?? ""));
    if (what === "loaded") this.#describe();
    else this.#writeAddress();
    this.#list();
    this.options.changed?.(what);
  }

  // The summary and what is drawn.
  #describe() {
    const { bucketUs, data, shown } = this.chart;
    find("#chart-title").textContent = `${shown.map(({ name }) => name).join(", ")} of ${this.element.dataset.title}.`;
    find("[data-drawn]").textContent = bucketUs ? `Lowest and highest of every ${durationWords(bucketUs)} drawn` : "Every sample drawn";
    const sentences = shown.map((one) => {
      const values = data[one.at].filter((value) => value !== null);
      if (values.length === 0) return "";
      const [low, high] = values.reduce(([l, h], v) => [Math.min(l, v), Math.max(h, v)], [Infinity, -Infinity]);
      const [end, least, most] = [values.at(-1), low, high].map((value) => quantityText(one, value));
      return `${one.name} ${end} ${one.unit} at the end, between ${least} and ${most} ${one.unit}.`;
    });
    find("[data-summary]").textContent = sentences.join(" ") || "No samples in this window.";
  }

  // What is seen, as parts of an address.
  params() {
    const { chart } = this;
    const show = choiceText(chart.choice);
    const still = chart.zoom ?? (chart.frozenAtUs === null ? null : chart.range());
    return {
      show: show === choiceText(usualChoice(chart.quantities)) ? null : show,
      axis: chart.byClock && chart.startedUs !== null ? "clock" : null,
      from_us: still ? String(chart.us(still[0])) : null,
      to_us: still ? String(chart.us(still[1])) : null,
    };
  }

  address() {
    const address = new URL(location.href);
    for (const [name, value] of Object.entries(this.params())) {
      if (value === null) address.searchParams.delete(name);
      else address.searchParams.set(name, value);
    }
    // These read better as they are, and mean the same.
    address.search = address.search.replaceAll("%2C", ",").replaceAll("%3A", ":");
    address.hash = "";
    return address;
  }

  #writeAddress() {
    clearTimeout(this.#addressAt);
    this.#addressAt = setTimeout(() => history.replaceState(history.state, "", this.address()), ADDRESS_AFTER_MS);
  }

  #closeMenus(except) {
    for (const menu of document.querySelectorAll("details.chart-menu[open]")) {
      if (menu === except) continue;
      const had = menu.contains(document.activeElement);
      menu.open = false;
      if (had) find("summary", menu).focus();
    }
  }

  async #press(event) {
    this.#closeMenus(event.target.closest("details.chart-menu"));
    const { chart } = this;
    const csv = event.target.closest("[data-csv]");
    // The link of the page as it was sent has the window of that moment.
    if (csv) csv.href = this.csvAddress();
    const button = event.target.closest("button");
    if (!button) return;
    const { zoom, save } = button.dataset;
    if (zoom === "in") chart.zoomBy(0.5);
    else if (zoom === "out") chart.zoomBy(2);
    else if (zoom === "reset") chart.resetZoom();
    else if (zoom === "earlier") chart.earlier();
    else if (zoom === "later") chart.later();
    else if ("full" in button.dataset) this.#full();
    else if (save) await this.#save(save);
    else if ("copy" in button.dataset) {
      const address = this.address().href;
      await navigator.clipboard?.writeText(address).catch(() => undefined);
      find("[data-chart-note]").textContent = `Link to this view copied: ${address}`;
    }
  }

  csvAddress() {
    const { chart } = this;
    const [from, to] = chart.range().map((x) => String(chart.us(x)));
    const columns = chart.columns.join(",");
    return `/streams/${this.stream}/window.csv?${new URLSearchParams({ columns, from_us: from, to_us: to })}`;
  }

  async #save(kind) {
    const { chart } = this;
    // Only who asks for a picture fetches what makes one.
    const picture = await import("./picture.js");
    const [from, to] = chart.range();
    const name = this.element.dataset.title;
    const words = {
      title: name,
      note: [
        `${chart.originUs === null ? "Time of day" : "Elapsed test time"} ${chart.timeLabel(from)} to ${chart.timeLabel(to)}; ends ${new Date(chart.us(to) / 1000).toISOString().slice(0, 19)} UTC`,
        find("[data-drawn]").textContent,
      ],
    };
    const blob = kind === "png" ? await picture.png(chart, words) : picture.svg(chart, words);
    const stamp = new Date(chart.us(to) / 1000).toISOString().slice(0, 19).replaceAll(":", "");
    picture.save(`${name.replace(/[^\p{L}\p{N}]+/gu, "_").slice(0, 80)}_${stamp}.${kind}`, blob);
    this.#closeMenus();
    find("[data-chart-note]").textContent = `Saved as ${kind.toUpperCase()}.`;
  }

  #full() {
    const frame = this.element.closest("[data-full-frame]");
    if (document.fullscreenElement) document.exitFullscreen();
    else frame.requestFullscreen().catch(() => { find("[data-chart-note]").textContent = "The browser does not give the whole screen."; });
  }

  #fill() {
    const frame = this.element.closest("[data-full-frame]");
    const isFull = document.fullscreenElement === frame;
    const button = find("[data-full]");
    button?.setAttribute("aria-pressed", String(isFull));
    const above = this.element.getBoundingClientRect().top;
    this.chart.setRoom(isFull ? Math.max(innerHeight - above - FULL_REST_PX, 200) : 0);
  }

  #key(event) {
    const { chart } = this;
    const moves = { ArrowLeft: -1, ArrowRight: 1, Home: -Infinity, End: Infinity };
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const words = find("[data-cursor-words]");
    if (event.key in moves) {
      chart.moveCursor(moves[event.key] * (event.shiftKey ? 10 : 1));
      // Said only when somebody asked by key: live values are not announced.
      if (chart.tip.index !== null) words.textContent = chart.tip.words(chart.tip.index);
    } else if (event.key === "+" || event.key === "=") chart.zoomBy(0.5);
    else if (event.key === "-") chart.zoomBy(2);
    else if (event.key === "PageUp") chart.earlier();
    else if (event.key === "PageDown") chart.later();
    else if (event.key === "Escape") {
      // The same key leaves the whole screen; the browser sees to that.
      chart.resetZoom();
      chart.hideCursor();
      words.textContent = "";
    } else return;
    event.preventDefault();
  }
}
