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

// What a long experiment did to its battery takes a while to be worked out.
const LOOK_EVERY_MS = 2_000;

async function lookForCycles() {
  if (!find("[data-working]")) return;
  try {
    const answer = await fetch(location.href);
    const page = new DOMParser().parseFromString(await answer.text(), "text/html");
    if (answer.ok && !page.querySelector("[data-working]")) {
      for (const shown of document.querySelectorAll("[data-worked]")) {
        const fresh = page.querySelector(`[data-worked="${shown.dataset.worked}"]`);
        if (fresh) shown.replaceWith(fresh);
      }
    }
  } catch {
    // Tried again; the page says that it is not there yet.
  }
  setTimeout(lookForCycles, LOOK_EVERY_MS);
}
setTimeout(lookForCycles, LOOK_EVERY_MS);
