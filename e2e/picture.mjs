// Takes the picture of the README: `node e2e/picture.mjs`, with the demo lab running long enough to show a few steps.
import { mkdir, stat } from "node:fs/promises";
import { join } from "node:path";
import { openPage, startBrowser, startServer, waitForLab } from "./lab.mjs";

const FILE = join(new URL("..", import.meta.url).pathname, "docs/img/monitor.png");
const BYTES_MAX = 200_000;
const wait = Number(process.argv[2] ?? 150) * 1000;

await mkdir(join(FILE, ".."), { recursive: true });
const server = await startServer();
const browser = await startBrowser();
try {
  await waitForLab(server);
  await new Promise((resolve) => setTimeout(resolve, wait));
  const { page } = await openPage(browser, server, { viewport: { width: 1440, height: 900 } });
  await page.goto(`${server.url}/?window=5m`);
  const running = page.locator('#running .entry').first();
  await running.click();
  await page.waitForTimeout(2_500);
  const pane = await page.locator("[data-chart] .u-over").first().boundingBox();
  await page.mouse.move(pane.x + pane.width * 0.55, pane.y + 60);
  await page.waitForTimeout(300);
  await page.screenshot({ path: FILE });
} finally {
  await browser.close();
  await server.stop();
}
const { size } = await stat(FILE);
console.log(`${FILE}: ${size} bytes`);
if (size > BYTES_MAX) {
  console.error(`more than ${BYTES_MAX} bytes: take a smaller view`);
  process.exitCode = 1;
}
