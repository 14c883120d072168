// The monitor page: keeps the wall and the chosen station up to date.
import { clockText, durationWords } from "./format.js";
import { Live } from "./live.js";
import { fillTable } from "./table.js";
import { showAges, showCutOff, showProgress, showValues } from "./values.js";
import { View } from "./view.js";

const WINDOWS_US = {
  "30s": 30e6, "1m": 60e6, "5m": 300e6, "15m": 900e6, "60m": 3600e6, "4h": 14400e6, "24h": 86400e6, all: null,
};
const REFRESH_KEY = "cellar-refresh";
// Readings older than this are called by their age, not "live".
const LIVE_US = 15e6;

const find = (selector, root = document) => root.querySelector(selector);
const all = (selector, root = document) => [...root.querySelectorAll(selector)];

let view;
let chosen;

const isFrozen = () => !view || view.chart.frozenAtUs !== null;

const live = new Live({
  reopened: () => isFrozen() || view.chart.load(),
  beat: tick,
  lines: ({ lines }) => lines.forEach((line) => {
    showValues(line);
    showProgress(line);
  }),
  list: ({ html }) => replaceList(html),
  head: ({ html }) => replaceHead(html),
  points: takePoints,
  sparks: showSparks,
  reload: () => isFrozen() || view.chart.load(),
});

// Values

function showSparks(sparks) {
  for (const [key, { path, end }] of Object.entries(sparks)) {
    const svg = find(`.entry[data-key="${CSS.escape(key)}"] .spark`);
    find("path", svg ?? undefined)?.setAttribute("d", path);
    const dot = svg && find("circle", svg);
    dot?.setAttribute("cx", end[0]);
    dot?.setAttribute("cy", end[1]);
  }
}

// Samples of the chosen station: the chart, and the values over it, which need not wait for the list.
function takePoints(points) {
  if (!view || points.stream_id !== view.stream) return;
  showValues({ key: chosen, at_us: points.at_us.at(-1), values: points.last });
  view.chart.append(points);
}

// Ages go on by the server's clock, once a second and with every beat.
function tick() {
  const nowUs = live.nowUs();
  showAges(nowUs);
  const age = find("[data-age]");
  if (age) {
    const us = Math.max(0, nowUs - Number(age.dataset.age));
    const isLive = us < LIVE_US && !live.isCutOff() && age.closest("[data-live]").dataset.wasLive !== "false";
    age.textContent = isLive ? `Live, ${durationWords(us)} ago` : `Last reading ${durationWords(us)} ago`;
    age.closest("[data-live]").dataset.live = String(isLive);
    find(".readouts")?.classList.toggle("is-stale", !isLive);
  }
  showCutOff(live);
  view?.tick();
}

// Mark-up from the server

function replaceList(html) {
  const list = find("[data-list]");
  if (!list) return location.reload();
  const focused = document.activeElement?.closest?.(".entry")?.dataset.key;
  const scroll = list.scrollTop;
  list.innerHTML = html;
  list.scrollTop = scroll;
  markChosen();
  if (focused) find(`.entry[data-key="${CSS.escape(focused)}"]`)?.focus({ preventScroll: true });
  for (const chip of all("[data-chips] .chip")) {
    const count = all(".entry", find(chip.getAttribute("href")) ?? document.createElement("i")).length;
    find("b", chip).textContent = String(count);
    chip.hidden = count === 0;
  }
  return undefined;
}

function replaceHead(html) {
  const place = find("[data-head]");
  if (!place) return;
  const before = find(".head", place)?.dataset.stream;
  place.innerHTML = html;
  const { stream: after, quantities } = find(".head", place).dataset;
  // A new experiment at the station is a new series; the page's frame depends on it, and nothing of the old view holds.
  if (before !== after) {
    const { searchParams } = new URL(location.href);
    for (const name of ["show", "from_us", "to_us"]) searchParams.delete(name);
    open(`/?${searchParams}`, { push: false, replace: true });
  } else if (view) {
    view.chart.stepNames = stepNames();
    view.setQuantities(quantities);
  }
}

function markChosen() {
  for (const row of all(".entry")) {
    if (row.dataset.key === chosen) row.setAttribute("aria-current", "true");
    else row.removeAttribute("aria-current");
  }
}

// The chosen station

function stepNames() {
  return new Map(all(".strip li").map((step, index) => [index + 1, step.title]));
}

const frozenWords = () => (view?.chart.frozenAtUs ? `View frozen at ${clockText(view.chart.frozenAtUs)}, the experiment goes on.` : "");

