// Values as they come in, wherever they stand: monitor, wall, the page of a station.
import { durationWords, fixed, isSigned, valueText } from "./format.js";

// Puts the values of a line into every place that shows it.
export function showValues({ key, at_us: atUs, values }, root = document) {
  for (const place of root.querySelectorAll(`[data-key="${CSS.escape(key)}"]`)) {
    for (const element of place.querySelectorAll("[data-value]")) {
      const { value: column, scale, offset, decimals } = element.dataset;
      // Samples may have some of the columns only; what they say nothing of stays.
      if (!(column in values)) continue;
      const value = values[column];
      const text = scale && Number.isFinite(value)
        ? fixed(value * scale + Number(offset), Number(decimals), isSigned(column))
        : valueText(column, value);
      if (element.textContent !== text) element.textContent = text;
    }
    const age = place.querySelector("[data-age]");
    if (age && atUs > Number(age.dataset.age || 0)) age.dataset.age = atUs;
  }
}

// How far the run of a line is, and how long it still takes.
export function showProgress({ key, progress }, root = document) {
  if (!progress) return;
  for (const place of root.querySelectorAll(`[data-key="${CSS.escape(key)}"]`)) {
    for (const element of place.querySelectorAll("[data-progress]")) {
      const now = progress[element.dataset.progress] ?? "";
      if (element.tagName === "PROGRESS") element.value = now;
      else if (element.textContent !== String(now)) element.textContent = String(now);
    }
  }
}

// Times since something go on by the server's clock.
export function showAges(nowUs) {
  for (const element of document.querySelectorAll("[data-since]")) {
    element.textContent = durationWords(nowUs - Number(element.dataset.since));
  }
}

// Cut off for so long is worse than a hiccup.
const CUT_OFF_ALARM_MS = 60_000;

// Says when the server is not heard: values that stand still must not look alive.
export function showCutOff(live) {
  const box = document.querySelector("[data-cut-off]");
  const cut = live.isCutOff();
  document.body.classList.toggle("is-cut-off", cut);
  if (!box) return;
  box.classList.toggle("tone-alarm", live.silentMs() > CUT_OFF_ALARM_MS);
  box.classList.toggle("tone-warning", live.silentMs() <= CUT_OFF_ALARM_MS);
  if (cut) {
    const text = `Last word ${durationWords(live.silentMs() * 1000)} ago. The values are not current; stations go on by themselves. Trying again.`;
    document.querySelector("[data-cut-off-text]").textContent = text;
  }
  box.hidden = !cut;
}
