// The live page: columns, refresh, links back to a view, progress, and that it does not grow while it lives.
import assert from "node:assert/strict";
import { mkdir } from "node:fs/promises";
import { after, before, test } from "node:test";
import { growth, watchGrowth } from "./growth.mjs";
import { SCREENSHOTS, startBrowser, startServer, waitForLab } from "./lab.mjs";
import { looker } from "./look.mjs";

const WAIT_MS = 20_000;
// Long enough to fill the shortest window twice; E2E_SOAK_S=3600 watches for an hour.
const SOAK_S = Number(process.env.E2E_SOAK_S ?? 75);
const LOOK_EVERY_MS = 2_500;
// What a chart's own ups and downs need.
const HEAP_GROWS_KB_MAX = 1_500;
const NODES_GROW_MAX = 60;
// The table of a window fills, alarms come.
const SHOWN_GROW_MAX = 1_500;

let server;
let browser;
let station;
const { onPage, shoot, check, report } = looker(() => ({ server, browser }));

before(async () => {
  await mkdir(SCREENSHOTS, { recursive: true });
  server = await startServer();
  browser = await startBrowser();
  await waitForLab(server);
  const html = await (await fetch(server.url)).text();
  [, station] = html.slice(html.indexOf('id="running"')).match(/data-key="station=(\d+)"/);
});

after(async () => {
  await browser?.close();
  await server?.stop();
  report();
});

async function eventually(look, message) {
  const until = Date.now() + WAIT_MS;
  let last;
  while (Date.now() < until) {
    if ((last = await look()) === true) return;
    await new Promise((resolve) => setTimeout(resolve, 80));
  }
  assert.fail(`${message}; last: ${JSON.stringify(last)}`);
}

const onLive = (query, steps, options) => onPage(`/?station=${station}${query}`, async (page, context) => {
  await page.locator("[data-chart] canvas").first().waitFor();
  await steps(page, context);
}, options);
const value = (page, column) => page.locator(`.readouts [data-value="${column}"]`).textContent();
const note = (page) => page.locator("[data-chart-note]").textContent();
const titles = (page) => page.locator("[data-chart] .pane-names span").allTextContents().then((all) => all.filter(Boolean));
const streams = (page) => {
  const asked = [];
  page.on("request", (request) => request.url().includes("/live/monitor") && asked.push(new URL(request.url())));
  return asked;
};

test("the page tells how far the run is, what comes and how long it takes", () => onLive("&window=30s", async (page) => {
  const now = page.locator(".now");
  assert.match(await now.textContent(), /Now: step \d+ of \d+.*About .* left in this step.*% of the run done.* left/s);
  assert.match(await page.locator(".entry[aria-current] .entry-left").textContent(), / left$/);
  assert.equal(await page.locator(".choice [aria-current]").textContent(), "30 s");
  assert.equal(await page.locator(".head-what a").first().getAttribute("href").then((href) => /^\/experiments\/\d+$/.test(href)), true);
  const left = () => page.locator('.now [data-progress="left"]').textContent();
  const first = await left();
  await eventually(async () => (await left()) !== first || (await page.locator('.now [data-progress="step_left"]').textContent()) !== first, "what is left stands still");
}));

test("another column is drawn live, with its past", () => onLive("&window=1m", async (page) => {
  const asked = streams(page);
  await page.locator("summary", { hasText: "Axes" }).click();
  await page.getByLabel("Power, W").selectOption("below");
  assert.ok((await titles(page)).includes("Power, W"));
  await eventually(() => asked.at(-1)?.searchParams.get("columns")?.includes("power_w") ?? false, "the stream was not told");
  await page.keyboard.press("Escape");
  const last = async () => {
    await page.locator("[data-chart]").focus();
    await page.keyboard.press("End");
    return page.locator("[data-cursor-words]").textContent();
  };
  await eventually(async () => /Power [−+]?\d/.test(await last()), "the column has no values");
  const first = await last();
  await eventually(async () => {
    const now = await last();
    return now !== first && /Power [−+]?\d/.test(now);
  }, "the column does not go on");
}));

