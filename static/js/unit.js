// The page of a unit: while it waits for the unit's answer it looks again by itself.
const PERIOD_MS = 1000;
const PARTS = ["ask", "instruments", "history"];

async function look() {
  let answer;
  try {
    answer = await fetch(location.pathname, { headers: { accept: "text/html" } });
  } catch {
    // The server is away for a moment: the link “Look again” stays.
    return setTimeout(look, 2 * PERIOD_MS);
  }
  if (!answer.ok) return undefined;
  const fresh = new DOMParser().parseFromString(await answer.text(), "text/html");
  const focused = document.activeElement?.id;
  for (const id of PARTS) {
    const [now, then] = [document.getElementById(id), fresh.getElementById(id)];
    if (!now && then) document.getElementById("instruments").after(then);
    if (!now || !then || now.innerHTML === then.innerHTML) continue;
    // The part that speaks stays where it is, so that screen readers hear the change.
    now.toggleAttribute("data-waiting", then.hasAttribute("data-waiting"));
    const [said, says] = [now.querySelector("[role='status']"), then.querySelector("[role='status']")];
    if (said && says) said.innerHTML = says.innerHTML;
    else now.innerHTML = then.innerHTML;
  }
  if (focused) document.getElementById(focused)?.focus();
  if (document.querySelector("[data-waiting]")) setTimeout(look, PERIOD_MS);
  return undefined;
}

if (document.querySelector("[data-waiting]")) setTimeout(look, PERIOD_MS);
