// Pages of stations and units in the demo lab: its simulated units really look for their instruments and answer.
import assert from "node:assert/strict";
import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { SCREENSHOTS, startBrowser, startServer, waitForLab } from "./lab.mjs";
import { looker } from "./look.mjs";

let server;
let browser;
let built;
const { onPage, shoot, check, report } = looker(() => ({ server, browser }));

before(async () => {
  await mkdir(SCREENSHOTS, { recursive: true });
  server = await startServer();
  browser = await startBrowser();
  await waitForLab(server);
  await onPage("/units/cu-01", async (page) => {
    await detect(page, "cu-01");
    await page.getByRole("link", { name: "Build a station" }).click();
    await page.getByLabel("Name", { exact: true }).fill("B7 with a name that takes its room");
    await page.getByLabel("Location").fill("Room 2, rack 3");
    // An instrument brings its measures.
    await page.getByLabel(/^simulated channel SIM-\d+/).first().check();
    assert.equal(await page.getByRole("checkbox", { name: /^Voltage of simulated channel/ }).first().isChecked(), true);
    await page.getByLabel(/^Shown name of Voltage/).first().fill("Cell voltage");
    await page.getByLabel(/^Unit of Voltage/).first().selectOption("mV");
    await page.getByLabel("Lowest voltage, V").fill("0");
    await page.getByLabel("Highest voltage, V").fill("5,0");
    await page.getByRole("button", { name: "Build the station" }).click();
    await page.getByText("was built.").waitFor();
    built = new URL(page.url()).pathname;
  });
});

after(async () => {
  await browser?.close();
  await server?.stop();
  report();
});

// Presses the button; the page looks for the answer by itself.
async function detect(page, unit) {
  await page.getByRole("button", { name: "Detect" }).click();
  await page.getByText(new RegExp(`${unit} found \\d+ instruments?`)).waitFor();
  await page.getByRole("rowheader", { name: /simulated channel SIM-/ }).first().waitFor();
}

const PAGES = [
  ["stations", () => "/stations?show=all"], ["stations-none", () => "/stations?text=nothing+fits"],
  ["stations-show", () => built], ["stations-edit", () => `${built}/edit`], ["stations-retire", () => `${built}/retire`],
  ["stations-unit", () => "/stations/new"], ["stations-new", () => "/stations/new?unit=cu-01"],
  ["units", () => "/units"], ["units-show", () => "/units/cu-01"],
];

for (const colorScheme of ["light", "dark"]) {
  for (const width of [1280, 320]) {
    for (const [name, path] of PAGES) {
      test(`${name} is readable: ${colorScheme}, ${width} px`, () => onPage(path(), async (page) => {
        await check(page, `${name}-${colorScheme}-${width}`);
      }, { colorScheme, viewport: { width, height: 900 } }));
    }
  }
}

for (const width of [1280, 320]) {
  test(`what does not fit is said in words, ${width} px`, () => onPage("/stations/new?unit=cu-01", async (page) => {
    await page.getByLabel("Location").fill("Room 9");
    await page.getByRole("button", { name: "Build the station" }).click();
    await page.locator(".form-summary:focus").waitFor();
    assert.equal(await page.getByLabel("Location").inputValue(), "Room 9");
    await check(page, `stations-new-problems-${width}`);
    await page.getByRole("link", { name: "Pick at least one instrument." }).click();
    assert.equal(await page.evaluate(() => document.activeElement.id), "instruments");
  }, { viewport: { width, height: 900 } }));
}

