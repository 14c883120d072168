// The wall and the live part of a station's page, in the demo lab.
import assert from "node:assert/strict";
import { mkdir } from "node:fs/promises";
import { after, before, test } from "node:test";
import { SCREENSHOTS, startBrowser, startServer, waitForLab } from "./lab.mjs";
import { looker } from "./look.mjs";

let server;
let browser;
const { onPage, shoot, check, report } = looker(() => ({ server, browser }));

before(async () => {
  await mkdir(SCREENSHOTS, { recursive: true });
  server = await startServer();
  browser = await startBrowser();
  await waitForLab(server);
});

after(async () => {
  await browser?.close();
  await server?.stop();
  report();
});

const station = (page) => page.locator(".tile").filter({ hasText: "Running" }).first();

for (const colorScheme of ["light", "dark"]) {
  for (const width of [1920, 1280, 320]) {
    test(`the wall is readable: ${colorScheme}, ${width} px`, () => onPage("/wall", async (page) => {
      await station(page).waitFor();
      await check(page, `wall-${colorScheme}-${width}`);
    }, { colorScheme, viewport: { width, height: width === 1920 ? 1080 : 900 } }));
  }
  for (const width of [1280, 320]) {
    test(`a station's values are readable: ${colorScheme}, ${width} px`, () => onPage("/wall", async (page) => {
      await station(page).getByRole("link").click();
      await page.getByRole("heading", { name: "Values" }).waitFor();
      await check(page, `station-live-${colorScheme}-${width}`);
    }, { colorScheme, viewport: { width, height: 900 } }));
  }
}

test("values on the wall move by themselves, and say so when they cannot", () => onPage("/", async (page) => {
  await page.getByRole("link", { name: "Wall", exact: true }).click();
  await page.waitForURL("**/wall");
  const values = () => page.locator(".tile-values").allTextContents();
  const before = (await values()).join();
  for (let tries = 0; tries < 60 && (await values()).join() === before; tries += 1) await page.waitForTimeout(250);
  assert.notEqual((await values()).join(), before, "no value moved in 15 s");
  assert.ok(await page.locator(".tile-progress").count() > 0, "nobody says how far a run is");
  assert.match(await page.locator(".tile-progress").first().textContent(), /\d+ %/);
  server.pause();
  try {
    await page.getByText("No connection to the server").waitFor({ timeout: 20_000 });
    assert.equal(await page.evaluate(() => document.body.classList.contains("is-cut-off")), true);
  } finally {
    server.resume();
  }
  await page.getByText("No connection to the server").waitFor({ state: "hidden", timeout: 20_000 });
}));

test("values of a station move on its own page", () => onPage("/wall", async (page) => {
  await station(page).getByRole("link").click();
  await page.getByText("Live", { exact: true }).waitFor();
  const values = () => page.locator(".station-values").textContent();
  const before = await values();
  for (let tries = 0; tries < 60 && await values() === before; tries += 1) await page.waitForTimeout(250);
  assert.notEqual(await values(), before, "no value moved in 15 s");
  await page.getByRole("heading", { name: "What happened last" }).waitFor();
}));

test("trouble comes first and the keyboard reaches every tile", () => onPage("/wall", async (page) => {
  const count = await page.locator(".tile").count();
  assert.ok(count >= 4, `${count} tiles`);
  await page.locator(".tile a").first().focus();
  await page.keyboard.press("Enter");
  await page.waitForURL(/\/stations\/\d+$/);
}));

test("without scripts the wall shows values and offers to load again", () => onPage("/wall", async (page) => {
  assert.match(await page.locator(".tile-values").first().textContent(), /\d V/);
  await page.getByRole("link", { name: "Load again" }).click();
  await shoot(page, "wall-without-scripts");
  assert.equal(await page.locator(".needs-script").first().isVisible(), false);
}, { javaScriptEnabled: false }));
