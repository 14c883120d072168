// The pages of administrators as they use them: people, tokens, devices, the audit log.
import assert from "node:assert/strict";
import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { SCREENSHOTS, startBrowser, startServer } from "./lab.mjs";
import { looker } from "./look.mjs";
import { addLetter, addPerson, addWaiting, signIn } from "./person.mjs";

let server;
let browser;
let cookie;
const { onPage, shoot, check, report } = looker(() => ({ server, browser, cookie }));

before(async () => {
  await mkdir(SCREENSHOTS, { recursive: true });
  server = await startServer();
  browser = await startBrowser();
  cookie = signIn(server, addPerson(server, "m.okafor", "admin", "Mira Okafor"));
  addPerson(server, "j.lindqvist", "operator", "Jonas Lindqvist of the cell lab, second floor");
  addPerson(server, "visitor-with-a-long-user-name-32", "viewer");
  addWaiting(server, "pr-new-21");
  addLetter(server, "cu-01", `{"boot":1,"columns":<img src=x onerror=alert(1)>${"0123456789".repeat(60)}`);
  addLetter(server, "a-device-with-a-long-name-of-32c", "{");
  addWaiting(server, "a-device-with-a-long-name-of-32c");
  await onPage("/tokens/new", async (page) => {
    await page.getByLabel("What it is for").fill("plots of the night shift");
    await page.getByLabel("Works for, days").fill("9");
    await page.getByRole("button", { name: "Make the token" }).click();
  });
});

after(async () => {
  await browser?.close();
  await server?.stop();
  report();
});

