// Batteries and cells as people use them: by mouse, by keyboard alone, without scripts, on a phone, in both themes.
import assert from "node:assert/strict";
import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { SCREENSHOTS, startBrowser, startServer } from "./lab.mjs";
import { looker } from "./look.mjs";
import { addPerson, signIn } from "./person.mjs";

// A picture of one blue point.
const PNG = Buffer.from("iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAIAAACQd1PeAAAADElEQVR4nGNgSPsPAAJ8AaIMIVhMAAAAAElFTkSuQmCC", "base64");

let server;
let browser;
let cookie;
let picture;
const { onPage, check, report } = looker(() => ({ server, browser, cookie }));

before(async () => {
  await mkdir(SCREENSHOTS, { recursive: true });
  server = await startServer("serve");
  browser = await startBrowser();
  cookie = signIn(server, addPerson(server, "m.okafor", "operator", "Mira Okafor"));
  picture = join(server.folder, "blue.png");
  await writeFile(picture, PNG);
  await onPage("/batteries", async (page) => {
    await check(page, "batteries-none");
    await add(page, { Name: "EBIKE-05", Capacity: "20", "Cells in series": "14", Maker: "Northcell", "Serial number": "2601-0447",
      "Kept at": "Hall 2, shelf C4", Notes: "Seen from the lid, the series path runs along the top row,\nthen back along the bottom row." }, "pack");
    await page.getByRole("button", { name: "Register cells for the empty places" }).click();
    await page.getByRole("link", { name: "Picture" }).click();
    await page.getByLabel("Picture", { exact: true }).setInputFiles(picture);
    await page.getByRole("button", { name: "Store the picture" }).click();
    assert.match(await page.locator(".notice").textContent(), /picture of EBIKE-05 was stored/);
    await add(page, { Name: "a-battery-whose-name-has-as-many-letters-as-a-name-may-have-eighty-of-them-all", Capacity: "0,0025" });
  });
});

after(async () => {
  await browser?.close();
  await server?.stop();
  report();
});

async function add(page, fields, kind = "cell") {
  await page.goto(`${server.url}/batteries/new`);
  await page.getByLabel("Chemistry").selectOption("lithium/NMC");
  if (kind === "pack") await page.getByText("Pack of cells").click();
  for (const [label, text] of Object.entries(fields)) await page.getByLabel(label, { exact: true }).fill(text);
  await page.getByRole("button", { name: "Add only" }).click();
  await page.waitForURL(/\/batteries\/\d+/);
}

const PAGES = [
  ["batteries", "/batteries"], ["batteries-nothing", "/batteries?text=nothing&sort=capacity&order=desc"],
  ["batteries-new", "/batteries/new"], ["batteries-show", "/batteries/1"], ["batteries-long", "/batteries/2"],
  ["batteries-edit", "/batteries/1/edit"], ["batteries-retire", "/batteries/1/retire"],
  ["batteries-photo", "/batteries/1/photo/edit"], ["batteries-label", "/batteries/1/label"],
  ["cells", "/cells"], ["cells-new", "/cells/new"], ["cells-show", "/cells/3"], ["cells-edit", "/cells/3/edit"],
  ["cells-retire", "/cells/3/retire"], ["cells-place", "/batteries/1/places/3"], ["cells-place-empty", "/batteries/2/places/1"],
];

for (const colorScheme of ["light", "dark"]) {
  for (const width of [1280, 320]) {
    for (const [name, path] of PAGES) {
      test(`${path} is readable: ${colorScheme}, ${width} px`, () => onPage(path, async (page) => {
        await check(page, `${name}-${colorScheme}-${width}`);
      }, { colorScheme, viewport: { width, height: 900 } }));
    }
  }
}

for (const [colorScheme, width] of [["light", 1280], ["dark", 320]]) {
  test(`what does not fit is said beside its field, what was typed stays, ${width} px`, () => onPage("/batteries/new", async (page) => {
    await page.getByLabel("Name", { exact: true }).fill("ÜB-1 <b>");
    await page.getByLabel("Chemistry").selectOption("lithium/LFP");
    await page.getByLabel("Capacity").fill("1.234,5");
    await page.getByLabel("Highest voltage of the battery").fill("4,2");
    await page.getByLabel("Notes").fill("two\nlines");
    await page.getByRole("button", { name: "Add only" }).click();
    // The browser moves the focus when it has laid out the answer: that may be after the click is done.
    await page.locator(".form-summary:focus").waitFor();
    assert.equal(await page.getByLabel("Name", { exact: true }).inputValue(), "ÜB-1 <b>");
    assert.equal(await page.getByLabel("Capacity").inputValue(), "1.234,5");
    assert.equal(await page.getByLabel("Notes").inputValue(), "two\nlines");
    assert.equal(await page.getByLabel("Chemistry").inputValue(), "lithium/LFP");
    await check(page, `batteries-new-problems-${width}`);
    await page.getByRole("link", { name: /can be read as 1.2345 or as|can be read as 1234.5 or/ }).click();
    assert.equal(await page.evaluate(() => document.activeElement.id), "capacity_ah");
    await page.getByRole("link", { name: "4.2 V is 4.2 V per cell" }).click();
    assert.equal(await page.evaluate(() => document.activeElement.id), "voltage_max_v");
  }, { colorScheme, viewport: { width, height: 900 } }));
}

