// How the tests open a page and look at it: what it must not do, how it reads to machines, whether it fits.
import assert from "node:assert/strict";
import { join } from "node:path";
import { AxeBuilder } from "@axe-core/playwright";
import { SCREENSHOTS, openPage } from "./lab.mjs";

const WCAG = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"];

// `lab()` gives { server, browser, cookie } once they are there; without a cookie nobody signs in.
export function looker(lab) {
  const counts = { views: 0, violations: 0, screenshots: 0 };

  // Opens a page, runs the steps, and fails on anything the page should not have done.
  async function onPage(path, steps, options = {}) {
    const { server, browser, cookie } = lab();
    const { page, context, faults } = await openPage(browser, server, options);
    try {
      if (cookie) await context.addCookies([{ name: "cellar", value: cookie, url: server.url }]);
      await page.goto(server.url + path);
      await steps(page, context);
      // Answers of 409 and 422 are pages; the console counts them as errors.
      assert.deepEqual(faults.filter((fault) => !/status of 4(09|22)/.test(fault)), []);
    } finally {
      await context.close();
    }
  }

  async function shoot(page, name) {
    await page.screenshot({ path: join(SCREENSHOTS, `${name}.png`), fullPage: true });
    counts.screenshots += 1;
  }

  // Needs scripts: axe is one.
  async function check(page, name) {
    await shoot(page, name);
    const { violations } = await new AxeBuilder({ page }).withTags(WCAG).analyze();
    counts.views += 1;
    counts.violations += violations.length;
    assert.deepEqual(violations.map(({ id, nodes }) => `${id}: ${nodes.map((node) => node.html).join(" ")}`), []);
    const overflow = await page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
    assert.ok(overflow <= 0, `${overflow} px too wide`);
  }

  const report = () =>
    console.log(`checked: ${counts.views} views with axe, ${counts.violations} violations; ${counts.screenshots} screenshots`);

  return { onPage, shoot, check, report };
}
