// The monitor page: keeps the wall and the chosen station up to date.
import { Chart, COLUMNS } from "./chart.js";
import { clockText, durationWords, elapsedText, valueText } from "./format.js";
import { Live } from "./live.js";
import { showAges, showCutOff, showValues } from "./values.js";

const WINDOWS_US = { "1m": 60e6, "5m": 300e6, "15m": 900e6, "60m": 3600e6, "24h": 86400e6, all: null };
// Readings older than this are called by their age, not "live".
const LIVE_US = 15e6;
const TABLE_ROWS_MAX = 60;

const find = (selector, root = document) => root.querySelector(selector);
const all = (selector, root = document) => [...root.querySelectorAll(selector)];

let chart;
let chosen;

const live = new Live({
  reopened: () => chart && chart.frozenAtUs === null && chart.load(),
  beat: tick,
  lines: ({ lines }) => lines.forEach((line) => showValues(line)),
  list: ({ html }) => replaceList(html),
  head: ({ html }) => replaceHead(html),
  points: (points) => chart && points.stream_id === chart.stream && chart.append(points),
  sparks: showSparks,
  reload: () => chart && chart.frozenAtUs === null && chart.load(),
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
  if (chart && chart.frozenAtUs === null && !chart.zoom) chart.draw();
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
  const after = find(".head", place).dataset.stream;
  // A new experiment at the station is a new series; the page's frame depends on it.
  if (before !== after) open(location.href, { push: false });
  else if (chart) chart.stepNames = stepNames();
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

function start() {
  chart?.destroy();
  chart = undefined;
  const article = find("[data-chosen]");
  chosen = article?.dataset.chosen;
  const window = article?.dataset.window ?? "5m";
  live.open(`/live/monitor?${chosen ?? ""}&window=${window}`);
  const element = find("[data-chart]");
  if (!element) return;
  const head = find(".head");
  element.hidden = false;
  element.tabIndex = 0;
  element.setAttribute("role", "application");
  element.setAttribute("aria-label", "Chart of voltage, current and temperature. Arrow keys move the cursor, plus and minus zoom, Escape goes back.");
  element.setAttribute("aria-describedby", "chart-summary");
  chart = new Chart(element, {
    stream: Number(head.dataset.stream),
    originUs: head.dataset.origin ? Number(head.dataset.origin) : null,
    windowUs: WINDOWS_US[window],
    stepNames: stepNames(),
    nowUs: () => live.nowUs(),
    on: changed,
  });
  element.addEventListener("keydown", onChartKey);
  chart.load();
}

function changed(what) {
  const note = find("[data-chart-note]");
  if (what === "failed") {
    note.textContent = "The chart could not be loaded; the readings are safe. It is tried again with the next change.";
    return;
  }
  if (chart?.zoom) {
    const [from, to] = chart.zoom.map((x) => chart.timeLabel(x));
    note.textContent = `Zoomed to ${from} to ${to}. Escape or a double-click goes back to now.`;
  } else if (chart?.frozenAtUs) {
    note.textContent = `View frozen at ${clockText(chart.frozenAtUs)}, the experiment goes on.`;
  } else note.textContent = "";
  const freeze = find("[data-freeze]");
  const frozen = Boolean(chart?.frozenAtUs);
  freeze.setAttribute("aria-pressed", String(frozen));
  freeze.lastChild.textContent = frozen ? "Unfreeze view" : "Freeze view";
  if (what === "loaded") describe();
}

// The summary, what is drawn, and the table if it is open.
function describe() {
  const { bucketUs, data } = chart;
  find("[data-drawn]").textContent = bucketUs ? `Lowest and highest of every ${durationWords(bucketUs)} drawn` : "Every sample drawn";
  const names = [["Voltage", "voltage_v", "V"], ["Current", "current_a", "A"], ["Temperature", "temperature_c", "°C"]];
  const sentences = names.map(([name, column, unit], index) => {
    const values = data[index + 1].filter((value) => value !== null);
    if (values.length === 0) return "";
    const [low, high] = values.reduce(([l, h], v) => [Math.min(l, v), Math.max(h, v)], [Infinity, -Infinity]);
    return `${name} ${valueText(column, values.at(-1))} ${unit} at the end, between ${valueText(column, low)} and ${valueText(column, high)} ${unit}.`;
  });
  find("[data-summary]").textContent = sentences.join(" ") || "No samples in this window.";
  if (find(".table-frame").open) fillTable();
}

function fillTable() {
  const measured = chart.data[0].map((_, index) => index).filter((index) => chart.data.slice(1, 4).some((column) => column[index] !== null));
  const stride = Math.max(1, Math.ceil(measured.length / TABLE_ROWS_MAX));
  const rows = measured.reverse().filter((_, index) => index % stride === 0).map((index) => {
    const row = document.createElement("tr");
    const us = chart.us(chart.data[0][index]);
    const time = Object.assign(document.createElement("time"), { dateTime: new Date(us / 1000).toISOString(), textContent: clockText(us) });
    row.append(document.createElement("td"), document.createElement("td"));
    row.cells[0].append(time);
    row.cells[1].textContent = chart.originUs === null ? "" : elapsedText(chart.data[0][index]);
    COLUMNS.slice(0, 3).forEach((column, at) => {
      const cell = row.insertCell();
      cell.className = "n";
      cell.textContent = valueText(column, chart.data[at + 1][index]);
    });
    return row;
  });
  find("[data-rows]").replaceChildren(...rows);
  const note = stride > 1 || chart.bucketUs ? "Rows are spread evenly over the window. Choose a shorter one for every sample." : "Every sample of the window.";
  find("[data-table-note]").textContent = note;
}

// Going elsewhere without a reload; every link works without this.

async function open(url, { push = true, focus = false } = {}) {
  const answer = await fetch(url).catch(() => undefined);
  if (!answer?.ok) return location.assign(url);
  const page = new DOMParser().parseFromString(await answer.text(), "text/html");
  const [fresh, old] = [find(".monitor", page), find(".monitor")];
  if (!fresh || !old) return location.assign(url);
  const address = new URL(url, location.href);
  address.hash = "";
  if (push) history.pushState(null, "", address);
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
  const address = new URL(link.href);
  address.hash = "";
  history.replaceState(null, "", address);
  for (const row of all(".entry")) row.href = row.getAttribute("href").replace(/window=\w+/, `window=${link.dataset.window}`);
  live.url = `/live/monitor?${chosen}&window=${link.dataset.window}`;
  chart?.setWindow(WINDOWS_US[link.dataset.window]);
}

// Tools of the chart

document.addEventListener("click", async (event) => {
  const button = event.target.closest("button");
  if (!button || !chart) return;
  if (button.dataset.zoom === "in") chart.zoomBy(0.5);
  else if (button.dataset.zoom === "out") chart.zoomBy(2);
  else if (button.dataset.zoom === "reset") chart.resetZoom();
  else if ("freeze" in button.dataset) chart.frozenAtUs === null ? chart.freeze() : chart.unfreeze();
  else if ("table" in button.dataset) {
    const table = find(".table-frame");
    table.open = !table.open;
    if (table.open) table.scrollIntoView({ block: "nearest" });
  } else if ("copy" in button.dataset) {
    await navigator.clipboard?.writeText(location.href).catch(() => undefined);
    find("[data-chart-note]").textContent = `Link to this view copied: ${location.href}`;
  }
});

document.addEventListener("toggle", (event) => {
  if (!event.target.matches?.(".table-frame")) return;
  find("[data-table]")?.setAttribute("aria-expanded", String(event.target.open));
  if (event.target.open && chart) fillTable();
}, true);

function onChartKey(event) {
  const moves = { ArrowLeft: -1, ArrowRight: 1, Home: -Infinity, End: Infinity };
  if (event.ctrlKey || event.metaKey || event.altKey) return;
  if (event.key in moves) {
    chart.moveCursor(moves[event.key] * (event.shiftKey ? 10 : 1));
    // Said only when somebody asked by key: live values are not announced.
    if (chart.tip.index !== null) find("[data-cursor-words]").textContent = chart.tip.words(chart.tip.index);
  } else if (event.key === "+" || event.key === "=") chart.zoomBy(0.5);
  else if (event.key === "-") chart.zoomBy(2);
  else if (event.key === "Escape") {
    chart.resetZoom();
    chart.hideCursor();
    find("[data-cursor-words]").textContent = "";
  } else return;
  event.preventDefault();
}

// Up and down walk through the list.
document.addEventListener("keydown", (event) => {
  const row = event.target.closest?.(".entry");
  if (!row || (event.key !== "ArrowDown" && event.key !== "ArrowUp")) return;
  const rows = all(".entry");
  const next = rows[rows.indexOf(row) + (event.key === "ArrowDown" ? 1 : -1)];
  next?.focus();
  event.preventDefault();
});

document.addEventListener("themechange", () => chart?.recolor());

start();
setInterval(tick, 1000);
