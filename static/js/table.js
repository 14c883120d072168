// The chart as a table: the same quantities, the newest moment first.
import { clockText } from "./format.js";
import { quantityText } from "./quantities.js";

const ROWS_MAX = 60;

export function fillTable(chart, frame) {
  const { shown, data } = chart;
  const measured = data[0].map((_, index) => index).filter((index) => shown.some(({ at }) => data[at][index] !== null));
  const stride = Math.max(1, Math.ceil(measured.length / ROWS_MAX));
  const heads = frame.querySelector("thead tr");
  const titles = shown.map(({ name, unit }) => {
    const head = document.createElement("th");
    Object.assign(head, { scope: "col", className: "n", textContent: unit ? `${name}, ${unit}` : name });
    return head;
  });
  heads.replaceChildren(...[...heads.cells].slice(0, 2), ...titles);
  const rows = measured.reverse().filter((_, index) => index % stride === 0).map((index) => {
    const row = document.createElement("tr");
    const us = chart.us(data[0][index]);
    const time = Object.assign(document.createElement("time"), { dateTime: new Date(us / 1000).toISOString(), textContent: clockText(us) });
    row.insertCell().append(time);
    row.insertCell().textContent = chart.startedUs === null ? "" : chart.elapsed(us);
    for (const one of shown) {
      const cell = row.insertCell();
      cell.className = "n";
      cell.textContent = quantityText(one, data[one.at][index]);
    }
    return row;
  });
  frame.querySelector("[data-rows]").replaceChildren(...rows);
  const note = stride > 1 || chart.bucketUs ? "Rows are spread evenly over the window. Choose a shorter one for every sample." : "Every sample of the window.";
  frame.querySelector("[data-table-note]").textContent = note;
}
