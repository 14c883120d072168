// The box beside the cursor: time, every value with its unit, the step in words.
import { clockText, zoneName } from "./format.js";
import { quantityText } from "./quantities.js";

// Between cursor and box: the point stays free.
const AWAY_PX = 14;

const node = (tag, className, text) => Object.assign(document.createElement(tag), { className, textContent: text });

export class Tip {
  constructor(chart) {
    this.chart = chart;
    this.box = document.createElement("div");
    this.box.className = "tip";
    this.box.hidden = true;
    this.box.setAttribute("aria-hidden", "true");
    this.left = -10;
    this.index = null;
  }

  // Text of a point for a screen reader.
  words(index) {
    const { chart } = this;
    const values = chart.shown.map((one) => `${one.name} ${quantityText(one, chart.data[one.at][index])} ${one.unit}`.trim());
    return `${this.#times(index).join(", ")}: ${[...values, this.#step(index)].filter(Boolean).join(", ")}`;
  }

  #times(index) {
    const { chart } = this;
    const x = chart.data[0][index];
    const [low, high] = chart.range();
    const us = chart.us(x);
    // Where a pulse fills the chart, seconds are too coarse.
    const part = high - low < 30 ? `.${String(Math.floor((((us % 1e6) + 1e6) % 1e6) / 1e3)).padStart(3, "0")}` : "";
    const clock = `${clockText(us)}${part} ${zoneName()}`;
    return chart.startedUs === null ? [clock] : [`Elapsed ${chart.elapsed(us, part ? 3 : 0)}`, clock];
  }

  #step(index) {
    const step = this.chart.data.at(-1)[index];
    if (step === null || step === undefined) return "";
    const number = Math.round(step);
    const name = this.chart.stepNames.get(number);
    return name ? `Step ${name}` : `Step ${number}`;
  }

  show(left, index) {
    const { chart, box } = this;
    if (index === null || index === undefined || chart.data[0][index] === undefined) return this.hide();
    this.left = left;
    this.index = index;
    const [time, clock] = this.#times(index);
    const head = node("div", "tip-time", time);
    if (clock) head.append(" ", node("span", "", clock));
    const rows = chart.shown.map((one) => {
      const row = node("div", "tip-row", "");
      const key = node("span", "tip-key", "");
      key.style.color = chart.colors[one.tone];
      key.style.borderTopStyle = one.dash.length === 0 ? "solid" : one.dash[0] > 3 ? "dashed" : "dotted";
      row.append(key, node("span", "", one.name), node("b", "", `${quantityText(one, chart.data[one.at][index])} ${one.unit}`.trim()));
      return row;
    });
    const isGap = chart.shown.every(({ at }) => chart.data[at][index] === null);
    const step = node("div", "muted", isGap ? "No data here" : this.#step(index));
    box.replaceChildren(head, ...rows, step);
    step.hidden = step.textContent === "";
    if (!box.isConnected) chart.element.append(box);
    box.hidden = false;
    const axis = chart.upper.bbox.left / devicePixelRatio;
    const at = axis + left;
    const width = box.offsetWidth;
    const fits = at + AWAY_PX + width <= chart.element.clientWidth;
    const place = fits ? at + AWAY_PX : Math.max(at - AWAY_PX - width, 0);
    box.style.transform = `translate(${Math.round(place)}px, 54px)`;
    return undefined;
  }

  // The chart moved on under a resting cursor.
  refresh() {
    if (this.box.hidden || this.left < 0) return;
    const index = this.chart.upper.posToIdx(this.left);
    this.show(this.left, index);
  }

  hide() {
    this.left = -10;
    this.index = null;
    this.box.hidden = true;
  }
}