test("the keyboard alone asks a unit and builds a station", () => onPage("/stations", async (page) => {
  const tabTo = async (wanted) => {
    for (let presses = 0; presses < 60; presses += 1) {
      await page.keyboard.press("Tab");
      const text = await page.evaluate(() => {
        const { activeElement } = document;
        // A table that scrolls takes the focus too.
        if (!activeElement.matches("a, button, input, select, textarea")) return "";
        return activeElement.labels?.[0]?.textContent ?? activeElement.textContent;
      });
      if (text.includes(wanted)) return;
    }
    assert.fail(`the tab key does not lead to ${wanted}`);
  };
  await tabTo("Units");
  await page.keyboard.press("Enter");
  await page.waitForURL("**/units");
  await tabTo("cu-01");
  await page.keyboard.press("Enter");
  await page.waitForURL("**/units/cu-01");
  await tabTo("Detect");
  await page.keyboard.press("Enter");
  await page.getByText(/cu-01 found \d+ instruments: nothing changed/).waitFor();
  await tabTo("Build a station");
  await page.keyboard.press("Enter");
  await page.waitForURL("**/stations/new?unit=cu-01");
  await tabTo("Name");
  await page.keyboard.type("B8");
  await tabTo("simulated channel");
  await page.keyboard.press("Space");
  await tabTo("Lowest voltage");
  await page.keyboard.type("0");
  await tabTo("Highest voltage");
  await page.keyboard.type("4.2");
  await tabTo("Build the station");
  await page.keyboard.press("Enter");
  await page.getByText("B8 was built.").waitFor();
  // The simulated unit confirms what it is told.
  await page.waitForTimeout(1000);
  await page.reload();
  await page.getByText("cu-01 has confirmed its stations.").waitFor();
}));

test("without scripts a unit is asked, a station built, modified, relaunched and retired", () => onPage("/units/cu-02", async (page) => {
  await page.getByRole("button", { name: "Detect" }).click();
  await shoot(page, "units-show-waiting-without-scripts");
  // The answer comes to whoever looks again.
  for (let tries = 0; tries < 40 && await page.getByRole("link", { name: "Look again" }).count() > 0; tries += 1) {
    await page.waitForTimeout(250);
    await page.getByRole("link", { name: "Look again" }).click();
    await page.reload();
  }
  await page.getByText(/cu-02 found \d+ instruments?/).waitFor();
  await page.getByRole("link", { name: "Build a station" }).click();
  await page.getByLabel("Name", { exact: true }).fill("C1");
  await page.getByRole("checkbox", { name: /^Voltage of simulated channel/ }).first().check();
  await page.getByLabel("Lowest voltage, V").fill("0");
  await page.getByLabel("Highest voltage, V").fill("5");
  await page.getByRole("button", { name: "Build the station" }).click();
  assert.match(await page.locator(".notice").first().textContent(), /C1 was built/);
  await page.getByRole("link", { name: "Modify C1" }).click();
  await page.getByLabel("Highest voltage, V").fill("4");
  await page.getByRole("button", { name: "Modify C1" }).click();
  assert.match(await page.locator(".notice").first().textContent(), /C1 was modified/);
  await page.getByRole("button", { name: "Relaunch" }).click();
  assert.match(await page.locator(".notice").first().textContent(), /told to its unit once more/);
  await page.getByRole("link", { name: /^Retire C1/ }).click();
  await page.getByRole("button", { name: "Retire C1" }).click();
  assert.match(await page.locator(".notice").first().textContent(), /C1 was retired/);
  await shoot(page, "stations-show-retired");
  await page.goto(`${server.url}/stations`);
  assert.equal(await page.getByRole("link", { name: "C1", exact: true }).count(), 0);
  await page.getByRole("link", { name: "Waiting" }).click();
  assert.equal(await page.locator("th[aria-sort='ascending']").textContent(), "Waiting");
}, { javaScriptEnabled: false }));

test("an instrument of one station is not offered to another", () => onPage("/stations/new?unit=cu-01", async (page) => {
  const free = await page.locator(".instrument").allTextContents();
  const taken = await page.locator(".points li").allTextContents();
  assert.ok(taken.some((text) => text.includes("works in B7 with a name")), taken.join());
  assert.ok(free.every((text) => !taken.some((other) => text.includes(other.split(" works in")[0]))), free.join());
}));
