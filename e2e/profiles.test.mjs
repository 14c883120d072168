// Profiles as people write them: by mouse, by keyboard alone, and without scripts.
import assert from "node:assert/strict";
import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { AxeBuilder } from "@axe-core/playwright";
import { SCREENSHOTS, openPage, startBrowser, startServer } from "./lab.mjs";

const WCAG = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"];

let server;
let browser;
const counts = { views: 0, violations: 0 };

before(async () => {
  await mkdir(SCREENSHOTS, { recursive: true });
  server = await startServer();
  browser = await startBrowser();
});

after(async () => {
  await browser?.close();
  await server?.stop();
  console.log(`checked: ${counts.views} views with axe, ${counts.violations} violations`);
});

// Opens a page as the operator of the demo, runs the steps, and fails on anything the page should not have done.
async function onPage(path, steps, options = {}) {
  const { page, context, faults } = await openPage(browser, server, options);
  try {
    await page.goto(server.url + path);
    await steps(page, context);
    // Answers of 409 and 422 are pages; the console counts them as errors.
    assert.deepEqual(faults.filter((fault) => !/status of 4(09|22)/.test(fault)), []);
  } finally {
    await context.close();
  }
}

async function check(page, name) {
  await page.screenshot({ path: join(SCREENSHOTS, `${name}.png`), fullPage: true });
  const { violations } = await new AxeBuilder({ page }).withTags(WCAG).analyze();
  counts.views += 1;
  counts.violations += violations.length;
  assert.deepEqual(violations.map(({ id, nodes }) => `${id}: ${nodes.map((node) => node.html).join(" ")}`), []);
  const overflow = await page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
  assert.ok(overflow <= 0, `${overflow} px too wide`);
}

const PAGES = [
  ["profiles", "/profiles"], ["profiles-empty", "/profiles?text=nothing-like-it"], ["profiles-new", "/profiles/new"],
  ["profiles-show", "/profiles/1"], ["profiles-edit", "/profiles/1/edit"], ["profiles-copy", "/profiles/1/copy"],
  ["profiles-retire", "/profiles/1/retire"],
];

for (const colorScheme of ["light", "dark"]) {
  for (const width of [1280, 320]) {
    test(`the pages are readable: ${colorScheme}, ${width} px`, () => onPage("/profiles", async (page) => {
      for (const [name, path] of PAGES) {
        await page.goto(server.url + path);
        await check(page, `${name}-${colorScheme}-${width}`);
      }
      await page.goto(`${server.url}/profiles/new`);
      await page.getByLabel("Current, A or C").first().fill("much");
      await page.getByRole("button", { name: "Save the profile" }).click();
      await page.locator(".form-summary:focus").waitFor();
      await check(page, `profiles-problems-${colorScheme}-${width}`);
      await page.getByRole("link", { name: /^Step 1: “much” is not a current/ }).click();
      assert.equal(await page.evaluate(() => document.activeElement.id), "row-0-at");
      await page.getByRole("button", { name: "Text", exact: true }).click();
      assert.equal(await page.locator("#row-0-at").inputValue(), "much", "what cannot be read stays in its view");
      await page.locator("#row-0-at").fill("1");
      await page.getByRole("button", { name: "Text", exact: true }).click();
      await page.locator("textarea#text").waitFor();
      await check(page, `profiles-text-${colorScheme}-${width}`);
    }, { colorScheme, viewport: { width, height: 900 } }));
  }
}

