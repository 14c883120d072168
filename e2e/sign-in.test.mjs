// From the first run to the second factor, as one person lives through it; then the same pages without a script.
import assert from "node:assert/strict";
import { createHmac } from "node:crypto";
import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { AxeBuilder } from "@axe-core/playwright";
import { SCREENSHOTS, openPage, startBrowser, startServer } from "./lab.mjs";

const WCAG = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"];
const PASSWORD = "plum orbit gravel seven";
const CONSOLE_TIMEOUT_MS = 10_000;

let server;
let browser;
let setup;
const counts = { views: 0, violations: 0, screenshots: 0 };

before(async () => {
  await mkdir(SCREENSHOTS, { recursive: true });
  server = await startServer("serve");
  browser = await startBrowser();
  const until = Date.now() + CONSOLE_TIMEOUT_MS;
  while (!setup && Date.now() < until) {
    setup = server.said().match(/\/setup\/[0-9a-f]{32}/)?.[0];
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  assert.ok(setup, "the console shows a set-up link");
});

after(async () => {
  await browser?.close();
  await server?.stop();
  console.log(`checked: ${counts.views} views with axe, ${counts.violations} violations; ${counts.screenshots} screenshots`);
});

async function opened(options, steps) {
  const { page, context, faults } = await openPage(browser, server, options);
  try {
    await steps(page);
    // The browser reports each answer of 4xx as an error of its console; those are meant here.
    assert.deepEqual(faults.filter((fault) => !/status of 4(04|22|29)/.test(fault)), []);
  } finally {
    await context.close();
  }
}

// No violation in either colours, nothing wider than a narrow phone.
async function look(page, name) {
  for (const colorScheme of ["light", "dark"]) {
    // A colour on its way to another is neither.
    await page.emulateMedia({ colorScheme, reducedMotion: "reduce" });
    for (const width of [1280, 320]) {
      await page.setViewportSize({ width, height: 900 });
      const { violations } = await new AxeBuilder({ page }).withTags(WCAG).analyze();
      counts.views += 1;
      counts.violations += violations.length;
      assert.deepEqual(violations.map(({ id, nodes }) => `${id}: ${nodes.map((node) => node.html).join(" ")}`), [], name);
      const overflow = await page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
      assert.ok(overflow <= 0, `${name} at ${width}: ${overflow} px too wide`);
      await page.screenshot({ path: join(SCREENSHOTS, `${name}-${colorScheme}-${width}.png`), fullPage: true });
      counts.screenshots += 1;
    }
  }
  await page.setViewportSize({ width: 1280, height: 900 });
}

// The code an app shows: RFC 6238.
function code(key, stepsAhead = 0) {
  const bits = [...key.replaceAll(" ", "")].map((letter) => "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567".indexOf(letter).toString(2).padStart(5, "0")).join("");
  const secret = Buffer.from(bits.match(/.{8}/g).map((byte) => parseInt(byte, 2)));
  const counter = Buffer.alloc(8);
  counter.writeBigUInt64BE(BigInt(Math.floor(Date.now() / 30_000) + stepsAhead));
  const hash = createHmac("sha1", secret).update(counter).digest();
  const word = hash.readUInt32BE(hash[19] & 15) & 0x7fffffff;
  return String(word % 1_000_000).padStart(6, "0");
}

test("somebody sets the server up, signs out and in, and turns on a second factor", () => opened({}, async (page) => {
  await page.goto(`${server.url}/login`);
  assert.match(await page.textContent("main"), /Nobody can sign in yet/);
  await look(page, "login-unset");
  await page.goto(server.url + setup);
  await look(page, "setup");
  await page.getByLabel("User name").fill("Ada");
  await page.getByLabel("Password", { exact: true }).fill("password1234");
  await page.getByRole("button", { name: "Become administrator" }).click();
  assert.match(await page.textContent(".form-summary"), /2 things do not fit/);
  assert.equal(await page.getByLabel("User name").inputValue(), "Ada", "what was typed stays");
  await look(page, "setup-problems");
  await page.getByLabel("User name").fill("ada");
  await page.getByLabel("Full name").fill("Ada Lovelace");
  await page.getByLabel("Password", { exact: true }).fill(PASSWORD);
  await page.getByRole("button", { name: "Become administrator" }).click();
  await page.waitForURL(`${server.url}/account`);
  assert.match(await page.textContent("main"), /You are an administrator/);
  await look(page, "account");
  await page.goto(server.url + setup);
  await look(page, "setup-gone");

  await page.goto(server.url);
  await page.getByRole("button", { name: "Sign out" }).click();
  await page.waitForURL(/\/login/);
  assert.match(await page.textContent("[role=status]"), /You are signed out/);
  await page.getByLabel("User name").fill("ada");
  await page.getByLabel("Password", { exact: true }).fill("not this one");
  await page.getByRole("button", { name: "Sign in" }).click();
  assert.match(await page.textContent("#password-problem"), /User name or password is not right\. 4 tries left before a pause of 1 s\./);
  await look(page, "login-wrong");
  const password = page.getByLabel("Password", { exact: true });
  await password.fill(PASSWORD);
  await page.getByRole("button", { name: "Show" }).click();
  assert.equal(await password.getAttribute("type"), "text");
  await page.getByRole("button", { name: "Sign in" }).click();
  await page.waitForURL(`${server.url}/`);

  await page.goto(`${server.url}/account/second-factor`);
  await look(page, "second-factor-on");
  const key = await page.textContent("code.secret");
  await page.getByLabel("Code the app shows now").fill(code(key));
  await page.getByRole("button", { name: "Turn on" }).click();
  const codes = await page.locator("[data-codes] code").allTextContents();
  assert.equal(codes.length, 10);
  await look(page, "recovery-codes");
  await page.getByRole("link", { name: "I have kept them" }).click();
  assert.match(await page.textContent("main"), /10 recovery codes are left/);
  await page.goto(`${server.url}/account/second-factor`);
  await look(page, "second-factor");

  await page.getByRole("button", { name: "Sign out" }).click();
  await page.getByLabel("User name").fill("ada");
  await page.getByLabel("Password", { exact: true }).fill(PASSWORD);
  await page.getByRole("button", { name: "Sign in" }).click();
  await look(page, "code");
  await page.getByLabel("Code from your phone").fill(code(key, 1));
  await page.getByRole("button", { name: "Sign in" }).click();
  await page.waitForURL(`${server.url}/`);

  await page.goto(`${server.url}/account/second-factor`);
  await page.locator("#off-password").fill(PASSWORD);
  await page.locator("#off-code").fill(codes[0]);
  await page.getByRole("button", { name: "Turn off" }).click();
  assert.match(await page.textContent("main"), /The second factor is off/);
  await page.goto(`${server.url}/account/confirm`);
  await look(page, "confirm");
}));

test("signing in needs only the keyboard", () => opened({}, async (page) => {
  await page.goto(`${server.url}/login`);
  assert.equal(await page.evaluate(() => document.activeElement.id), "name", "typing can begin at once");
  await page.keyboard.type("ada");
  await page.keyboard.press("Tab");
  await page.keyboard.type(PASSWORD);
  await page.keyboard.press("Tab");
  assert.equal(await page.evaluate(() => document.activeElement.textContent), "Show");
  await page.keyboard.press("Tab");
  await page.keyboard.press("Enter");
  await page.waitForURL(`${server.url}/`);
}));

test("signing in and the account work without a script", () => opened({ javaScriptEnabled: false }, async (page) => {
  await page.goto(`${server.url}/account`);
  assert.equal(await page.getByRole("button", { name: "Show" }).count(), 0, "what would do nothing is not there");
  await page.getByLabel("User name").fill("ada");
  await page.getByLabel("Password", { exact: true }).fill(PASSWORD);
  await page.getByRole("button", { name: "Sign in" }).click();
  assert.equal(page.url(), `${server.url}/account`);
  await page.getByLabel("Current password").fill(PASSWORD);
  await page.getByLabel("New password").fill("short");
  await page.getByRole("button", { name: "Change password" }).click();
  assert.match(await page.textContent("#new-problem"), /take at least 12/);
  await page.getByRole("button", { name: "Dark" }).click();
  assert.equal(page.url(), `${server.url}/account`);
  assert.equal(await page.getAttribute("html", "data-theme"), "dark");
  await page.getByRole("button", { name: "End all others" }).click();
  assert.match(await page.textContent("main"), /All your other sessions have ended/);
  await page.locator(".side-who").getByRole("button", { name: "Sign out" }).click();
  assert.match(page.url(), /\/login/);
}));

test("the demo's operator has no account and can sign in as somebody", async () => {
  const demo = await startServer();
  const { page, context, faults } = await openPage(browser, demo);
  try {
    await page.goto(`${demo.url}/account`);
    await look(page, "account-demo");
    await page.getByRole("link", { name: "Sign in as somebody" }).click();
    assert.equal(await page.textContent("h1"), "Sign in as somebody");
    await look(page, "login-demo");
    await page.getByRole("link", { name: "Go on as the operator" }).click();
    assert.equal(page.url(), `${demo.url}/`);
    assert.deepEqual(faults, []);
  } finally {
    await context.close();
    await demo.stop();
  }
});