function start() {
  view?.destroy();
  view = undefined;
  const article = find("[data-chosen]");
  chosen = article?.dataset.chosen;
  const element = find("[data-chart]");
  if (element) {
    view = new View(element, find(".head"), {
      windowUs: WINDOWS_US[article.dataset.window],
      stepNames: stepNames(),
      nowUs: () => live.nowUs(),
      grows: true,
      frozenWords,
      words: {
        reset: "Escape or a double-click goes back to now.",
        failed: "The chart could not be loaded; the readings are safe. It is tried again with the next change.",
      },
      changed,
    });
    const every = find("[data-every]");
    every.value = refresh();
    every.addEventListener("change", () => {
      localStorage.setItem(REFRESH_KEY, every.value);
      follow();
    });
  }
  follow();
}

// How often values come, in seconds; empty: as they are measured.
function refresh() {
  const kept = localStorage.getItem(REFRESH_KEY) ?? "";
  return /^\d{1,3}$/.test(kept) ? kept : "";
}

// Opens the stream of what is shown, if it is another one.
function follow() {
  const query = new URLSearchParams({ window: find("[data-chosen]")?.dataset.window ?? "5m" });
  if (view) query.set("columns", view.chart.columns.join(","));
  if (refresh()) query.set("every", refresh());
  const url = `/live/monitor?${chosen ? `${chosen}&` : ""}${query}`;
  if (url !== live.url) live.open(url);
}

function changed(what) {
  const freeze = find("[data-freeze]");
  const frozen = Boolean(view?.chart.frozenAtUs);
  if (freeze.getAttribute("aria-pressed") !== String(frozen)) {
    freeze.setAttribute("aria-pressed", String(frozen));
    freeze.lastChild.textContent = frozen ? "Unfreeze view" : "Freeze view";
  }
  if (what === "view" && view) follow();
  const table = find(".table-frame");
  if (what === "loaded" && table.open) fillTable(view.chart, table);
}

// Going elsewhere without a reload; every link works without this.

async function open(url, { push = true, replace = false, focus = false } = {}) {
  const answer = await fetch(url).catch(() => undefined);
  if (!answer?.ok) return location.assign(url);
  const page = new DOMParser().parseFromString(await answer.text(), "text/html");
  const [fresh, old] = [find(".monitor", page), find(".monitor")];
  if (!fresh || !old) return location.assign(url);
  const address = new URL(url, location.href);
  address.hash = "";
  if (push) history.pushState(null, "", address);
  else if (replace) history.replaceState(null, "", address);
  document.title = page.title;
  const article = find(".chosen", fresh);
  find(".chosen", old)?.replaceWith(article);
  find('.theme [name="back"]').value = address.pathname + address.search;
  replaceList(find("[data-list]", fresh).innerHTML);
  start();
  markChosen();
  if (focus && matchMedia("(max-width: 1099px)").matches) {
    article.scrollIntoView();
    article.focus({ preventScroll: true });
  }
  return undefined;
}

addEventListener("popstate", () => open(location.href, { push: false }));

document.addEventListener("click", (event) => {
  if (event.defaultPrevented || event.button || event.metaKey || event.ctrlKey || event.shiftKey) return;
  const row = event.target.closest(".entry");
  const choice = event.target.closest(".choice a");
  if (row) {
    event.preventDefault();
    open(row.href, { focus: true });
  } else if (choice) {
    event.preventDefault();
    chooseWindow(choice);
  }
});

function chooseWindow(link) {
  const article = find("[data-chosen]");
  article.dataset.window = link.dataset.window;
  for (const other of all(".choice a")) {
    if (other === link) other.setAttribute("aria-current", "true");
    else other.removeAttribute("aria-current");
  }
  const address = new URL(location.href);
  for (const [name, value] of new URL(link.href).searchParams) address.searchParams.set(name, value);
  address.hash = "";
  history.replaceState(null, "", address);
  for (const row of all(".entry")) row.href = row.getAttribute("href").replace(/window=\w+/, `window=${link.dataset.window}`);
  view?.chart.setWindow(WINDOWS_US[link.dataset.window]);
  follow();
}

// Tools of the chart that only a live one has

document.addEventListener("click", (event) => {
  const button = event.target.closest("button");
  if (!button || !view) return;
  const { chart } = view;
  if ("freeze" in button.dataset) chart.frozenAtUs === null ? chart.freeze() : chart.unfreeze();
  else if ("table" in button.dataset) {
    const table = find(".table-frame");
    table.open = !table.open;
    if (table.open) table.scrollIntoView({ block: "nearest" });
  }
});

document.addEventListener("toggle", (event) => {
  if (!event.target.matches?.(".table-frame")) return;
  find("[data-table]")?.setAttribute("aria-expanded", String(event.target.open));
  if (event.target.open && view) fillTable(view.chart, event.target);
}, true);

// Up and down walk through the list.
document.addEventListener("keydown", (event) => {
  const row = event.target.closest?.(".entry");
  if (!row || (event.key !== "ArrowDown" && event.key !== "ArrowUp")) return;
  const rows = all(".entry");
  const next = rows[rows.indexOf(row) + (event.key === "ArrowDown" ? 1 : -1)];
  next?.focus();
  event.preventDefault();
});

start();
setInterval(tick, 1000);
