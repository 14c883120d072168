// On every page: the clock in the reader's zone, and the theme switch without a reload.
import { clockText, dateText, zoneName } from "./format.js";

const clock = document.querySelector("[data-clock]");
if (clock) {
  const tick = () => {
    clock.textContent = clockText(Date.now() * 1000);
    document.querySelector("[data-zone]").textContent = zoneName();
    document.querySelector("[data-date]").textContent = dateText();
    setTimeout(tick, 1000 - (Date.now() % 1000));
  };
  tick();
}

for (const button of document.querySelectorAll(".theme button")) {
  button.addEventListener("click", (event) => {
    event.preventDefault();
    const theme = button.value;
    document.cookie = `theme=${theme}; Path=/; Max-Age=31536000; SameSite=Lax`;
    document.documentElement.dataset.theme = theme;
    for (const other of button.form.querySelectorAll("button")) {
      other.setAttribute("aria-pressed", String(other === button));
    }
    document.dispatchEvent(new CustomEvent("themechange"));
  });
}
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => {
  document.dispatchEvent(new CustomEvent("themechange"));
});
