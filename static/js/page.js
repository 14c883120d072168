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
    // The server keeps the choice in a cookie that no script reads; the page need not wait for it.
    const fields = new URLSearchParams(new FormData(button.form, button));
    fetch(button.form.action, { method: "POST", body: fields, redirect: "manual", keepalive: true })
      .catch(() => { /* Without the server the choice holds for this page alone. */ });
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

for (const button of document.querySelectorAll("[data-show]")) {
  const field = document.getElementById(button.dataset.show);
  button.addEventListener("click", () => {
    const shown = field.type === "password";
    field.type = shown ? "text" : "password";
    button.textContent = shown ? "Hide" : "Show";
    button.setAttribute("aria-pressed", String(shown));
  });
}

for (const button of document.querySelectorAll("[data-copy-from]")) {
  const source = document.getElementById(button.dataset.copyFrom);
  const said = button.parentElement.querySelector("[data-copied]");
  button.addEventListener("click", async () => {
    try {
      await navigator.clipboard.writeText(source.textContent);
      said.textContent = "Copied.";
      button.lastChild.textContent = "Copied";
    } catch {
      // Without TLS a page may not write to the clipboard: what is selected can be copied by hand.
      getSelection().selectAllChildren(source);
      said.textContent = "Selected. Copy it with the keyboard.";
      button.lastChild.textContent = "Selected";
    }
  });
}

// A form is sent once, however often its button is pressed.
for (const form of document.querySelectorAll("form[method='post']")) {
  let sent = false;
  form.addEventListener("submit", (event) => {
    if (sent) event.preventDefault();
    sent = true;
    setTimeout(() => { sent = false; }, 5000);
  });
}
