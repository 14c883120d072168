// The list of experiments: menus close like menus. Everything works without this.
const menus = [...document.querySelectorAll(".chip-menu")];

for (const menu of menus) {
  menu.addEventListener("toggle", () => {
    if (menu.open) for (const other of menus) if (other !== menu) other.open = false;
  });
}

document.addEventListener("click", (event) => {
  for (const menu of menus) if (menu.open && !menu.contains(event.target)) menu.open = false;
});

document.addEventListener("keydown", (event) => {
  if (event.key !== "Escape") return;
  const open = menus.find((menu) => menu.open);
  if (open) {
    open.open = false;
    open.querySelector("summary").focus();
    return;
  }
  // A preview in the way goes until the pointer or the focus moves on.
  const row = document.querySelector("tr:has(.preview):is(:hover, :focus-within)");
  row?.classList.add("is-quiet");
  for (const kind of ["pointerleave", "focusout"]) row?.addEventListener(kind, () => row.classList.remove("is-quiet"), { once: true });
});

// An order chosen in the foot applies at once; the button stays for those without scripts.
for (const select of document.querySelectorAll(".foot-order select")) {
  select.addEventListener("change", () => select.form.requestSubmit());
}
