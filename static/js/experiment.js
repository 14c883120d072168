// The page of one experiment: the whole of it as a chart that can be zoomed.
import { fillTable } from "./table.js";
import { View } from "./view.js";

// What still runs is fetched again this often.
const RELOAD_EVERY_MS = 10_000;

const find = (selector) => document.querySelector(selector);
const element = find("[data-chart]");

if (element) {
  const { end, steps } = element.dataset;
  const grows = "grows" in element.dataset;
  const frame = find(".table-frame");
  let view;
  view = new View(element, element, {
    windowUs: null,
    stepNames: new Map(steps ? steps.split("|").map((name, index) => [index + 1, name]) : []),
    nowUs: () => (grows && view?.chart.data[0].length ? view.chart.us(view.chart.data[0].at(-1)) : Number(end)),
    grows,
    words: {
      reset: "Escape or a double-click goes back to the whole.",
      failed: "The chart could not be loaded; the readings are safe. Reload the page to try again.",
    },
    changed: (what) => what === "loaded" && frame?.open && fillTable(view.chart, frame),
  });
  frame?.addEventListener("toggle", () => frame.open && fillTable(view.chart, frame));
  if (grows) setInterval(() => !view.chart.zoom && !document.hidden && view.chart.load(), RELOAD_EVERY_MS);
}
