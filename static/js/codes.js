// The recovery codes: copies and prints them.
const codes = [...document.querySelectorAll("[data-codes] code")].map((code) => code.textContent).join("\n");
const copy = document.querySelector("[data-copy]");
// Without TLS browsers give pages of other machines no clipboard.
if (!navigator.clipboard) copy.hidden = true;
copy.addEventListener("click", async () => {
  const word = await navigator.clipboard.writeText(codes).then(() => "Copied", () => "Not copied");
  copy.querySelector("span").textContent = word;
  document.querySelector("[data-said]").textContent = word;
});
document.querySelector("[data-print]").addEventListener("click", () => print());
