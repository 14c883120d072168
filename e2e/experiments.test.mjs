// Experiments as operators use them: found, looked at, queued, moved, cancelled, on a lab that runs.
import assert from "node:assert/strict";
import { mkdir } from "node:fs/promises";
import { after, before, test } from "node:test";
import { SCREENSHOTS, startBrowser, startServer, waitForLab } from "./lab.mjs";
import { looker } from "./look.mjs";
import { addPerson, signIn } from "./person.mjs";

const LONG = "An experiment with a name of eighty characters, which is the longest there may be";

let server;
let browser;
let cookie;
const { onPage, shoot, check, report } = looker(() => ({ server, browser, cookie }));

before(async () => {
  await mkdir(SCREENSHOTS, { recursive: true });
  server = await startServer();
  browser = await startBrowser();
  await waitForLab(server);
  cookie = signIn(server, addPerson(server, "j.lindqvist", "operator", "Jonas Lindqvist"));
});

after(async () => {
  await browser?.close();
  await server?.stop();
  report();
});

// Battery NMC-031 at station A1, with the profile that the demo runs there.
async function choose(page) {
  await page.getByRole("radio", { name: /NMC-031/ }).check();
  await page.getByRole("radio", { name: /^A1/ }).check();
  await page.getByRole("button", { name: "Continue to the profile" }).click();
}

async function queue(page, name) {
  await choose(page);
  await page.getByRole("group", { name: /^Fits/ }).getByRole("radio").first().check();
  await page.getByLabel("Name (optional)").fill(name);
  await page.getByLabel("Tags (optional)").fill("warm, ageing");
  await page.getByRole("button", { name: "Review" }).click();
  await page.getByRole("button", { name: "Queue to A1" }).click();
}

test("without scripts an experiment is queued, moved and cancelled", () => onPage("/", async (page) => {
  // Clicks from the home page: Experiments, Add, battery, station, Continue, profile, Review, Queue.
  await page.getByRole("link", { name: "Experiments" }).first().click();
  await page.getByRole("link", { name: "Add experiment" }).click();
  await queue(page, LONG.slice(0, 80));
  assert.match(page.url(), /\/\?station=\d+&queued=\d+$/);
  assert.match(await page.locator(".notice").first().textContent(), /Experiment \d+ is queued\./);

  await page.goto(`${server.url}/experiments/new`);
  await queue(page, "Second in the queue");
  const station = new URL(page.url()).searchParams.get("station");
  await page.goto(`${server.url}/stations/${station}/queue`);
  await page.getByRole("button", { name: "Move Second in the queue up" }).click();
  assert.match(await page.locator(".notice").textContent(), /is number 1 of 2/);
  const names = await page.locator("tbody th a").allTextContents();
  assert.deepEqual(names, ["Second in the queue", LONG.slice(0, 80)]);
  await page.getByRole("link", { name: "Cancel… Second in the queue" }).click();
  await page.getByLabel("Reason (optional)").fill("wrong battery");
  await page.getByRole("button", { name: /^Cancel experiment/ }).click();
  assert.match(await page.locator(".notice").textContent(), /was cancelled\. It will not run/);
  await shoot(page, "experiments-cancelled");
}, { javaScriptEnabled: false }));

test("without scripts the list is narrowed and a view of it is kept", () => onPage("/experiments", async (page) => {
  await page.locator("summary", { hasText: "Status" }).click();
  await page.getByRole("checkbox", { name: /^Queued/ }).check();
  await page.locator("details[open]").getByRole("button", { name: "Show" }).click();
  assert.match(page.url(), /status=queued/);
  assert.deepEqual(await page.locator("tbody .badge").allTextContents(), ["Queued"]);
  await page.getByRole("link", { name: "Clear filters" }).click();
  await page.getByRole("searchbox", { name: /Words of the name/ }).fill("ageing");
  await page.getByRole("button", { name: "Find" }).first().click();
  await page.locator("tbody tr").first().waitFor();
  await page.locator("summary", { hasText: "Save this view" }).click();
  await page.getByLabel("Name of the view").fill("Ageing");
  await page.getByRole("button", { name: "Save the view" }).click();
  assert.equal(await page.locator('.tab[aria-current="page"]').textContent(), "Ageing");
  await page.getByRole("link", { name: "Started", exact: true }).click();
  assert.equal(await page.locator("th[aria-sort]").getAttribute("aria-sort"), "descending");
  await page.getByRole("link", { name: "Edit views" }).click();
  await page.getByRole("button", { name: "Delete Ageing" }).click();
  assert.match(await page.locator(".notice").textContent(), /was deleted/);
}, { javaScriptEnabled: false }));

