// The monitor page as its readers use it.
import assert from "node:assert/strict";
import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { AxeBuilder } from "@axe-core/playwright";
import { SCREENSHOTS, openPage, startBrowser, startServer, waitForLab } from "./lab.mjs";

const WCAG = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"];
const PAGE_BYTES_MAX = 300_000;
// Long enough for a value to change: stations measure several times a second.
const CHANGE_TIMEOUT_MS = 15_000;

let server;
let browser;
const counts = { views: 0, violations: 0, screenshots: 0, bytes: 0 };

before(async () => {
  await mkdir(SCREENSHOTS, { recursive: true });
  server = await startServer();
  browser = await startBrowser();
  await waitForLab(server);
});

after(async () => {
  await browser?.close();
  await server?.stop();
  console.log(
    `checked: ${counts.views} views with axe, ${counts.violations} violations; ` +
    `${counts.bytes} bytes for the page; ${counts.screenshots} screenshots in ${SCREENSHOTS}`,
  );
});

// Opens the first running station, runs the steps, and fails on anything the page should not have done.
async function onMonitor(steps, options = {}, path) {
  const opened = await openPage(browser, server, options);
  const { page, context, faults } = opened;
  try {
    await page.goto(server.url + (path ?? (await runningStation())));
    if (options.javaScriptEnabled !== false) await charted(page);
    await steps(page, opened);
    assert.deepEqual(faults, []);
  } finally {
    await context.close();
  }
}

async function runningStation() {
  const html = await (await fetch(server.url)).text();
  const running = html.slice(html.indexOf('id="running"'));
  const [, key] = running.match(/data-key="(station=\d+)"/);
  return `/?${key}&window=5m`;
}

const charted = (page) => page.waitForSelector("[data-chart] canvas");
const shoot = async (page, name) => {
  await page.screenshot({ path: join(SCREENSHOTS, `${name}.png`), fullPage: true });
  counts.screenshots += 1;
};
const value = (page, column) => page.locator(`.readouts [data-value="${column}"]`).textContent();
const note = (page) => page.locator("[data-chart-note]").textContent();
const words = (page) => page.locator("[data-cursor-words]").textContent();
const panes = (page) => page.evaluate(() => document.querySelectorAll("[data-chart] canvas").length);

