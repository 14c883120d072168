// Alarms and the emergency stop in the demo lab: told by a device, shown on every page, answered with words; switched off by key,
// by holding, and without a script.
import assert from "node:assert/strict";
import { mkdir } from "node:fs/promises";
import { after, before, test } from "node:test";
import { Device } from "./device.mjs";
import { SCREENSHOTS, startBrowser, startServer, waitForLab } from "./lab.mjs";
import { looker } from "./look.mjs";

let server;
let browser;
let device;
let secret;
const { onPage, check, report } = looker(() => ({ server, browser }));

before(async () => {
  await mkdir(SCREENSHOTS, { recursive: true });
  server = await startServer();
  browser = await startBrowser();
  await waitForLab(server);
  ({ secret } = JSON.parse(server.cellar(["device", "add", "cu-77", "--kind", "unit", "--json"])));
  device = await Device.connect(server.mqtt, "cu-77", secret);
  await tell("fan_stopped", "alarm", "Fan 2 of the chamber stopped");
  await tell("filter_old", "warning", "The filter is a year old");
  await onPage("/", (page) => page.getByRole("link", { name: "1 alarm" }).waitFor());
});

after(async () => {
  device?.close?.();
  await browser?.close();
  await server?.stop();
  report();
});

const tell = (code, severity, message) => device.publish("cellar/v1/cu-77/up/alarm", JSON.stringify({ code, severity, message }));

for (const colorScheme of ["light", "dark"]) {
  for (const width of [1280, 320]) {
    for (const [name, path] of [["alarms", "/alarms"], ["alarms-all", "/alarms?state=all"], ["alarms-none", "/alarms?state=acknowledged"], ["alarm", "/alarms/1"], ["emergency-stop", "/emergency-stop"], ["emergency-stop-result", "/emergency-stop/result?scope=all"]]) {
      test(`${name} is readable: ${colorScheme}, ${width} px`, () => onPage(path, async (page) => {
        await check(page, `${name}-${colorScheme}-${width}`);
      }, { colorScheme, viewport: { width, height: 900 } }));
    }
    test(`the dialog of the emergency stop is readable: ${colorScheme}, ${width} px`, () => onPage("/batteries", async (page) => {
      await page.getByRole("link", { name: "Emergency stop" }).click();
      await check(page, `emergency-dialog-${colorScheme}-${width}`);
      assert.equal(await page.evaluate(() => document.activeElement.textContent.trim()), "Switch off all now");
      await page.keyboard.press("Escape");
      assert.equal(await page.locator("dialog[open]").count(), 0);
    }, { colorScheme, viewport: { width, height: 900 } }));
  }
}

test("an alarm is told on every page, in its title too, and a new one is announced", () => onPage("/profiles", async (page) => {
  await page.getByRole("link", { name: "1 alarm" }).waitFor();
  assert.match(await page.title(), /^\(1\) Profiles/);
  // It said nothing since the first test, and the server lets go of whoever is silent for so long.
  device.close();
  device = await Device.connect(server.mqtt, "cu-77", secret);
  await tell("door_open", "critical", "The door of the chamber is open");
  await page.getByRole("link", { name: "2 alarms" }).waitFor();
  await page.getByText("Alarm: The door of the chamber is open").waitFor({ state: "attached" });
}));

test("an alarm is answered with words, without a script", () => onPage("/alarms", async (page) => {
  await page.getByRole("row", { name: /Fan 2/ }).getByRole("link", { name: "Acknowledge…" }).click();
  await page.getByRole("button", { name: "Acknowledge" }).click();
  await page.getByText("An answer needs words").first().waitFor();
  await page.getByLabel("What are you doing about it?").fill("Switched on again");
  await page.getByRole("button", { name: "Acknowledge" }).click();
  await page.getByText("The bench goes on as before.").waitFor();
  assert.equal(await page.getByText("Fan 2").count(), 0);
}, { javaScriptEnabled: false }));

test("one press of a key does not stop, the second does, and the result tells of every output", () => onPage("/", async (page) => {
  await page.getByRole("link", { name: "Emergency stop" }).focus();
  await page.keyboard.press("Enter");
  await page.keyboard.press("Enter");
  await page.getByText("Press again to switch all outputs off.").waitFor();
  assert.equal(new URL(page.url()).pathname, "/");
  await page.keyboard.press("Enter");
  await page.waitForURL(/emergency-stop\/result/);
  await page.getByRole("heading", { name: /outputs are off$/ }).waitFor();
  assert.equal(await page.getByText("Off, confirmed").count(), 4);
}));

test("the button is held, not clicked", () => onPage("/", async (page) => {
  await page.getByRole("link", { name: "Emergency stop" }).click();
  const button = page.getByRole("button", { name: "Switch off all now" });
  await button.click();
  await page.getByText("Hold it for a second.").waitFor();
  await button.hover();
  await page.mouse.down();
  await page.waitForURL(/emergency-stop\/result/);
}));

test("without a script it is a page with every scope", () => onPage("/emergency-stop", async (page) => {
  await page.getByLabel(/^Unit cu-01/).check();
  await page.getByLabel("Why? (can stay empty)").fill("smell");
  await page.getByRole("button", { name: "Switch off now" }).click();
  await page.getByText("Off, confirmed").first().waitFor();
}, { javaScriptEnabled: false }));
