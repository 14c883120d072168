// The form of a battery: says beside each limit what it becomes when it stays empty. Without this the server says so after
// the form was sent, and the table beside the form always does.
const form = document.getElementById("battery");
const rows = new Map([...document.querySelectorAll("[data-chemistry]")].map((row) => [row.dataset.chemistry, row]));

// Two separators could mean two numbers: the server asks which.
const typed = (name) => {
  const text = form.elements[name].value.trim().replace("−", "-");
  return /^[+-]?\d*[.,]?\d+([eE][+-]?\d+)?$/.test(text) ? Number(text.replace(",", ".")) : NaN;
};

const shown = (value) => String(Number(value.toPrecision(12))).replace("-", "−");

function usual() {
  const row = rows.get(form.elements.chemistry.value);
  if (!row) return null;
  const [min, max, charge, discharge] = ["min", "max", "charge", "discharge"].map((name) => Number(row.dataset[name]));
  const cells = form.elements.cells_series.value.trim() === "" ? 1 : typed("cells_series");
  const capacity = typed("capacity_ah");
  return {
    cell_voltage_min_v: [min, "V"], cell_voltage_max_v: [max, "V"],
    voltage_min_v: [min * cells, "V"], voltage_max_v: [max * cells, "V"],
    current_min_a: [discharge * capacity, "A"], current_max_a: [charge * capacity, "A"],
  };
}

function hints() {
  const values = usual();
  const chosen = form.elements.chemistry.value;
  for (const field of form.querySelectorAll("[data-limits] input")) {
    const hint = document.getElementById(`${field.name}-hint`);
    const [value, unit] = values?.[field.name] ?? [];
    if (Number.isFinite(value)) hint.textContent = `Empty: ${shown(value)} ${unit}, as usual.`;
    else hint.textContent = values || !chosen ? "Empty: what is usual for the chemistry." : "Nothing is usual for this chemistry.";
  }
  for (const [chemistry, row] of rows) row.classList.toggle("is-picked", chemistry === chosen);
}

if (form) {
  form.addEventListener("input", hints);
  form.elements.chemistry.addEventListener("change", () => {
    if (form.elements.chemistry.value.startsWith("redox_stack/")) document.getElementById("redox").open = true;
  });
  hints();
}
