// The result of an emergency stop: looks again until every output is known.
const EVERY_MS = 1_000;

async function look() {
  const shown = document.querySelector("[data-outputs]");
  if (!("unsettled" in shown.dataset)) return;
  try {
    const answer = await fetch(location.href);
    const page = new DOMParser().parseFromString(await answer.text(), "text/html");
    const fresh = page.querySelector("[data-outputs]");
    // The same words again are not announced again.
    if (fresh && fresh.innerHTML !== shown.innerHTML) shown.replaceWith(fresh);
  } catch {
    // Tried again; what is shown stays the last that was known.
  }
  setTimeout(look, EVERY_MS);
}
setTimeout(look, EVERY_MS);
