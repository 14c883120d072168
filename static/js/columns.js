// The menu of what is drawn: each quantity on the left axis, the right one, below or not at all, and what the time axis
// shows.
import { PLACES, SHOWN_MAX, usualChoice } from "./quantities.js";

const make = (tag, properties, ...children) => {
  const element = Object.assign(document.createElement(tag), properties);
  element.append(...children);
  return element;
};

export function offerColumns(place, chart, { choose, byClock }) {
  const rows = chart.quantities.map((quantity) => {
    const select = make("select", { className: "menu-select" },
      ...Object.entries({ "": "Not shown", ...PLACES }).map(([value, textContent]) => make("option", { value, textContent })));
    select.value = chart.choice.get(quantity.column) ?? "";
    select.addEventListener("change", () => {
      const choice = new Map(chart.choice);
      if (select.value) choice.set(quantity.column, select.value);
      else choice.delete(quantity.column);
      if (choice.size === 0 || choice.size > SHOWN_MAX) {
        said.textContent = choice.size === 0 ? "One must stay." : `No more than ${SHOWN_MAX} at a time: take another away first.`;
        select.value = chart.choice.get(quantity.column) ?? "";
        return;
      }
      said.textContent = "";
      choose(choice);
    });
    const name = quantity.unit ? `${quantity.name}, ${quantity.unit}` : quantity.name;
    return { select, column: quantity.column, row: make("label", { className: "menu-row" }, make("span", { textContent: name }), select) };
  });
  const said = make("p", { className: "menu-said", role: "status" });
  const usual = make("button", { type: "button", className: "btn", textContent: "As usual" });
  usual.addEventListener("click", () => {
    const choice = usualChoice(chart.quantities);
    for (const { select, column } of rows) select.value = choice.get(column) ?? "";
    said.textContent = "";
    choose(choice);
  });
  const content = [make("p", { className: "menu-title", textContent: "Quantities" }), ...rows.map(({ row }) => row), said, usual];
  if (chart.startedUs !== null) {
    const axis = make("select", { className: "menu-select" },
      make("option", { value: "", textContent: "Test time" }), make("option", { value: "clock", textContent: "Time of day" }));
    axis.value = chart.byClock ? "clock" : "";
    axis.addEventListener("change", () => byClock(axis.value === "clock"));
    content.push(make("label", { className: "menu-row menu-apart" }, make("span", { textContent: "Time axis" }), axis));
  }
  place.replaceChildren(...content);
}
