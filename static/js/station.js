// The form of a station: an instrument that is picked brings its measures, and one of its measures brings it.
for (const instrument of document.querySelectorAll(".instrument")) {
  const own = instrument.querySelector("input[name='instrument']");
  const measures = [...instrument.querySelectorAll("input[name='measure']")];
  own.addEventListener("change", () => {
    if (!own.checked) for (const measure of measures) measure.checked = false;
    else if (!measures.some((measure) => measure.checked)) for (const measure of measures) measure.checked = true;
  });
  for (const measure of measures) {
    measure.addEventListener("change", () => { own.checked ||= measure.checked; });
  }
}
