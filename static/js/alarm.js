// On every page: the bell with its words, title and sound, and the emergency stop's dialog.

// The bell comes by events while the page is looked at: a browser opens few connections at once, and hidden pages shall not take
// them. Where no event came for so long, it is asked.
const QUIET_MS = 7_000;
// How often it is asked while the page is looked at, and while it is not.
const ASK_MS = 3_000;
const ASK_HIDDEN_MS = 15_000;
// How long the red button is held.
const HOLD_MS = 800;
// How long a first press by key counts.
const ARMED_MS = 4_000;
const SOUND_KEY = "alarm-sound";

const bell = document.querySelector("[data-bell]");
const title = document.title;
let newest = Number(bell?.dataset.newest ?? 0);

const plural = (count, word) => `${count} ${word}${count === 1 ? "" : "s"}`;

function ring(name, count, word) {
  const link = bell.querySelector(`[data-ring="${name}"]`);
  link.hidden = count === 0;
  const words = link.querySelector("span");
  const text = plural(count, word);
  if (words.textContent !== text) words.textContent = text;
}

function show(rings) {
  ring("alarms", rings.alarms, "alarm");
  ring("warnings", rings.warnings, "warning");
  document.title = rings.alarms ? `(${rings.alarms}) ${title}` : title;
  const trouble = document.querySelector("[data-trouble]");
  if (trouble) {
    trouble.querySelector("[data-trouble-words]").textContent = rings.trouble;
    trouble.hidden = rings.trouble === "";
  }
  if (rings.newest_alarm_id > newest) {
    newest = rings.newest_alarm_id;
    document.querySelector("[data-alarm-words]").textContent = `Alarm: ${rings.newest}`;
    if (localStorage.getItem(SOUND_KEY) === "on") sound();
  }
}

let source;
let heardAt = -Infinity;

function listen() {
  source?.close();
  source = undefined;
  if (document.hidden) return;
  source = new EventSource("/live/alarms");
  const hear = (event) => {
    heardAt = performance.now();
    if (event.type === "rings") show(JSON.parse(event.data));
  };
  source.addEventListener("rings", hear);
  source.addEventListener("beat", hear);
  source.addEventListener("ended", () => source?.close());
}

async function ask() {
  const isQuiet = performance.now() - heardAt > QUIET_MS;
  try {
    const answer = isQuiet && await fetch("/alarms/counts.json", { headers: { accept: "application/json" } });
    if (answer && answer.ok && !answer.redirected) show(await answer.json());
  } catch {
    // The page says by itself when it is cut off.
  }
  setTimeout(ask, document.hidden ? ASK_HIDDEN_MS : ASK_MS);
}
if (bell) {
  document.title = Number(bell.querySelector('[data-ring="alarms"] b')?.textContent) ? `(${bell.querySelector("b").textContent}) ${title}` : title;
  setTimeout(ask, ASK_MS);
  listen();
  document.addEventListener("visibilitychange", listen);
}

// Two tones, made here: nothing is loaded, and nothing sounds before somebody switched it on.
function sound() {
  const audio = new AudioContext();
  [660, 880, 660, 880].forEach((hertz, index) => {
    const tone = audio.createOscillator();
    const volume = audio.createGain();
    tone.frequency.value = hertz;
    volume.gain.value = 0.15;
    tone.connect(volume).connect(audio.destination);
    tone.start(audio.currentTime + index * 0.25);
    tone.stop(audio.currentTime + index * 0.25 + 0.2);
  });
  setTimeout(() => audio.close(), 1_500);
}
const soundButton = document.querySelector("[data-sound]");
if (soundButton) {
  const draw = () => {
    const on = localStorage.getItem(SOUND_KEY) === "on";
    soundButton.setAttribute("aria-pressed", String(on));
    soundButton.querySelector("[data-sound-word]").textContent = on ? "Sound is on" : "Sound is off";
  };
  soundButton.addEventListener("click", () => {
    const on = localStorage.getItem(SOUND_KEY) !== "on";
    localStorage.setItem(SOUND_KEY, on ? "on" : "off");
    draw();
    if (on) sound();
  });
  draw();
}

for (const button of document.querySelectorAll("[data-fill]")) {
  button.addEventListener("click", () => {
    const field = document.getElementById(button.dataset.fill);
    field.value = button.textContent;
    field.focus();
  });
}

// The emergency stop: one press opens the dialog on the red button, which is held, or pressed twice by key.
const dialog = document.querySelector("[data-stop-dialog]");
if (dialog?.showModal) {
  const now = dialog.querySelector("[data-stop-now]");
  const how = dialog.querySelector("[data-stop-how]");
  const usual = how.textContent;
  let hold;
  let armedAt = -Infinity;
  const press = () => {
    now.disabled = true;
    how.textContent = "Switching off.";
    dialog.querySelector("form").submit();
  };
  const release = () => {
    clearTimeout(hold);
    now.classList.remove("is-held");
  };
  document.querySelector("[data-stop]").addEventListener("click", (event) => {
    event.preventDefault();
    how.textContent = usual;
    armedAt = -Infinity;
    dialog.showModal();
    now.focus();
  });
  dialog.querySelector("[data-stop-back]").addEventListener("click", () => dialog.close());
  dialog.addEventListener("close", release);
  now.addEventListener("pointerdown", (event) => {
    if (event.button !== 0) return;
    now.classList.add("is-held");
    hold = setTimeout(press, HOLD_MS);
  });
  for (const end of ["pointerup", "pointerleave", "pointercancel"]) {
    now.addEventListener(end, () => {
      if (now.classList.contains("is-held") && !now.disabled) how.textContent = "Hold it for a second.";
      release();
    });
  }
  now.addEventListener("contextmenu", (event) => event.preventDefault());
  // A key, or a screen reader: the click has no pointer. The first arms, the second stops.
  let keyAt = null;
  now.addEventListener("keydown", (event) => {
    if (event.key !== "Enter" && event.key !== " ") return;
    event.preventDefault();
    if (!event.repeat) {
      keyAt = performance.now();
      arm();
    } else if (keyAt !== null && performance.now() - keyAt > HOLD_MS) press();
  });
  now.addEventListener("click", (event) => {
    if (event.detail === 0) arm();
  });
  function arm() {
    if (performance.now() - armedAt < ARMED_MS) return press();
    armedAt = performance.now();
    how.textContent = "Press again to switch all outputs off.";
    return undefined;
  }
}