async function eventually(check, message) {
  const until = Date.now() + CHANGE_TIMEOUT_MS;
  while (Date.now() < until) {
    if (await check()) return;
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  assert.fail(message);
}

test("a value changes without a reload", () => onMonitor(async (page) => {
  const loads = [];
  page.on("framenavigated", (frame) => loads.push(frame.url()));
  const first = await Promise.all(["voltage_v", "current_a", "temperature_c"].map((column) => value(page, column)));
  await eventually(async () => {
    const now = await Promise.all(["voltage_v", "current_a", "temperature_c"].map((column) => value(page, column)));
    return now.join() !== first.join();
  }, `the values stayed at ${first}`);
  assert.match(await page.locator("[data-age]").textContent(), /^Live, \d/);
  assert.deepEqual(loads, []);
}));

test("two charts draw one time axis", () => onMonitor(async (page) => {
  assert.equal(await panes(page), 2);
  const [upper, lower] = await page.locator("[data-chart] .u-over").all();
  const [a, b] = [await upper.boundingBox(), await lower.boundingBox()];
  assert.deepEqual([a.x, a.width], [b.x, b.width]);
}));

test("the window is chosen by a link and stays in the address", () => onMonitor(async (page) => {
  const lengthUs = ({ searchParams }) => Number(searchParams.get("to_us")) - Number(searchParams.get("from_us"));
  const asked = page.waitForRequest((request) => {
    const url = new URL(request.url());
    return url.pathname.endsWith("/series") && lengthUs(url) >= 900e6 && lengthUs(url) < 1000e6;
  });
  await page.getByRole("link", { name: "15 min" }).click();
  await asked;
  assert.match(page.url(), /window=15m/);
  await page.reload();
  assert.equal(await page.locator(".choice [aria-current]").textContent(), "15 min");
}));

test("another station is chosen without losing the window, and back again", () => onMonitor(async (page) => {
  const before = await page.locator(".head-title").textContent();
  const other = page.locator(".entry:not([aria-current])", { has: page.locator(".spark") }).first();
  await other.click();
  await eventually(async () => (await page.locator(".head-title").textContent()) !== before, "the same station stayed");
  assert.match(page.url(), /window=5m/);
  await page.goBack();
  await eventually(async () => (await page.locator(".head-title").textContent()) === before, "back did not lead back");
}));

test("a drag zooms, a double-click resets", () => onMonitor(async (page) => {
  const pane = await page.locator("[data-chart] .u-over").first().boundingBox();
  const y = pane.y + pane.height / 2;
  await page.mouse.move(pane.x + pane.width * 0.7, y);
  await page.mouse.down();
  await page.mouse.move(pane.x + pane.width * 0.9, y, { steps: 5 });
  await page.mouse.up();
  await eventually(async () => (await note(page)).startsWith("Zoomed to"), "the drag did not zoom");
  await page.mouse.dblclick(pane.x + pane.width * 0.5, y);
  await eventually(async () => !(await note(page)).startsWith("Zoomed to"), "the double-click did not reset");
}));

test("the keyboard alone moves the cursor, zooms and leaves", () => onMonitor(async (page) => {
  await eventually(async () => {
    await page.locator("[data-chart]").focus();
    await page.keyboard.press("End");
    return (await words(page)).includes("Voltage");
  }, "the cursor has nothing to point at");
  const last = await words(page);
  await page.keyboard.press("Shift+ArrowLeft");
  assert.notEqual(await words(page), last);
  assert.equal(await page.locator(".tip").isVisible(), true);
  await page.keyboard.press("+");
  await eventually(async () => (await note(page)).startsWith("Zoomed to"), "+ did not zoom");
  await page.keyboard.press("Escape");
  await eventually(async () => (await note(page)) === "", "Escape did not reset");
  assert.equal(await page.locator(".tip").isVisible(), false);
  await page.keyboard.press("Tab");
  assert.equal(await page.evaluate(() => document.activeElement.closest("[data-chart]")), null, "the chart is one tab stop");
}));

test("buttons zoom too", () => onMonitor(async (page) => {
  await page.getByRole("button", { name: "Zoom in" }).click();
  await eventually(async () => (await note(page)).startsWith("Zoomed to"), "the button did not zoom");
  await page.getByRole("button", { name: "Reset zoom" }).click();
  await eventually(async () => (await note(page)) === "", "the button did not reset");
}));

test("a frozen view says so while the values go on", () => onMonitor(async (page) => {
  await page.getByRole("button", { name: "Freeze view" }).click();
  assert.match(await note(page), /^View frozen at \d\d:\d\d:\d\d, the experiment goes on\.$/);
  const picture = () => page.locator("[data-chart] canvas").first().evaluate((canvas) => canvas.toDataURL());
  // An answer asked for before the press may still be drawn.
  let frozen;
  await eventually(async () => frozen === (frozen = await picture()), "the frozen chart never rests");
  const first = await value(page, "voltage_v");
  await eventually(async () => (await value(page, "voltage_v")) !== first, "the values stopped");
  assert.equal(await picture(), frozen);
  await page.getByRole("button", { name: "Unfreeze view" }).click();
  await eventually(async () => (await picture()) !== frozen, "the chart stayed frozen");
}));

test("the table says what the chart draws", () => onMonitor(async (page) => {
  await page.getByRole("button", { name: "Table" }).click();
  const rows = page.locator("[data-rows] tr");
  assert.ok((await rows.count()) > 0);
  assert.match(await rows.first().locator("td").nth(2).textContent(), /^\d+\.\d+$/);
}));

test("the theme is kept and there before the first paint", () => onMonitor(async (page) => {
  const background = () => page.evaluate(() => getComputedStyle(document.body).backgroundColor);
  const light = await background();
  const kept = page.waitForResponse((response) => response.url().endsWith("/theme"));
  await page.getByRole("button", { name: "Dark" }).click();
  assert.notEqual(await background(), light);
  await kept;
  await page.reload();
  assert.equal(await page.evaluate(() => document.documentElement.dataset.theme), "dark");
  assert.notEqual(await background(), light);
}));

test("a silent server is told, and its return", () => onMonitor(async (page) => {
  server.pause();
  try {
    await page.locator("[data-cut-off]:not([hidden])").waitFor({ timeout: 30_000 });
    assert.match(await page.locator("[data-age]").textContent(), /^Last reading/);
    await shoot(page, "monitor-cut-off");
  } finally {
    server.resume();
  }
  await page.locator("[data-cut-off]").waitFor({ state: "hidden", timeout: 30_000 });
}));

test("without scripts there are a drawing, a table and windows", () => onMonitor(async (page) => {
  assert.ok((await page.locator(".chart-svg polyline").count()) >= 2);
  await page.locator(".table-frame summary").click();
  assert.ok((await page.locator("[data-rows] tr").count()) > 0);
  assert.equal(await page.getByRole("button", { name: "Freeze view" }).count(), 0, "no button that does nothing");
  await page.getByRole("link", { name: "1 min", exact: true }).click();
  assert.match(page.url(), /window=1m/);
  await page.getByRole("button", { name: "Dark" }).click();
  assert.equal(await page.locator("html").getAttribute("data-theme"), "dark");
  assert.match(page.url(), /window=1m/);
  await shoot(page, "monitor-no-script-dark");
}, { javaScriptEnabled: false }));

test("nothing scrolls sideways at 320 px, even with text at 200 %", () => onMonitor(async (page) => {
  const overflow = () => page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
  assert.ok((await overflow()) <= 0, `${await overflow()} px too wide`);
  await page.evaluate(() => { document.documentElement.style.fontSize = "200%"; });
  assert.ok((await overflow()) <= 0, `${await overflow()} px too wide at 200 %`);
}, { viewport: { width: 320, height: 700 } }));

for (const colorScheme of ["light", "dark"]) {
  for (const width of [1280, 390, 320]) {
    test(`axe finds nothing: ${colorScheme}, ${width} px`, () => onMonitor(async (page) => {
      await page.locator("[data-chart]").focus();
      await page.keyboard.press("End");
      const { violations } = await new AxeBuilder({ page }).withTags(WCAG).analyze();
      counts.views += 1;
      counts.violations += violations.length;
      await shoot(page, `monitor-${colorScheme}-${width}`);
      assert.deepEqual(violations.map(({ id, nodes }) => `${id}: ${nodes.map((node) => node.html).join(" ")}`), []);
    }, { colorScheme, viewport: { width, height: 900 } }));
  }
}

test("forced colours and reduced motion keep the page", () => onMonitor(async (page) => {
  await shoot(page, "monitor-forced-colours");
  const moving = await page.evaluate(() => document.getAnimations().length);
  assert.equal(moving, 0);
}, { forcedColors: "active", reducedMotion: "reduce" }));

test("the page is small, asks nobody else and does not jump", () => onMonitor(async (page, { bytes }) => {
  const shift = page.evaluate(() => new Promise((resolve) => {
    let sum = 0;
    new PerformanceObserver((list) => list.getEntries().forEach((entry) => { sum += entry.value; }))
      .observe({ type: "layout-shift", buffered: true });
    setTimeout(() => resolve(sum), 2000);
  }));
  assert.ok((await shift) <= 0.05, `layout shift ${await shift}`);
  counts.bytes = bytes();
  assert.ok(bytes() > 0 && bytes() < PAGE_BYTES_MAX, `${bytes()} bytes`);
}));

test("an error page helps on and has its number", async () => {
  const { page, context, faults } = await openPage(browser, server);
  try {
    const answer = await page.goto(`${server.url}/nothing-here`);
    assert.equal(answer.status(), 404);
    assert.equal(await page.locator("code").textContent(), answer.headers()["x-request-id"]);
    assert.match(answer.headers()["content-security-policy"], /default-src 'none'/);
    await shoot(page, "error-404");
    const { violations } = await new AxeBuilder({ page }).withTags(WCAG).analyze();
    counts.views += 1;
    counts.violations += violations.length;
    assert.deepEqual(violations.map(({ id }) => id), []);
    assert.equal((await page.goto(`${server.url}/?window=7y`)).status(), 422);
    await page.getByRole("link", { name: "Open the monitor" }).click();
    assert.equal(await page.locator("h1").textContent().then((text) => text.startsWith("Monitor")), true);
    assert.deepEqual(faults.filter((fault) => !fault.includes("status of 4")), []);
  } finally {
    await context.close();
  }
});
