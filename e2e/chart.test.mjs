// The chart of an experiment: from the whole test to one pulse and back, gaps, columns, pictures, alarms on the axis.
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { mkdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { SCREENSHOTS, startBrowser, startServer } from "./lab.mjs";
import { looker } from "./look.mjs";
import { addPerson, signIn } from "./person.mjs";

const WAIT_MS = 15_000;
// The test: three cycles of ten samples a second, in one of them a pulse of 200 ms, and once nothing for ten minutes.
const BEGIN = Date.UTC(2026, 0, 5, 8);
const ROWS = 24_000;
const PULSE_AT = 9_000;
const PULSE_ROWS = 2;
const GAP_AT = 16_000;
const GAP_S = 600;
const HOSTILE = '<img src=x onerror="alert(1)">';

let server;
let browser;
let cookie;
let experiment;

const seconds = (row) => row / 10 + (row >= GAP_AT ? GAP_S : 0);
const us = (row) => (BEGIN + seconds(row) * 1000) * 1000;
const isPulse = (row) => row >= PULSE_AT && row < PULSE_AT + PULSE_ROWS;

function file() {
  const lines = ["time_utc,time_local,elapsed_s,step,cycle,voltage_v,current_a,temperature_c,cell_3_voltage_v,pressure_bar"];
  for (let row = 0; row < ROWS; row += 1) {
    const at = new Date(BEGIN + seconds(row) * 1000).toISOString().replace("Z", "000");
    const part = row % 8_000;
    const step = part < 4_000 ? 1 : 2;
    const current = isPulse(row) ? 9.5 : step === 1 ? 1.25 : -1.2;
    const voltage = isPulse(row) ? 4.4 : 3.2 + (step === 1 ? part : 8_000 - part) / 5_000;
    lines.push(`${at}Z,${at}+00:00,${seconds(row)},${step},${1 + Math.floor(row / 8_000)},${voltage.toFixed(4)},${current},${(25 + (part % 700) / 100).toFixed(2)},${(voltage / 4).toFixed(4)},${(1 + part / 8_000).toFixed(3)}`);
  }
  return `${lines.join("\n")}\n`;
}

// People name a measure of the station the file went to.
function nameMeasure(column, name, unit) {
  execFileSync("python3", ["-c", `
import sqlite3, sys
db = sqlite3.connect(sys.argv[1], timeout=20)
station = db.execute("SELECT station_id FROM experiment WHERE experiment_id = ?", [int(sys.argv[5])]).fetchone()[0]
db.execute("INSERT INTO station_measure VALUES (?, 1, 1, ?, ?, ?, ?)", [station, sys.argv[2], sys.argv[2], sys.argv[3], sys.argv[4]])
db.commit()`, join(server.folder, "cellar.db"), column, name, unit, String(experiment)]);
}

function addAlarm(severity, row, message) {
  execFileSync("python3", ["-c", `
import sqlite3, sys
db = sqlite3.connect(sys.argv[1], timeout=20)
columns = [row[1] for row in db.execute("PRAGMA table_info(alarm)")]
given = {"severity": sys.argv[2], "code": "over_temperature", "message": sys.argv[4], "experiment_id": int(sys.argv[5]),
         "at_us": int(sys.argv[3]), "last_at_us": int(sys.argv[3]), "repeat_count": 1, "received_at_us": int(sys.argv[3])}
given = {name: value for name, value in given.items() if name in columns}
db.execute(f"INSERT INTO alarm ({', '.join(given)}) VALUES ({', '.join('?' * len(given))})", list(given.values()))
db.commit()`, join(server.folder, "cellar.db"), severity, String(us(row)), message, String(experiment)]);
}

before(async () => {
  await mkdir(SCREENSHOTS, { recursive: true });
  server = await startServer("serve");
  const path = join(server.folder, "Pulse test.csv");
  await writeFile(path, file());
  const report = server.cellar(["import", path, "--json"]);
  experiment = JSON.parse(report.trim().split("\n").at(-1)).experiment_id ?? 1;
  addAlarm("warning", 12_000, `Over 31.0 °C ${HOSTILE}`);
  addAlarm("alarm", 20_000, "Over 45.0 °C");
  cookie = signIn(server, addPerson(server, "jonas", "operator", "Jonas Lindqvist"));
  browser = await startBrowser();
});

after(async () => {
  await browser?.close();
  await server?.stop();
  report();
});

const { onPage, shoot, check, report } = looker(() => ({ server, browser, cookie }));
const address = (query = "") => `/experiments/${experiment}${query}`;
const note = (page) => page.locator("[data-chart-note]").textContent();
const drawn = (page) => page.locator("[data-drawn]").textContent();
const words = (page) => page.locator("[data-cursor-words]").textContent();
const titles = (page) => page.locator("[data-chart] .pane-names span").allTextContents().then((all) => all.filter(Boolean));
const charted = (page) => page.locator("[data-chart] canvas").first().waitFor();

async function eventually(check_, message) {
  const until = Date.now() + WAIT_MS;
  let last;
  while (Date.now() < until) {
    if ((last = await check_()) === true) return;
    await new Promise((resolve) => setTimeout(resolve, 60));
  }
  assert.fail(`${message}; last: ${JSON.stringify(last)}`);
}

const onChart = (query, steps, options) => onPage(address(query), async (page, context) => {
  if (options?.javaScriptEnabled !== false) {
    await charted(page);
    // The script names what it draws as soon as it has drawn it.
    await eventually(async () => (await page.locator("#chart-title").textContent()).includes("of Experiment"), "the chart stayed empty");
  }
  await steps(page, context);
}, options);

// Colours of the canvas of a pane between two parts of its width, as `#rrggbb` with how often.
const colors = (page, from, to, pane = 0) => page.locator("[data-chart] canvas").nth(pane).evaluate((canvas, [a, b]) => {
  const over = canvas.parentElement.querySelector(".u-over");
  const scale = canvas.width / canvas.clientWidth;
  const [left, top] = [over.offsetLeft * scale, over.offsetTop * scale];
  const width = over.clientWidth * scale;
  const [x, w] = [Math.round(left + a * width), Math.max(1, Math.round((b - a) * width))];
  const { data } = canvas.getContext("2d").getImageData(x, Math.round(top), w, Math.round(over.clientHeight * scale));
  const found = {};
  for (let at = 0; at < data.length; at += 4) {
    if (data[at + 3] < 250) continue;
    const key = `#${[0, 1, 2].map((part) => data[at + part].toString(16).padStart(2, "0")).join("")}`;
    found[key] = (found[key] ?? 0) + 1;
  }
  return found;
}, [from, to]);

async function drag(page, from, to, keys = []) {
  const pane = await page.locator("[data-chart] .u-over").first().boundingBox();
  const y = pane.y + pane.height / 2;
  for (const key of keys) await page.keyboard.down(key);
  await page.mouse.move(pane.x + pane.width * from, y);
  await page.mouse.down();
  await page.mouse.move(pane.x + pane.width * to, y, { steps: 6 });
  await page.mouse.up();
  for (const key of keys) await page.keyboard.up(key);
}

const WHOLE_S = seconds(ROWS - 1);

test("from the whole test to one pulse and back", () => onChart("", async (page) => {
  assert.match(await drawn(page), /^Lowest and highest of every/);
  // Nothing of the pulse is lost where thousands of samples share a pixel: its current is the highest of all.
  assert.match(await page.locator("[data-summary]").textContent(), /Current .* between −1\.200 and \+9\.500 A/);
  let [low, high] = [0, WHOLE_S];
  const at = seconds(PULSE_AT);
  for (let turn = 0; turn < 6 && high - low > 3; turn += 1) {
    const part = (at - low) / (high - low);
    const [from, to] = [Math.max(part - 0.06, 0.005), Math.min(part + 0.06, 0.995)];
    await drag(page, from, to);
    await eventually(async () => (await note(page)).startsWith("Zoomed to"), "the drag did not zoom");
    [low, high] = await page.evaluate(() => new URLSearchParams(location.search).get("from_us"))
      .then(async () => {
        await page.waitForTimeout(500);
        const query = new URL(page.url()).searchParams;
        return ["from_us", "to_us"].map((name) => (Number(query.get(name)) - us(0)) / 1e6);
      });
    assert.ok(low < at && at < high, `the pulse at ${at} s lies between ${low} and ${high}`);
  }
  await eventually(async () => (await drawn(page)) === "Every sample drawn", "samples stay reduced");
  await shoot(page, "chart-pulse");
  // Both samples of the pulse can be read, the ones beside it are those of the charge.
  await page.locator("[data-chart]").focus();
  await page.keyboard.press("Home");
  const seen = [];
  for (let step = 0; step < 80; step += 1) {
    seen.push(await words(page));
    await page.keyboard.press("ArrowRight");
  }
  const pulse = [...new Set(seen)].filter((text) => text.includes("Current +9.500 A"));
  assert.equal(pulse.length, PULSE_ROWS, pulse.join("; "));
  assert.match(pulse[0], /Elapsed 0:15:00\.0.*Voltage 4\.400 V/);
  await page.mouse.dblclick(...(await page.locator("[data-chart] .u-over").first().boundingBox().then(({ x, y, width, height }) => [x + width / 2, y + height / 2])));
  await eventually(async () => (await note(page)) === "" && /^Lowest/.test(await drawn(page)), "the double-click did not lead back");
}));

test("a gap is drawn as a gap", () => onChart("", async (page) => {
  const gap = [seconds(GAP_AT - 1), seconds(GAP_AT)].map((at) => at / WHOLE_S);
  const inside = await colors(page, gap[0] + 0.03, gap[1] - 0.03);
  const beside = await colors(page, gap[0] - 0.1, gap[0] - 0.03);
  const [voltage, current] = ["#0072b2", "#c24e00"];
  assert.ok(beside[voltage] > 5 && beside[current] > 2, `beside the gap are lines: ${beside[voltage]}, ${beside[current]}`);
  assert.equal(inside[voltage], undefined, "no line across");
  assert.equal(inside[current], undefined, "no line across");
  assert.ok(inside["#eceff3"] > 500, "it is hatched");
  assert.equal((await colors(page, gap[0] + 0.03, gap[1] - 0.03, 1))["#00805c"], undefined, "nor in the pane below");
  await page.locator("[data-chart]").focus();
  await drag(page, gap[0] - 0.02, gap[1] + 0.02);
  await eventually(async () => (await note(page)).startsWith("Zoomed to"), "the drag did not zoom");
  assert.equal((await colors(page, 0.3, 0.7))[voltage], undefined, "nor nearby");
  await shoot(page, "chart-gap");
}));

test("every measured column can be drawn, on either axis or below", () => onChart("", async (page) => {
  assert.deepEqual(await titles(page), ["Voltage, V", "Current, A", "Temperature, °C"]);
  await page.locator("summary", { hasText: "Axes" }).click();
  await page.getByLabel("Cell 3 voltage, V").selectOption("left");
  await page.getByLabel("Pressure, bar").selectOption("below");
  await page.getByLabel("Current, A").selectOption("");
  assert.deepEqual(await titles(page), ["Voltage, Cell 3 voltage, V", "Temperature, °C", "Pressure, bar"]);
  await eventually(async () => /Pressure 2\.000 bar at the end/.test(await page.locator("[data-summary]").textContent()), "the new column has no values");
  await shoot(page, "chart-axes");
  await eventually(() => page.url().includes("show=") && !page.url().includes("current_a"), "the choice is not in the address");
  await page.keyboard.press("Escape");
  assert.equal(await page.locator("details.chart-menu[open]").count(), 0);
  await page.locator("[data-chart]").focus();
  await page.keyboard.press("End");
  assert.match(await words(page), /Cell 3 voltage 0\.\d{3} V, .*Pressure 2\.000 bar/);
  const link = page.url();
  await page.goto("about:blank");
  await page.goto(link);
  await charted(page);
  assert.deepEqual(await titles(page), ["Voltage, Cell 3 voltage, V", "Temperature, °C", "Pressure, bar"]);
  await page.locator(".table-frame summary").click();
  assert.match(await page.locator(".table-frame thead").textContent(), /Cell 3 voltage, V.*Pressure, bar/);
  await page.locator("summary", { hasText: "Axes" }).click();
  await page.getByRole("button", { name: "As usual" }).click();
  assert.deepEqual(await titles(page), ["Voltage, V", "Current, A", "Temperature, °C"]);
  await eventually(() => !page.url().includes("show="), "what is usual needs no address");
}));

test("the axis shows the time of day when asked", () => onChart("", async (page) => {
  await page.locator("summary", { hasText: "Axes" }).click();
  await page.getByLabel("Time axis").selectOption("clock");
  await page.keyboard.press("Escape");
  await drag(page, 0.2, 0.4);
  await eventually(async () => /Zoomed to 08:1\d:\d\d to 08:2\d:\d\d/.test(await note(page)), "the note does not tell the time of day");
  await eventually(() => page.url().includes("axis=clock"), "the axis is not in the address");
}, { timezoneId: "UTC" }));

test("a link leads back to the same view, by hand, by key and by wheel", () => onChart("", async (page) => {
  await drag(page, 0.3, 0.5);
  await eventually(async () => (await note(page)).startsWith("Zoomed to"), "the drag did not zoom");
  await eventually(() => page.url().includes("from_us="), "the zoom is not in the address");
  const range = () => ["from_us", "to_us"].map((name) => Number(new URL(page.url()).searchParams.get(name)));
  const [from, to] = range();
  // Shift and drag moves it, by as much as the hand did.
  await drag(page, 0.2, 0.7, ["Shift"]);
  await eventually(() => Math.abs(range()[0] - (from - (to - from) / 2)) < (to - from) * 0.02 || range(), "the window did not move");
  assert.ok(Math.abs(range()[1] - range()[0] - (to - from)) < 10, "its length stays");
  // Keys and buttons do the same.
  await page.locator("[data-chart]").focus();
  await page.keyboard.press("PageDown");
  await eventually(() => Math.abs(range()[0] - from) < (to - from) * 0.02, "Page down did not move it back");
  await page.getByRole("button", { name: "Earlier" }).click();
  await page.getByRole("button", { name: "Later" }).click();
  await eventually(() => Math.abs(range()[0] - from) < (to - from) * 0.02, "the buttons did not move it there and back");
  const said = await note(page);
  await page.goto(page.url());
  await charted(page);
  assert.equal(await note(page).then((text) => text || said), said);
  await eventually(async () => (await note(page)) === said, "the link shows another view");
  const pane = await page.locator("[data-chart] .u-over").first().boundingBox();
  await page.mouse.move(pane.x + pane.width / 2, pane.y + 50);
  await page.keyboard.down("Control");
  await page.mouse.wheel(0, -400);
  await page.keyboard.up("Control");
  await eventually(() => range()[1] - range()[0] < (to - from) * 0.8, "the wheel with the control key did not zoom");
}));

test("alarms stand on the axis and under the chart, as text", () => onChart("", async (page) => {
  const list = page.locator("[data-marks] li");
  await list.first().waitFor();
  assert.equal(await list.count(), 2);
  assert.match(await list.first().textContent(), /^Alarm .*Over 45\.0 °C$/);
  assert.match(await list.nth(1).textContent(), /^Warning .*<img src=x/);
  assert.equal(await page.locator("[data-chart] img, [data-marks] img").count(), 0);
  const at = seconds(20_000) / WHOLE_S;
  const line = await colors(page, at - 0.004, at + 0.004, 1);
  assert.ok(line["#b3201c"] > 60, `a full line in the pane below: ${line["#b3201c"]}`);
  // Away from both there is none, and none is listed.
  await drag(page, 0.01, 0.1);
  await eventually(async () => page.locator("[data-marks]").isHidden(), "alarms of other times are listed");
  await page.keyboard.press("Escape");
  await page.getByRole("button", { name: "Reset zoom" }).click();
  await list.first().locator("a").click();
  await page.waitForURL(/\/alarms\/\d+/);
}));

test("what is seen is saved as picture, drawing and file", () => onChart("", async (page) => {
  await drag(page, 0.3, 0.5);
  await eventually(() => page.url().includes("from_us="), "the drag did not zoom");
  const save = async (press) => {
    await page.locator("summary", { hasText: "Save" }).click();
    const download = page.waitForEvent("download");
    await press();
    const taken = await download;
    await page.keyboard.press("Escape");
    return { name: taken.suggestedFilename(), content: await readFile(await taken.path()) };
  };
  const png = await save(() => page.getByRole("button", { name: "Picture, PNG" }).click());
  assert.match(png.name, /^Experiment_\d+.*\.png$/);
  assert.equal(png.content.subarray(1, 4).toString(), "PNG");
  assert.ok(png.content.length > 10_000, `${png.content.length} bytes`);
  await writeFile(join(SCREENSHOTS, "chart-saved.png"), png.content);

  const svg = await save(() => page.getByRole("button", { name: "Drawing, SVG" }).click());
  const drawing = svg.content.toString();
  assert.match(drawing, /^<svg [\s\S]*<\/svg>\n$/);
  assert.ok(drawing.includes("Voltage, V") && drawing.includes("Temperature, °C"));
  assert.ok(!drawing.includes("<img"), "texts of others are escaped");
  assert.ok((drawing.match(/<path d="M/g) ?? []).length >= 3);
  const other = await page.context().newPage();
  await other.setContent(drawing);
  await other.screenshot({ path: join(SCREENSHOTS, "chart-saved-svg.png") });
  await other.close();

  const range = ["from_us", "to_us"].map((name) => Number(new URL(page.url()).searchParams.get(name)));
  const csv = await save(() => page.getByRole("link", { name: "Every sample of it, CSV" }).click());
  const [head, ...lines] = csv.content.toString().trimEnd().split("\n");
  assert.equal(head, "time_utc,time_local,elapsed_s,step,voltage_v,current_a,temperature_c");
  const inside = Array.from({ length: ROWS }, (_, row) => row).filter((row) => us(row) >= range[0] && us(row) <= range[1]);
  assert.equal(lines.length, inside.length, "every sample of the window, none besides");
  assert.match(csv.name, /^experiment-\d+-20260105T\d{6}Z-to-20260105T\d{6}Z\.csv$/);
}));

test("the chart fills the whole screen and comes back", () => onChart("", async (page) => {
  const height = () => page.locator("[data-chart]").evaluate((element) => element.clientHeight);
  const usual = await height();
  await page.getByRole("button", { name: "Whole screen" }).click();
  await eventually(async () => (await height()) > usual + 150, "it did not grow");
  assert.equal(await page.getByRole("button", { name: "Whole screen" }).getAttribute("aria-pressed"), "true");
  await shoot(page, "chart-whole-screen");
  await page.getByRole("button", { name: "Whole screen" }).click();
  await eventually(async () => (await height()) === usual, "it stayed large");
}));

test("two fingers zoom", () => onChart("", async (page, context) => {
  await page.locator("[data-chart]").scrollIntoViewIfNeeded();
  const pane = await page.locator("[data-chart] .u-over").first().boundingBox();
  const touch = await context.newCDPSession(page);
  const y = pane.y + pane.height / 2;
  const fingers = (...parts) => parts.map((part, id) => ({ x: pane.x + pane.width * part, y, id }));
  await touch.send("Input.dispatchTouchEvent", { type: "touchStart", touchPoints: fingers(0.4, 0.6) });
  for (const apart of [0.12, 0.16, 0.2, 0.25]) {
    await touch.send("Input.dispatchTouchEvent", { type: "touchMove", touchPoints: fingers(0.5 - apart, 0.5 + apart) });
  }
  await touch.send("Input.dispatchTouchEvent", { type: "touchEnd", touchPoints: [] });
  await eventually(async () => (await note(page)).startsWith("Zoomed to"), "the pinch did not zoom");
  await eventually(() => page.url().includes("from_us="), "the pinch is not in the address");
  const [from, to] = ["from_us", "to_us"].map((name) => Number(new URL(page.url()).searchParams.get(name)));
  assert.ok(Math.abs((to - from) / 1e6 / WHOLE_S - 0.4) < 0.03, `${(to - from) / 1e6} s of ${WHOLE_S}`);
}, { hasTouch: true, viewport: { width: 390, height: 844 } }));

test("the page tells what it is about, and its cycles", () => onChart("", async (page) => {
  const facts = await page.locator("dl.facts").textContent();
  assert.match(facts, /Rated.*Ah.*Voltage.* to .* V.*Recorded.*Cell 3 voltage in V/s);
  assert.match(facts, /Imported.*Pulse test\.csv/s);
  assert.ok((await page.locator(".cycle-chart polyline").count()) >= 3, "a line for each cycle");
  assert.match(await page.getByRole("region", { name: "Table of cycles" }).textContent(), /Cycle.*Discharged, Ah.*1.*2.*3/s);
  await page.locator('[aria-label="Table of cycles"] tbody a').nth(1).click();
  await charted(page);
  await eventually(async () => (await note(page)).startsWith("Zoomed to 0:13:20"), "a cycle does not lead to its part of the chart");
}));

test("the limits of a run are dashed lines with words, where the axis reaches them", () => onChart("", async (page) => {
  const limits = [{ column: "voltage_v", value: 3.9, side: "above" }, { column: "voltage_v", value: 9.5, side: "above" }, { column: "temperature_c", value: 25, side: "below" }];
  await page.route("**/marks", (route) => route.fulfill({ json: { marks: [], limits } }));
  await page.reload();
  await charted(page);
  const drawing = async () => {
    const download = page.waitForEvent("download");
    await page.locator(".chart-menu").nth(1).locator("summary").click();
    await page.getByRole("button", { name: "Drawing, SVG" }).click();
    const content = await readFile(await (await download).path(), "utf8");
    await page.keyboard.press("Escape");
    return content;
  };
  await eventually(async () => (await drawing()).includes("Stops above 3.900 V"), "the limit is not drawn");
  const drawn = await drawing();
  assert.match(drawn, /Stops below 25\.0 °C/);
  assert.ok(!drawn.includes("Stops above 9"), "a limit beyond the axis is not drawn");
  assert.equal(drawn.match(/stroke-dasharray="10 4"/g).length, 2);
  await page.locator(".chart-card").screenshot({ path: join(SCREENSHOTS, "chart-limits.png") });
}));

test("cycles that are worked out for a while show by themselves", () => onChart("", async (page) => {
  // As a long experiment answers at first: a card in place of what is not known yet.
  const address = new URL(page.url()).pathname;
  let looks = 0;
  await page.route((url) => url.pathname === address, async (route) => {
    const answer = await route.fetch();
    const body = await answer.text();
    if (looks++ > 1) return route.fulfill({ response: answer, body });
    const from = body.indexOf('data-worked="cycles">') + 'data-worked="cycles">'.length;
    const without = body.slice(0, from) + '<section class="card" data-working></section></div><div hidden>' + body.slice(from);
    await route.fulfill({ response: answer, body: without.replace('class="card numbers"', 'hidden class="card"') });
  });
  await page.reload();
  await charted(page);
  assert.equal(await page.locator("[data-working]").count(), 1);
  assert.equal(await page.locator(".numbers").count(), 0);
  await eventually(async () => (await page.locator(".numbers").count()) === 1, "the numbers do not show");
  assert.equal(await page.locator("[data-working]").count(), 0);
  assert.ok(await page.locator('[data-worked="cycles"] .cycle-chart polyline').first().isVisible());
  assert.equal(looks, 3, "the page is fetched again until it is complete, and not after");
}));

test("an answer that is known is not sent again, and what is sent is compressed", async () => {
  const url = `${server.url}/api/v1/experiments/${experiment}/series?width=2000`;
  const headers = { cookie: `cellar=${cookie}`, "accept-encoding": "gzip" };
  const first = await fetch(url, { headers });
  assert.equal(first.headers.get("content-encoding"), "gzip");
  assert.match(first.headers.get("cache-control"), /private, no-cache/);
  await first.arrayBuffer();
  const again = await fetch(url, { headers: { ...headers, "if-none-match": first.headers.get("etag") } });
  assert.equal(again.status, 304);
  assert.equal((await again.arrayBuffer()).byteLength, 0);
});

test("a measure is drawn under the name and in the unit people gave it, whatever they wrote", async () => {
  nameMeasure("cell_3_voltage_v", HOSTILE, "mV");
  await onChart("?show=cell_3_voltage_v", async (page) => {
    assert.deepEqual(await titles(page), [`${HOSTILE}, mV`]);
    await page.locator("[data-chart]").focus();
    await page.keyboard.press("End");
    assert.equal(await page.locator(".tip-row").textContent(), `${HOSTILE}800 mV`);
    await page.locator("summary", { hasText: "Axes" }).click();
    assert.equal(await page.locator(".menu-row span").first().textContent(), `${HOSTILE}, mV`);
    await page.keyboard.press("Escape");
    await page.locator("summary", { hasText: "Save" }).click();
    const download = page.waitForEvent("download");
    await page.getByRole("button", { name: "Drawing, SVG" }).click();
    const drawing = (await readFile(await (await download).path())).toString();
    assert.ok(drawing.includes("&lt;img src=x") && !drawing.includes("<img"));
    assert.equal(await page.locator("main img").count(), 0);
  });
});

test("without scripts there are drawings, facts and cycles", () => onChart("", async (page) => {
  assert.ok((await page.locator(".chart-svg polyline").count()) >= 2);
  assert.ok((await page.locator('[aria-label="Table of cycles"] tbody tr').count()) === 3);
  assert.equal(await page.locator(".chart-tools button:visible").count(), 0, "no button that does nothing");
}, { javaScriptEnabled: false }));

for (const colorScheme of ["light", "dark"]) {
  for (const width of [1280, 390, 320]) {
    test(`axe finds nothing: ${colorScheme}, ${width} px`, () => onChart("?show=voltage_v,current_a:right,temperature_c:below,cell_3_voltage_v,pressure_bar:below", async (page) => {
      await page.locator("[data-chart]").focus();
      await page.keyboard.press("End");
      await check(page, `chart-${colorScheme}-${width}`);
      await page.locator("summary", { hasText: "Axes" }).click();
      await check(page, `chart-menu-${colorScheme}-${width}`);
    }, { colorScheme, viewport: { width, height: 900 } }));
  }
}
