// The form of a new experiment: a file fills the text, and writing means using what is written.
const text = document.getElementById("text");
const uses = document.querySelector('[name="way"]');

for (const input of document.querySelectorAll("[data-fills]")) {
  input.addEventListener("change", async () => {
    const [file] = input.files;
    if (!file) return;
    text.value = await file.text();
    uses.checked = true;
    const name = document.getElementById("profile_name");
    if (!name.value) name.value = file.name.replace(/\.[^.]*$/, "").slice(0, 80);
    // What is in the text now may be changed before it is sent: the file itself is not.
    input.value = "";
    text.focus();
  });
}

text?.addEventListener("input", () => { uses.checked = text.value.trim() !== ""; });