test("by keyboard alone an experiment is queued from a written profile", () => onPage("/experiments/new", async (page) => {
  const press = async (key, times = 1) => { for (let time = 0; time < times; time++) await page.keyboard.press(key); };
  const reach = async (test) => {
    for (let tries = 0; tries < 80; tries++) {
      await press("Tab");
      if (await page.evaluate(test)) return;
    }
    assert.fail(`not reached: ${test}`);
  };
  await reach("document.activeElement.name === 'battery'");
  for (let tries = 0; tries < 20; tries++) {
    if (/NMC-031/.test(await page.evaluate("document.activeElement.closest('label')?.textContent ?? ''"))) break;
    await press("ArrowDown");
  }
  await press("Space");
  await reach("document.activeElement.name === 'station'");
  await press("Space");
  await reach("document.activeElement.name === 'go'");
  await press("Enter");
  await page.waitForURL(/station=/);
  await reach("document.activeElement.matches('summary') && document.activeElement.closest('.write') !== null");
  await press("Enter");
  await reach("document.activeElement.id === 'text'");
  await page.keyboard.type("CC, 1, VOLTAGE, 4.6");
  await reach("document.activeElement.id === 'profile_name'");
  await page.keyboard.type("By keyboard");
  await reach("document.activeElement.value === 'review'");
  await press("Enter");
  await page.waitForSelector(".form-summary");
  assert.match(await page.evaluate("document.activeElement.textContent"), /takes at most 4\.200 V/, "the summary has the focus");
  assert.equal(await page.evaluate("document.getElementById('text').value"), "CC, 1, VOLTAGE, 4.6", "what was typed stays");
  await reach("document.activeElement.id === 'text'");
  await press("Control+a");
  await page.keyboard.type("CC, 1, VOLTAGE, 4.1");
  await reach("document.activeElement.value === 'review'");
  await press("Enter");
  await page.waitForSelector("button[value='queue']");
  await reach("document.activeElement.value === 'queue'");
  await press("Enter");
  await page.waitForURL(/queued=\d+/);
}));

test("menus close with Escape and when another opens; a preview goes with Escape", () => onPage("/experiments", async (page) => {
  const open = () => page.locator(".chip-menu[open]").count();
  await page.locator("summary", { hasText: "Battery" }).click();
  await page.locator("summary", { hasText: "Station" }).click();
  assert.equal(await open(), 1);
  await page.keyboard.press("Escape");
  assert.equal(await open(), 0);
  assert.equal(await page.evaluate("document.activeElement.tagName"), "SUMMARY");
  const row = page.locator("tbody tr", { has: page.locator(".preview") }).first();
  await row.locator("th a").hover();
  await row.locator(".preview img").waitFor({ state: "visible" });
  await page.waitForFunction(() => [...document.querySelectorAll(".preview img")].some((image) => image.complete && image.naturalWidth > 0));
  await shoot(page, "experiments-preview");
  await page.keyboard.press("Escape");
  assert.equal(await row.locator(".preview").isVisible(), false);
}));

const ROWS = ["time_utc,time_local,elapsed_s,cycle,voltage_v,current_a,temperature_c"];
for (let row = 0; row < 240; row += 1) {
  const at = new Date(Date.UTC(2026, 0, 5, 8) + row * 30_000).toISOString().replace("Z", "000");
  const current = row % 60 < 30 ? 1.25 : -1.2;
  ROWS.push(`${at}Z,${at}+00:00,${row * 30},${1 + Math.floor(row / 60)},${3.5 + (row % 60) / 100},${current},${25 + (row % 7) / 10}`);
}
const FILE = { name: "Run 7.csv", mimeType: "text/csv", buffer: Buffer.from(`${ROWS.join("\n")}\n`) };

