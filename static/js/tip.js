// The box beside the cursor: time, every value with its unit, the step in words.
import { clockText, valueText, zoneName } from "./format.js";

const ROWS = [
  ["voltage", "Voltage", "voltage_v", "V", 1],
  ["current", "Current", "current_a", "A", 2],
  ["temperature", "Temperature", "temperature_c", "°C", 3],
];
// Between cursor and box: the point stays free.
const AWAY_PX = 14;

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
    const values = ROWS.map(([, name, column, unit, at]) => `${name} ${valueText(column, chart.data[at][index])} ${unit}`);
    return `${this.#times(index).join(", ")}: ${[...values, this.#step(index)].filter(Boolean).join(", ")}`;
  }

  #times(index) {
    const { chart } = this;
    const x = chart.data[0][index];
    const clock = `${clockText(chart.us(x))} ${zoneName()}`;
    return chart.originUs === null ? [clock] : [`Elapsed ${chart.timeLabel(x)}`, clock];
  }

  #step(index) {
    const step = this.chart.data[4][index];
    if (step === null || step === undefined) return "";
    const number = Math.round(step);
    const name = this.chart.stepNames.get(number);
    return name ? `Step ${name}` : `Step ${number}`;
  }

  show(left, index) {
    const { chart, box } = this;
    if (index === null || index === undefined || chart.data[1][index] === undefined) return this.hide();
    this.left = left;
    this.index = index;
    const [time, clock] = this.#times(index);
    const node = (tag, className, text) => Object.assign(document.createElement(tag), { className, textContent: text });
    const head = node("div", "tip-time", time);
    if (clock) head.append(" ", node("span", "", clock));
    const rows = ROWS.map(([tone, name, column, unit, at]) => {
      const row = node("div", `tip-row tip-${tone}`, "");
      row.append(node("span", "tip-key", ""), node("span", "", name), node("b", "", `${valueText(column, chart.data[at][index])} ${unit}`));
      return row;
    });
    const isGap = ROWS.every(([, , , , at]) => chart.data[at][index] === null);
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
