// The page of one experiment: the whole of it as a chart that can be zoomed.
import { Chart } from "./chart.js";
import { durationWords } from "./format.js";

// What still runs is fetched again this often.
const RELOAD_EVERY_MS = 10_000;

const find = (selector) => document.querySelector(selector);
const element = find("[data-chart]");
let chart;

if (element) {
  const { stream, end, origin, steps } = element.dataset;
  const grows = "grows" in element.dataset;
  element.hidden = false;
  element.tabIndex = 0;
  element.setAttribute("role", "application");
  element.setAttribute("aria-label", "Chart of voltage, current and temperature. Arrow keys move the cursor, plus and minus zoom, Escape goes back.");
  element.setAttribute("aria-describedby", "chart-summary");
  const endUs = () => (grows && chart?.data[0].length ? chart.us(chart.data[0].at(-1)) : Number(end));
  chart = new Chart(element, {
    stream: Number(stream),
    originUs: origin ? Number(origin) : null,
    windowUs: null,
    stepNames: new Map(steps ? steps.split("|").map((name, index) => [index + 1, name]) : []),
    nowUs: endUs,
    on: changed,
  });
  element.addEventListener("keydown", onKey);
  // An alarm leads to the minutes around it.
  const asked = new URLSearchParams(location.search);
  const [fromUs, toUs] = ["from_us", "to_us"].map((name) => Number(asked.get(name)));
  const first = chart.load();
  if (fromUs && toUs > fromUs) Promise.resolve(first).then(() => chart.zoomTo(chart.x(fromUs), chart.x(toUs)));
  if (grows) setInterval(() => !chart.zoom && !document.hidden && chart.load(), RELOAD_EVERY_MS);
}

function changed(what) {
  const note = find("[data-chart-note]");
  if (what === "failed") {
    note.textContent = "The chart could not be loaded; the readings are safe. Reload the page to try again.";
    return;
  }
  const zoom = chart?.zoom?.map((x) => chart.timeLabel(x));
  note.textContent = zoom ? `Zoomed to ${zoom[0]} to ${zoom[1]}. Escape or a double-click goes back to the whole.` : "";
  if (what === "loaded") {
    find("[data-drawn]").textContent = chart.bucketUs ? `Lowest and highest of every ${durationWords(chart.bucketUs)} drawn` : "Every sample drawn";
  }
}

function onKey(event) {
  const moves = { ArrowLeft: -1, ArrowRight: 1, Home: -Infinity, End: Infinity };
  if (event.ctrlKey || event.metaKey || event.altKey) return;
  const words = find("[data-cursor-words]");
  if (event.key in moves) {
    chart.moveCursor(moves[event.key] * (event.shiftKey ? 10 : 1));
    if (chart.tip.index !== null) words.textContent = chart.tip.words(chart.tip.index);
  } else if (event.key === "+" || event.key === "=") chart.zoomBy(0.5);
  else if (event.key === "-") chart.zoomBy(2);
  else if (event.key === "Escape") {
    chart.resetZoom();
    chart.hideCursor();
    words.textContent = "";
  } else return;
  event.preventDefault();
}

document.addEventListener("click", (event) => {
  const zoom = event.target.closest("[data-zoom]")?.dataset.zoom;
  if (!zoom || !chart) return;
  if (zoom === "reset") chart.resetZoom();
  else chart.zoomBy(zoom === "in" ? 0.5 : 2);
});

document.addEventListener("themechange", () => chart?.recolor());
