// The whole way of an operator, from a new battery to the queue: keys only, without scripts, on a phone, in both themes.
import assert from "node:assert/strict";
import { mkdir } from "node:fs/promises";
import { after, before, test } from "node:test";
import { SCREENSHOTS, startBrowser, startServer, waitForLab } from "./lab.mjs";
import { looker } from "./look.mjs";
import { addPerson, signIn } from "./person.mjs";

// More places than any page has: a key that never arrives is a failure, not a wait.
const TABS_MAX = 150;

let server;
let browser;
let cookie;
const { onPage, shoot, report } = looker(() => ({ server, browser, cookie }));

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

// Somebody with a keyboard and nothing else.
function keyboard(page) {
  const press = (key) => page.keyboard.press(key);
  // What has the focus is seen: no bar lies over it, and the page does not scroll sideways.
  const covered = () => page.evaluate(() => {
    const element = document.activeElement;
    const box = element.getBoundingClientRect();
    const there = document.elementFromPoint(box.left + Math.min(box.width / 2, 20), box.top + Math.min(box.height / 2, 20));
    const bar = there?.closest("nav, header");
    return bar && !bar.contains(element) ? `${element.outerHTML.slice(0, 120)} is below ${there.outerHTML.slice(0, 80)}` : "";
  });
  const look = async () => {
    let cover = await covered();
    // The browser scrolls with one of its next pictures.
    for (let tries = 0; cover && tries < 30; tries += 1) {
      await page.waitForTimeout(100);
      cover = await covered();
    }
    assert.equal(cover, "");
    const overflow = await page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
    assert.ok(overflow <= 0, `${page.url()} is ${overflow} px too wide`);
  };
  const reach = async (name, selector) => {
    for (let tabs = 0; tabs < TABS_MAX; tabs += 1) {
      await press("Tab");
      const isThere = await page.evaluate(([name, selector]) => {
        const { activeElement } = document;
        const text = activeElement.labels?.[0]?.textContent ?? activeElement.textContent;
        return activeElement.matches(selector) && text.trim().replace(/\s+/g, " ").startsWith(name);
      }, [name, selector]);
      if (isThere) return look();
    }
    assert.fail(`the tab key does not lead to ${selector} “${name}” on ${page.url()}`);
  };
  const enter = async (url) => {
    // The address may stay the same: it is the new page that counts.
    const loaded = page.waitForEvent("load");
    await press("Enter");
    await loaded;
    await page.waitForURL(url);
  };
  const type = async (label, text) => {
    await reach(label, "input, textarea, select");
    if (await page.evaluate(() => document.activeElement.tagName !== "SELECT")) await press("Control+a");
    await page.keyboard.type(text);
  };
  // One of several round buttons, by its words.
  const pick = async (name, words) => {
    await reach("", `input[name="${name}"]`);
    for (let steps = 0; steps < TABS_MAX; steps += 1) {
      const text = await page.evaluate(() => document.activeElement.closest("label")?.textContent ?? document.activeElement.labels[0].textContent);
      if (text.trim().startsWith(words)) {
        await press("Space");
        return look();
      }
      await press("ArrowDown");
    }
    assert.fail(`${words} is not offered on ${page.url()}`);
  };
  return { press, reach, enter, type, pick };
}

for (const colorScheme of ["light", "dark"]) {
  test(`battery, profile, experiment, queue: by keys, without scripts, 320 px, ${colorScheme}`, () => onPage("/", async (page) => {
    const { reach, enter, type, pick } = keyboard(page);
    const mark = colorScheme === "light" ? "L" : "D";

    await reach("Profiles", "a");
    await enter("**/profiles");
    await reach("Write a profile", "a");
    await enter("**/profiles/new");
    await reach("Text", "button");
    await enter("**/profiles/new");
    await type("Name", `Journey ${mark}`);
    await type("One step per line", "CC, 1C, VOLTAGE, 4.3\n");
    await reach("Save the profile", "button");
    await enter(/\/profiles\/\d+\?done=added/);

    await reach("Batteries", "a");
    await enter("**/batteries");
    await reach("Add a battery", "a");
    await enter("**/batteries/new");
    await type("Name", `JOURNEY-${mark}`);
    await type("Chemistry", "NMC");
    await type("Capacity", "-3");
    await reach("Add", "button.btn-primary");
    await enter("**/batteries/new");
    assert.equal(await page.locator("#name").inputValue(), `JOURNEY-${mark}`, "what was typed stays");
    assert.ok(await page.locator("#capacity_ah[aria-invalid]").count() === 1, "the fault stands at its field");
    await shoot(page, `journey-fault-${colorScheme}`);
    await type("Capacity", "3,2");
    await reach("Add", "button.btn-primary");
    await enter(/\/experiments\/new\?battery=\d+/);

    await pick("station", "A1");
    await reach("Continue to the profile", "button");
    await enter(/station=/);
    const misfit = page.locator("li, label, tr").filter({ hasText: `Journey ${mark}` }).last();
    assert.match(await misfit.textContent(), /4\.300 V|4\.200 V/, "what does not fit says why");
    await reach("Profiles", "a");
    await enter("**/profiles");
    await reach(`Journey ${mark}`, "a");
    await enter(/\/profiles\/\d+$/);
    await reach("Change", "a");
    await enter(/\/profiles\/\d+\/edit$/);
    await reach("Text", "button");
    await enter(/\/edit$/);
    await type("One step per line", "CC, 1C, VOLTAGE, 4.1\n");
    await reach("Save changes", "button");
    await enter(/done=/);

    await reach("Experiments", "a");
    await enter("**/experiments");
    await reach("Add experiment", "a");
    await enter("**/experiments/new");
    await pick("battery", `JOURNEY-${mark}`);
    await pick("station", "A1");
    await reach("Continue to the profile", "button");
    await enter(/station=/);
    await pick("profile", `Journey ${mark}`);
    await type("Name (optional)", `On the way ${mark}`);
    await reach("Review", "button");
    await enter("**");
    await shoot(page, `journey-review-${colorScheme}`);
    await reach("Queue to A1", "button");
    await enter(/\/\?station=\d+&queued=\d+$/);
    assert.match(await page.locator(".notice").first().textContent(), /Experiment \d+ is queued\./);
    await shoot(page, `journey-end-${colorScheme}`);
  }, { javaScriptEnabled: false, colorScheme, viewport: { width: 320, height: 640 } }));
}