test("without scripts a file is looked at, imported, and comes out as it was", () => onPage("/experiments", async (page) => {
  await page.getByRole("link", { name: "Import…" }).click();
  await page.getByLabel("File").setInputFiles(FILE);
  await page.getByRole("button", { name: "Look at the file" }).click();
  assert.match(await page.locator("main").textContent(), /CSV of Cellar/);
  await page.getByLabel("Battery").fill("NMC-031");
  await page.getByRole("button", { name: "Import" }).click();
  assert.match(await page.locator(".notice").first().textContent(), /The file is imported/);
  assert.match(await page.locator(".numbers").textContent(), /Discharged, cycle 1 to 4/);
  const address = new URL(page.url()).pathname;
  await shoot(page, "experiments-imported");
  // The zone of the server is the only thing that may differ.
  const withoutLocal = (text) => text.trim().split("\n").map((line) => line.split(",").filter((_, at) => at !== 1).join(",")).join("\n");
  const file = await (await page.request.get(`${server.url}${address}/data.csv`)).text();
  assert.equal(withoutLocal(file), withoutLocal(ROWS.join("\n")));
  await page.getByRole("link", { name: "Report", exact: true }).click();
  await page.locator(".report-chart svg").nth(2).waitFor();
  assert.equal(await page.locator(".report-chart svg").count(), 3);
  await shoot(page, "experiments-report-imported");
  const download = page.waitForEvent("download");
  await page.getByRole("link", { name: "Download" }).click();
  assert.match((await download).suggestedFilename(), /^report_id_\d+_Run-7_battery_NMC-031\.html$/);
}, { javaScriptEnabled: false }));

const PAGES = [
  ["experiments", "/experiments"], ["experiments-none", "/experiments?q=nothing+of+that"],
  ["experiments-wrong-day", "/experiments?since=soon"], ["experiments-views", "/experiments/views"],
  ["experiments-show", "/experiments/1"], ["experiments-new", "/experiments/new"],
  ["experiments-new-missing", "/experiments/new?go=1"], ["experiments-new-profile", "NEW"], ["experiments-queue", "QUEUE"],
  ["experiments-cancel", "CANCEL"], ["experiments-report", "/experiments/1/report"], ["experiments-import", "/experiments/import"],
];

for (const theme of ["light", "dark"]) {
  for (const width of [1280, 320]) {
    test(`every page passes axe in ${theme} at ${width} px`, async () => {
      const options = { colorScheme: theme, viewport: { width, height: 900 } };
      await onPage("/experiments?status=queued", async (page) => {
        const queued = await page.locator("tbody th a").first().getAttribute("href");
        const station = await page.locator('tbody a[href^="/stations/"]').first().getAttribute("href");
        await page.goto(`${server.url}/experiments/new`);
        await choose(page);
        const filled = page.url().slice(server.url.length);
        for (const [name, path] of PAGES) {
          const real = { NEW: filled, QUEUE: `${station}/queue`, CANCEL: `${queued}/cancel` }[path] ?? path;
          await page.goto(server.url + real);
          if (name === "experiments-show") await page.waitForSelector("[data-chart] canvas");
          await check(page, `${name}-${theme}-${width}`);
        }
        await page.goto(`${server.url}/experiments/import`);
        await page.getByLabel("File").setInputFiles({ name: "Broken.csv", mimeType: "text/csv", buffer: Buffer.from("a,b\n1,2\n") });
        await page.getByRole("button", { name: "Look at the file" }).click();
        await check(page, `experiments-import-wrong-${theme}-${width}`);
        await page.getByLabel("File").setInputFiles(FILE);
        await page.getByRole("button", { name: "Look at the file" }).click();
        await check(page, `experiments-import-review-${theme}-${width}`);
        await page.goto(`${server.url}/experiments`);
        await page.locator("summary", { hasText: "Battery" }).click();
        await check(page, `experiments-menu-${theme}-${width}`);
        await page.goto(server.url + filled);
        await page.getByRole("group", { name: /^Fits/ }).getByRole("radio").first().check();
        await page.getByRole("button", { name: "Review" }).click();
        await check(page, `experiments-review-${theme}-${width}`);
      }, options);
    });
  }
}