test("the keyboard alone adds a battery and comes to its experiment", () => onPage("/batteries", async (page) => {
  const tabTo = async (wanted) => {
    for (let presses = 0; presses < 60; presses += 1) {
      await page.keyboard.press("Tab");
      const text = await page.evaluate(() => {
        const { activeElement } = document;
        return activeElement.labels?.[0]?.textContent ?? activeElement.textContent;
      });
      if (text.trim().startsWith(wanted)) return;
    }
    assert.fail(`the tab key does not lead to ${wanted}`);
  };
  await tabTo("Add a battery");
  await page.keyboard.press("Enter");
  await page.waitForURL("**/batteries/new");
  await tabTo("Name");
  await page.keyboard.type("KEY-1");
  await tabTo("Chemistry");
  await page.keyboard.type("LFP");
  await tabTo("Single cell");
  await page.keyboard.press("ArrowRight");
  await tabTo("Capacity");
  await page.keyboard.type("2,3");
  await tabTo("Cells in series");
  await page.keyboard.press("Control+A");
  await page.keyboard.type("4");
  assert.equal(await page.locator("#voltage_max_v-hint").textContent(), "Empty: 14.6 V, as usual.");
  await page.keyboard.press("Enter");
  await page.waitForURL(/\/experiments\/new\?battery=\d+/);
  const id = new URL(page.url()).searchParams.get("battery");
  await page.goto(`${server.url}/batteries/${id}`);
  assert.match(await page.locator(".head-line").textContent(), /Lithium LFP, 4 cells in series, 2\.3 Ah, 8\.000 to 14\.60 V/);
}));

test("without scripts a battery is added, changed, retired and brought back", () => onPage("/batteries/new", async (page) => {
  await page.getByLabel("Name", { exact: true }).fill("PLAIN-1");
  await page.getByLabel("Chemistry").selectOption("lead_acid/AGM");
  await page.getByText("Pack of cells").click();
  await page.getByLabel("Cells in series").fill("6");
  await page.getByLabel("Capacity").fill("60");
  await page.getByRole("button", { name: "Fill in the usual limits" }).click();
  assert.equal(await page.getByLabel("Highest voltage of the battery").inputValue(), "14.7");
  await page.getByRole("button", { name: "Add only" }).click();
  assert.match(await page.locator(".notice").textContent(), /PLAIN-1 was added/);
  await page.getByRole("link", { name: "Edit", exact: true }).click();
  await page.getByLabel("Kept at").fill("Shelf 9");
  await page.getByRole("button", { name: "Save" }).click();
  assert.match(await page.locator("main").textContent(), /PLAIN-1 was changed[^]*Shelf 9/);
  await page.getByRole("link", { name: /^Retire PLAIN-1/ }).click();
  await page.getByLabel("Reason").fill("given back");
  await page.getByRole("button", { name: "Retire PLAIN-1" }).click();
  assert.match(await page.locator(".notice").textContent(), /PLAIN-1 is retired/);
  await page.getByRole("button", { name: "Bring PLAIN-1 back" }).click();
  assert.match(await page.locator(".notice").textContent(), /in use again/);
}, { javaScriptEnabled: false }));

test("without scripts a cell is registered and swapped into a pack", () => onPage("/cells/new", async (page) => {
  await page.getByLabel("Name", { exact: true }).fill("spare");
  await page.getByLabel("Chemistry").selectOption("generic/unknown");
  await page.getByRole("button", { name: "Register the cell" }).click();
  const number = (await page.locator(".top-title small").textContent()).replace("Cell ", "");
  await page.goto(`${server.url}/batteries/1`);
  await page.getByRole("link", { name: /EBIKE-05 c9/ }).click();
  await page.getByLabel("Number of the cell that comes here").fill(number);
  await page.getByLabel("Why").fill("weak under load");
  await page.getByRole("button", { name: "Swap the cell" }).click();
  assert.match(await page.locator(".places").textContent(), /9spareCell/);
  await page.getByRole("link", { name: /spare/ }).click();
  assert.match(await page.locator("main").textContent(), /still there[^]*weak under load[^]*EBIKE-05 c9/);
}, { javaScriptEnabled: false }));

test("two who edit at once: the second sees both and overwrites nothing", () => onPage("/batteries/1/edit", async (page, context) => {
  const other = await context.newPage();
  await other.goto(`${server.url}/batteries/1/edit`);
  await other.getByLabel("Owner").fill("Jonas");
  await other.getByRole("button", { name: "Save" }).click();
  await other.waitForURL(/done=edited/);
  await page.getByLabel("Owner").fill("Ada");
  await page.getByRole("button", { name: "Save" }).click();
  await page.locator(".differences").waitFor();
  assert.match(await page.locator(".differences").textContent(), /Owner\s*Jonas\s*Ada/);
  assert.equal(await page.getByLabel("Owner").inputValue(), "Ada");
  await check(page, "batteries-edit-conflict");
}));

test("the list is sorted and searched, and the address keeps it", () => onPage("/batteries", async (page) => {
  await page.getByRole("link", { name: "Capacity, Ah" }).click();
  assert.equal(await page.locator('th[aria-sort="ascending"]').textContent(), "Capacity, Ah");
  await page.getByRole("link", { name: "Capacity, Ah" }).click();
  assert.equal(await page.locator('th[aria-sort="descending"]').textContent(), "Capacity, Ah");
  await page.getByLabel("Name, number, maker, place").fill("shelf c4");
  await page.keyboard.press("Enter");
  await page.waitForURL(/text=shelf\+c4/);
  assert.match(page.url(), /sort=capacity.*order=desc|order=desc.*sort=capacity/);
  assert.equal(await page.locator("tbody tr").count(), 1);
}));

test("only the label is printed", () => onPage("/batteries/1/label", async (page) => {
  await page.emulateMedia({ media: "print" });
  assert.ok(await page.locator(".label-name").isVisible());
  for (const part of [".side", ".top", ".crumb", ".label-note"]) assert.ok(!await page.locator(part).isVisible(), part);
  const code = page.locator(".label-code");
  assert.ok(await code.evaluate((image) => image.complete && image.naturalWidth > 0));
}));