const PAGES = [
  ["users", "/users"], ["users-new", "/users/new"], ["users-show", "/users/2"], ["users-disable", "/users/2/disable"],
  ["tokens", "/tokens"], ["tokens-new", "/tokens/new"], ["tokens-revoke", "/tokens/1/revoke"],
  ["audit", "/audit"], ["audit-verify", "/audit/verify"],
  ["devices", "/devices"], ["devices-new", "/devices/new"], ["devices-show", "/devices/cu-01"],
  ["dead-letters", "/dead-letters"], ["dead-letters-none", "/dead-letters?reason=nothing+fits"],
  ["dead-letters-show", "/dead-letters/1"],
  ["devices-rotate", "/devices/cu-01/rotate"], ["devices-disable", "/devices/cu-01/disable"],
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

for (const width of [1280, 320]) {
  test(`what does not fit is said in words, ${width} px`, () => onPage("/users/new", async (page) => {
    await page.getByLabel("User name").fill("Not A Name");
    await page.getByRole("button", { name: "Add and make a link" }).click();
    // The browser moves the focus when it has laid out the answer: that may be after the click is done.
    await page.locator(".form-summary:focus").waitFor();
    assert.equal(await page.getByLabel("User name").inputValue(), "Not A Name");
    await check(page, `users-new-problems-${width}`);
    await page.getByRole("link", { name: /is not a user name/ }).click();
    assert.equal(await page.evaluate(() => document.activeElement.id), "name");
  }, { viewport: { width, height: 900 } }));
}

test("the keyboard alone adds a person and hands over the link", () => onPage("/users", async (page, context) => {
  await context.grantPermissions(["clipboard-read", "clipboard-write"]);
  const tabTo = async (wanted) => {
    for (let presses = 0; presses < 40; presses += 1) {
      await page.keyboard.press("Tab");
      const text = await page.evaluate(() => {
        const { activeElement } = document;
        return activeElement.labels?.[0]?.textContent ?? activeElement.textContent;
      });
      if (text.includes(wanted)) return;
    }
    assert.fail(`the tab key does not lead to ${wanted}`);
  };
  await tabTo("Add a person");
  await page.keyboard.press("Enter");
  await page.waitForURL("**/users/new");
  await tabTo("User name");
  await page.keyboard.type("a.keyes");
  await tabTo("Full name");
  await page.keyboard.type("Ada Keyes");
  await tabTo("Viewer");
  await page.keyboard.press("ArrowDown");
  await tabTo("Add and make a link");
  await page.keyboard.press("Enter");
  await page.locator("#secret").waitFor();
  await check(page, "users-link");
  assert.match(await page.locator(".notice").textContent(), /a\.keyes was added as operator/);
  await tabTo("Copy");
  await page.keyboard.press("Enter");
  await page.getByText("Copied", { exact: true }).waitFor();
  const copied = await page.evaluate(() => navigator.clipboard.readText());
  assert.match(copied, new RegExp(`^${server.url}/link/[0-9a-f]{32}$`));
  assert.equal(copied, await page.locator("#secret").textContent());
  await tabTo("I have handed it over");
  await page.keyboard.press("Enter");
  await page.waitForURL(/\/users\/\d+$/);
  assert.doesNotMatch(await page.content(), /\/link\/[0-9a-f]/);
}));

test("without scripts a person is disabled and enabled", () => onPage("/users", async (page) => {
  await page.getByRole("link", { name: "visitor-with-a-long-user-name-32" }).click();
  await page.getByRole("link", { name: /^Disable visitor/ }).click();
  await page.getByLabel("Reason").fill("left the lab");
  await page.getByRole("button", { name: "Disable visitor-with-a-long-user-name-32" }).click();
  assert.match(await page.locator(".notice").textContent(), /was disabled and signed out everywhere/);
  await shoot(page, "users-show-disabled");
  await page.getByRole("button", { name: /^Enable visitor/ }).click();
  assert.match(await page.locator(".notice").textContent(), /may sign in again/);
}, { javaScriptEnabled: false }));

test("without scripts a token is made and revoked", () => onPage("/tokens", async (page) => {
  await page.getByRole("link", { name: "Make a token" }).click();
  await page.getByLabel("What it is for").fill("a script");
  await page.getByLabel("Write").check();
  await page.getByRole("button", { name: "Make the token" }).click();
  assert.match(await page.locator("#secret").textContent(), /^cellar_\w{49}$/);
  assert.equal(await page.getByRole("button", { name: "Copy" }).count(), 0, "no button that does nothing");
  await shoot(page, "tokens-made");
  await page.getByRole("link", { name: "I have kept it" }).click();
  await page.getByRole("link", { name: "Revoke… a script of m.okafor" }).click();
  await page.getByRole("button", { name: "Revoke a script" }).click();
  assert.match(await page.locator(".notice").textContent(), /“a script” of m\.okafor was revoked/);
}, { javaScriptEnabled: false }));

test("without scripts a device is let in and another dismissed", () => onPage("/devices", async (page) => {
  await page.getByRole("button", { name: "Approve pr-new-21 as probe" }).click();
  assert.match(await page.locator(".notice").textContent(), /pr-new-21 was approved as probe/);
  await page.getByRole("button", { name: /^Dismiss a-device/ }).click();
  assert.match(await page.locator(".notice").textContent(), /taken from the list/);
  await page.getByRole("link", { name: "pr-new-21" }).click();
  assert.match(await page.locator(".facts").textContent(), /No message yet/);
}, { javaScriptEnabled: false }));

test("the log is filtered, and the filter stays in the address", () => onPage("/audit", async (page) => {
  await page.getByLabel("Action contains").fill("token");
  await page.keyboard.press("Enter");
  await page.waitForURL(/action=token/);
  assert.equal(await page.getByLabel("Action contains").inputValue(), "token");
  const actions = await page.locator(".cell-action").allTextContents();
  assert.ok(actions.length > 0 && actions.every((action) => action.includes("token")), actions.join());
  const file = page.waitForEvent("download");
  await page.getByRole("link", { name: "Download as CSV" }).click();
  assert.match((await file).suggestedFilename(), /^cellar-audit-\d{4}-\d\d-\d\d\.csv$/);
}));

test("without scripts a dead letter is looked at and tried again", () => onPage("/devices", async (page) => {
  await page.getByRole("link", { name: "Dead letters" }).click();
  await page.getByRole("link", { name: /./ }).and(page.locator("tbody th a")).last().click();
  await page.getByRole("button", { name: "Try again" }).click();
  assert.match(await page.locator(".notice").first().textContent(), /tried again now/);
  // The node takes it within a second or two and finds it as useless as before.
  for (let tries = 0; tries < 40 && await page.getByText("being tried").count() > 0; tries += 1) {
    await page.waitForTimeout(250);
    await page.reload();
  }
  await page.getByText("Tried again", { exact: true }).waitFor();
  assert.equal(await page.locator(".badge").first().textContent(), "dead");
  assert.match(await page.locator("pre").textContent(), /<img src=x onerror/);
}, { javaScriptEnabled: false }));
