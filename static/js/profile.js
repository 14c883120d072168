// The editor of profiles: Alt+arrows move a step, Ctrl+D copies it, and what does not fit is told while one types.
// Everything goes through the buttons of the form; without this script they do the same.

// Long enough not to answer within a number, short enough to be seen at the next field.
const CHECK_AFTER_MS = 600;

const form = document.querySelector("[data-profile-form]");
const status = form?.querySelector("[data-check-status]");

form?.addEventListener("keydown", (event) => {
  const step = event.target.closest("[data-step]")?.dataset.step;
  if (step === undefined) return;
  const verb = event.altKey && !event.ctrlKey && event.key === "ArrowUp" ? "up"
    : event.altKey && !event.ctrlKey && event.key === "ArrowDown" ? "down"
    : event.ctrlKey && !event.altKey && event.key.toLowerCase() === "d" ? "copy" : undefined;
  const button = verb && form.querySelector(`button[value="${verb}-${step}"]:not(:disabled)`);
  if (!verb) return;
  event.preventDefault();
  button?.click();
});

let timer;
let asked = 0;
form?.addEventListener("input", (event) => {
  if (!/^row-|^text$/.test(event.target.name)) return;
  clearTimeout(timer);
  timer = setTimeout(check, CHECK_AFTER_MS);
});

async function check() {
  asked += 1;
  const mine = asked;
  let answer;
  try {
    const fields = new URLSearchParams(new FormData(form));
    const response = await fetch("/profiles/check", { method: "POST", body: fields });
    if (!response.ok) return;
    answer = await response.json();
  } catch {
    return; // Without the server the form still checks when it is sent.
  }
  // An answer that comes late says nothing of what is typed now.
  if (mine === asked) show(answer.problems);
}

function show(problems) {
  const wrong = new Set(problems.map(({ field }) => field));
  for (const field of form.querySelectorAll("[id^='row-'][name], textarea#text")) {
    if (wrong.has(field.id)) field.setAttribute("aria-invalid", "true");
    else field.removeAttribute("aria-invalid");
  }
  for (const list of form.querySelectorAll("[data-problems-of]")) {
    const of = list.dataset.problemsOf;
    const own = problems.filter(({ field }) => field === of || field.startsWith(`${of}-`));
    list.replaceChildren(...own.map(({ field, message }) => {
      const item = document.createElement("li");
      item.className = "field-problem";
      if (field !== "text") item.id = `${field}-problem`;
      item.textContent = message;
      return item;
    }));
  }
  const words = problems.length === 0 ? "Everything fits." : problems.length === 1 ? "One thing does not fit." : `${problems.length} things do not fit.`;
  if (status.textContent !== words) status.textContent = words;
}