test("values come as seldom as they are wanted, and that is kept", () => onLive("&window=1m", async (page) => {
  const asked = streams(page);
  await page.locator("summary", { hasText: "Axes" }).click();
  await page.getByLabel("Refresh").selectOption("5");
  await eventually(() => asked.at(-1)?.searchParams.get("every") === "5", "the stream was not told");
  await page.keyboard.press("Escape");
  const moments = [];
  let last = await value(page, "voltage_v");
  const until = Date.now() + 13_000;
  while (Date.now() < until) {
    const now = await value(page, "voltage_v");
    if (now !== last) moments.push(Date.now());
    last = now;
    await page.waitForTimeout(50);
  }
  // The list and the samples each have their turn every 5 s; without the setting there would be a hundred.
  assert.ok(moments.length >= 1 && moments.length <= 10, `${moments.length} changes in 13 s`);
  await page.reload();
  await page.locator("[data-chart] canvas").first().waitFor();
  assert.equal(await page.locator("[data-every]").inputValue(), "5");
}));

test("a frozen view has a link of its own, and the live one goes on", () => onLive("&window=30s", async (page) => {
  await page.getByRole("button", { name: "Freeze view" }).click();
  await eventually(() => /from_us=\d+/.test(page.url()), "the frozen view is not in the address");
  const link = page.url();
  await page.getByRole("button", { name: "Unfreeze view" }).click();
  await eventually(() => !/from_us=/.test(page.url()), "the live view kept the frozen one's address");
  await page.goto(link);
  await page.locator("[data-chart] canvas").first().waitFor();
  await eventually(async () => (await note(page)).startsWith("Zoomed to"), "the link does not show the same view");
}));

test("what lies back is reached from the live chart and left again", () => onLive("&window=30s", async (page) => {
  await page.locator("[data-chart]").focus();
  await page.keyboard.press("PageUp");
  await eventually(async () => (await note(page)).startsWith("Zoomed to"), "Page up does not lead back in time");
  await page.keyboard.press("Escape");
  await eventually(async () => (await note(page)) === "", "Escape does not lead back to now");
}));

for (const colorScheme of ["light", "dark"]) {
  for (const width of [1280, 390]) {
    test(`axe finds nothing with open menus: ${colorScheme}, ${width} px`, () => onLive("&window=30s", async (page) => {
      await page.locator("summary", { hasText: "Axes" }).click();
      await check(page, `live-axes-${colorScheme}-${width}`);
      await page.locator("summary", { hasText: "Save" }).click();
      await check(page, `live-save-${colorScheme}-${width}`);
    }, { colorScheme, viewport: { width, height: 900 } }));
  }
}

test("nothing of the page grows while it lives", () => onLive("&window=30s", async (page, context) => {
  const look = await watchGrowth(page, context, server.pid);
  // The first window fills before anything is compared.
  await page.waitForTimeout(Math.min(30_000, SOAK_S * 250));
  const looks = [];
  const until = Date.now() + SOAK_S * 1000;
  let turn = 0;
  while (Date.now() < until) {
    // Somebody uses it meanwhile: choices, zooms and stations come and go.
    turn += 1;
    if (turn % 4 === 1) await page.getByRole("button", { name: "Zoom in" }).click();
    if (turn % 4 === 2) await page.getByRole("button", { name: "Reset zoom" }).click();
    if (turn % 4 === 3) await page.locator(".entry:not([aria-current])", { has: page.locator(".spark") }).first().click();
    if (turn % 4 === 0) await page.goBack();
    await page.waitForTimeout(Math.max(LOOK_EVERY_MS, SOAK_S * 25));
    if (turn % 4 === 0) looks.push(await look());
  }
  const grew = growth(looks);
  console.log(`checked: ${looks.length} looks in ${SOAK_S} s: ${JSON.stringify(grew)}`);
  const by = (name) => grew[name][1] - grew[name][0];
  assert.ok(by("heapKb") < HEAP_GROWS_KB_MAX, `the heap grew by ${by("heapKb")} kB`);
  assert.ok(by("detached") < NODES_GROW_MAX, `${by("detached")} nodes more that nobody sees`);
  assert.ok(by("nodes") < SHOWN_GROW_MAX, `${by("nodes")} nodes more in the page`);
  assert.ok(by("listeners") < NODES_GROW_MAX, `${by("listeners")} listeners more`);
}));
