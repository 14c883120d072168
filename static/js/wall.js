// The wall, and the values on the page of a station.
import { Live } from "./live.js";
import { showAges, showCutOff, showValues } from "./values.js";

const tiles = document.querySelector("[data-tiles]");
const station = document.querySelector("[data-live-station]");

const live = new Live({
  beat: tick,
  lines: ({ lines }) => lines.forEach((line) => showValues(line)),
  list: ({ html }) => tiles && replaceTiles(html),
  // Anything but a value changed: the parts of the page that tell of it are fetched anew.
  head: () => station && refresh(),
});

function tick() {
  showAges(live.nowUs());
  showCutOff(live);
  const note = station?.querySelector("[data-live-note]");
  if (note) note.textContent = live.isCutOff() ? "Not current: no connection to the server." : "Live";
}

function replaceTiles(html) {
  const focused = document.activeElement?.closest?.(".tile")?.dataset.key;
  tiles.innerHTML = html;
  if (focused) tiles.querySelector(`.tile[data-key="${CSS.escape(focused)}"] a`)?.focus({ preventScroll: true });
}

// The first word repeats what the page shows.
let seen = false;
async function refresh() {
  if (!seen) {
    seen = true;
    return;
  }
  const answer = await fetch(location.pathname).catch(() => undefined);
  if (!answer?.ok) return;
  const page = new DOMParser().parseFromString(await answer.text(), "text/html");
  for (const part of document.querySelectorAll("[data-live-part]")) {
    const fresh = page.querySelector(`[data-live-part="${part.dataset.livePart}"]`);
    if (fresh) part.replaceWith(fresh);
  }
}

document.querySelector("[data-full]")?.addEventListener("click", () => {
  document.querySelector("main").requestFullscreen?.().catch(() => undefined);
});

live.open(station ? `/live/monitor?station=${station.dataset.liveStation}&window=5m` : "/live/wall");
setInterval(tick, 1000);
