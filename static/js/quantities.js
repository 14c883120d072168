// What can be drawn of a series, where the reader wants each of it, and how it looks there.
import { fixed, isSigned, valueText } from "./format.js";

export const PLACES = { left: "Left axis", right: "Right axis", below: "Below" };
// As many lines as can still be told apart; the server draws at most 16 columns, one of them the step.
export const SHOWN_MAX = 12;
// More panes than this leave none of them any height.
const BELOW_MAX = 4;
const USUAL = { voltage_v: "left", current_a: "right", temperature_c: "below" };
const TONES = { voltage_v: "voltage", current_a: "current", temperature_c: "temperature" };
const FURTHER_TONES = ["fourth", "fifth", "voltage", "temperature", "current"];
const DASHES = [[], [6, 4], [2, 3], [9, 3, 2, 3]];
const SHAPES = ["round", "square", "diamond", "triangle"];
// Axes are never flatter than this, so that noise stays small; in stored units, by the end of the name.
const LEAST = { v: 0.02, a: 0.1, c: 1 };

// [{ column, name, unit, scale, offset, decimals }] as the page has them.
export function readQuantities(text) {
  const known = JSON.parse(text || "[]");
  return known.length ? known : [{ column: "voltage_v", name: "Voltage", unit: "V", scale: 1, offset: 0, decimals: null }];
}

export const shownValue = ({ scale, offset }, value) => (value === null || value === undefined ? null : value * scale + offset);

// A value that is in the shown unit already.
export function quantityText({ column, decimals }, shown) {
  if (shown === null || shown === undefined) return "–";
  return decimals === null ? valueText(column, shown) : fixed(shown, decimals, isSigned(column));
}

export function leastSpan({ column, scale }) {
  return (LEAST[column.split("_").at(-1)] ?? 1e-3) * Math.abs(scale);
}

// Column to place, from the address: "voltage_v,current_a:right"; what is usual without one.
export function readChoice(text, quantities) {
  const choice = new Map();
  for (const part of (text ?? "").split(",")) {
    const [column, place = "left"] = part.split(":");
    if (place in PLACES && quantities.some((one) => one.column === column) && choice.size < SHOWN_MAX) choice.set(column, place);
  }
  return choice.size ? choice : usualChoice(quantities);
}

export function usualChoice(quantities) {
  const usual = quantities.filter(({ column }) => column in USUAL).map(({ column }) => [column, USUAL[column]]);
  return new Map(usual.length ? usual : quantities.slice(0, 1).map(({ column }) => [column, "left"]));
}

export function choiceText(choice) {
  return [...choice].map(([column, place]) => (place === "left" ? column : `${column}:${place}`)).join(",");
}

// The panes: [{ left: [series], right: [series] }], a series being a quantity with its place in the data and its looks.
export function layout(choice, quantities) {
  let further = 0;
  const shown = quantities.filter(({ column }) => choice.has(column)).map((quantity, index) => ({
    ...quantity,
    at: index + 1,
    place: choice.get(quantity.column),
    tone: TONES[quantity.column] ?? FURTHER_TONES[further++ % FURTHER_TONES.length],
  }));
  const panes = [];
  const [left, right] = ["left", "right"].map((place) => shown.filter((one) => one.place === place));
  if (left.length || right.length) panes.push(left.length ? { left, right } : { left: right, right: [] });
  for (const one of shown.filter(({ place }) => place === "below")) {
    const same = panes.slice(left.length || right.length ? 1 : 0).find((pane) => pane.left[0].unit === one.unit);
    if (same) same.left.push(one);
    else if (panes.length <= BELOW_MAX) panes.push({ left: [one], right: [] });
    else panes.at(-1).left.push(one);
  }
  for (const pane of panes) {
    // The first of each axis look the way they do alone.
    [pane.left[0], ...pane.right, ...pane.left.slice(1)].forEach((one, index) => {
      one.dash = DASHES[index % DASHES.length];
      one.shape = SHAPES[index % SHAPES.length];
    });
  }
  return { shown, panes };
}

// "Voltage, V"; of several on one axis their names, and the unit if they share it.
export function axisTitle(series) {
  const names = series.slice(0, 3).map(({ name }) => name).join(", ") + (series.length > 3 ? ` and ${series.length - 3} more` : "");
  const units = [...new Set(series.map(({ unit }) => unit))].filter(Boolean);
  return units.length ? `${names}, ${units.join(" and ")}` : names;
}