test("the keyboard alone writes, moves, copies and saves steps", () => onPage("/profiles", async (page) => {
  const tabTo = async (wanted) => {
    for (let presses = 0; presses < 80; presses += 1) {
      await page.keyboard.press("Tab");
      const text = await page.evaluate(() => {
        const { activeElement } = document;
        return activeElement.id || activeElement.innerText || "";
      });
      if (text.trim() === wanted) return;
    }
    assert.fail(`the tab key does not lead to ${wanted}`);
  };
  await tabTo("Write a profile");
  await page.keyboard.press("Enter");
  await page.waitForURL("**/profiles/new");
  await tabTo("name");
  await page.keyboard.type("Written by keyboard");
  await tabTo("row-1-do");
  // Alt+arrow moves the step, and the focus stays with it.
  await page.keyboard.press("Alt+ArrowUp");
  await page.locator("#row-0-do:focus").waitFor();
  assert.equal(await page.locator("#row-0-do").inputValue(), "WAIT");
  assert.equal(await page.locator("#row-1-do").inputValue(), "CCCV");
  await page.keyboard.press("Control+d");
  await page.locator("#row-1-do:focus").waitFor();
  assert.equal(await page.locator("#row-1-do").inputValue(), "WAIT");
  await tabTo("row-1-v0");
  await page.keyboard.press("Control+a");
  await page.keyboard.type("-5");
  // What does not fit is told while one types, without a click.
  await page.getByText(/A time is longer than 0 s/).waitFor();
  assert.equal(await page.locator("#row-1-v0").getAttribute("aria-invalid"), "true");
  await page.keyboard.press("Control+a");
  await page.keyboard.type("2 min");
  await page.locator("#row-1-v0:not([aria-invalid])").waitFor();
  // The Enter key in a field checks; it neither moves a step nor stores anything.
  await page.keyboard.press("Enter");
  await page.locator("#trial").waitFor();
  assert.equal(await page.locator("[data-step]").count(), 4);
  await tabTo("Save the profile");
  await page.keyboard.press("Enter");
  await page.waitForURL(/\/profiles\/\d+\?done=added/);
  assert.deepEqual(await page.locator(".sentences li").allInnerTexts(), [
    "Resting for 10 min", "Resting for 2 min", "Charging at 0.5 C to 4.200 V, then holding it until 0.05 C",
    "Discharging at 0.5 C until 2.500 V",
  ]);
}));

for (const width of [1280, 320]) {
  test(`without scripts a profile is built, saved, changed and retired, ${width} px`, () => onPage("/profiles/new", async (page) => {
    await page.getByLabel("Name", { exact: true }).fill(`Built without scripts, ${width}`);
    for (let left = 3; left > 1; left -= 1) {
      await page.getByRole("button", { name: "Delete step 1", exact: true }).click();
      // Between the two pages there is none: counting at once would count nothing.
      await page.locator("[data-step]").nth(left - 1).waitFor({ state: "detached" });
      await page.locator("[data-step]").nth(left - 2).waitFor();
      assert.equal(await page.locator("[data-step]").count(), left - 1);
    }
    await page.getByRole("button", { name: "Add a step" }).click();
    await page.locator("#row-1-do").selectOption("CP");
    await page.locator("#row-1-at").fill(`-1${width}`);
    await page.locator("#row-1-k0").selectOption("VOLTAGE");
    await page.locator("#row-1-v0").fill("2,6");
    await page.locator("#row-1-k1").selectOption("TIME");
    await page.locator("#row-1-v1").fill("1 h");
    await page.getByRole("button", { name: "Move step 2 up" }).click();
    assert.equal(await page.locator("#row-0-at").inputValue(), `-1${width}`);
    assert.equal(await page.locator("#row-0-k2").count(), 1, "a third limit is offered once two are taken");
    await page.getByRole("button", { name: "Save the profile" }).click();
    assert.match(await page.locator(".notice").first().textContent(), /was stored/);
    assert.match(await page.locator(".code-block").first().textContent(), new RegExp(`^CP, -1${width}, VOLTAGE, 2.6, TIME, 3600\n`));
    await page.getByRole("link", { name: "Change", exact: true }).click();
    await page.getByRole("button", { name: "Text", exact: true }).click();
    await page.getByLabel("One step per line").fill(`WAIT, ${width}\nCC, 1`);
    await page.getByRole("button", { name: "Save changes" }).click();
    assert.match(await page.locator(".form-summary").textContent(), /Line 2, column 1: Nothing ends this step/);
    await page.getByLabel("One step per line").fill(`WAIT, ${width}`);
    await page.getByRole("button", { name: "Save changes" }).click();
    assert.match(await page.locator(".notice").first().textContent(), /was changed/);
    await page.getByRole("link", { name: "Retire…" }).click();
    await page.getByRole("button", { name: /^Retire Built/ }).click();
    assert.match(await page.locator(".notice").first().textContent(), /was retired/);
  }, { javaScriptEnabled: false, viewport: { width, height: 900 } }));
}

test("without scripts a file is opened", () => onPage("/profiles/new", async (page) => {
  const steps = "[(\"Charge at 1 A until 4.2 V\", \"Hold at 4.2 V until C/20\")] * 4";
  await page.getByLabel(/^Steps as text, a unicycler/).setInputFiles({ name: "x.txt", mimeType: "text/plain", buffer: Buffer.from(steps) });
  await page.getByRole("button", { name: "Open the file" }).click();
  assert.match(await page.locator(".notice").textContent(), /Read as PyBaMM experiment strings/);
  assert.equal(await page.locator("#row-2-at2").inputValue(), "4");
}, { javaScriptEnabled: false }));
