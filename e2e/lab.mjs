// A running server and a browser for the specs. Everything is started here and stopped here.
import { execFileSync, spawn } from "node:child_process";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { chromium } from "playwright-core";

const ROOT = new URL("..", import.meta.url).pathname;
// CELLAR_DEMO runs another command in place of the demo lab, words parted by spaces; it must print the same line.
const COMMAND = process.env.CELLAR_DEMO?.split(" ");
// CELLAR_BIN is another build of the program.
const PROGRAM = process.env.CELLAR_BIN ?? join(ROOT, "target/debug/cellar");
const CHROMIUM = process.env.CHROMIUM ?? "/usr/bin/chromium";
// A debug build on a busy machine takes its time to migrate and to connect the devices.
const START_TIMEOUT_MS = 60_000;

export const SCREENSHOTS = join(ROOT, "e2e/test-results");

// `verb` is demo, or serve for a server without a lab, where everybody signs in.
export async function startServer(verb = "demo") {
  const folder = await mkdtemp(join(tmpdir(), "cellar-e2e-"));
  const [program, ...args] = COMMAND ?? [
    PROGRAM, verb, "--data-dir", folder, "--http", "127.0.0.1:0", "--mqtt", "127.0.0.1:0",
  ];
  const server = spawn(program, args, { cwd: folder, stdio: ["ignore", "pipe", "pipe"] });
  let said = "";
  server.stderr.on("data", (chunk) => {
    said += chunk;
    if (process.env.CELLAR_LOG) process.stderr.write(chunk);
  });
  const addresses = await new Promise((resolve, reject) => {
    let text = "";
    const timer = setTimeout(() => reject(new Error(`${program} said nothing within ${START_TIMEOUT_MS} ms`)), START_TIMEOUT_MS);
    server.on("exit", (code) => reject(new Error(`${program} ended with ${code}; CELLAR_LOG=1 shows why`)));
    server.stdout.on("data", (chunk) => {
      text += chunk;
      const line = text.split("\n").find((candidate) => candidate.startsWith("{") && candidate.endsWith("}"));
      if (!line) return;
      clearTimeout(timer);
      resolve(JSON.parse(line));
    });
  });
  return {
    url: `http://${addresses.http}`,
    mqtt: addresses.mqtt,
    // Another verb of the program on the same data, with a text on standard input; returns what it printed.
    cellar: (words, input = "") => execFileSync(program, [...words, "--data-dir", folder], { cwd: folder, input, encoding: "utf8" }),
    // What the console shows so far.
    said: () => said,
    // Where its database lies.
    folder,
    pid: server.pid,
    async stop() {
      const ended = new Promise((resolve) => server.once("exit", resolve));
      server.kill("SIGTERM");
      await ended;
      await rm(folder, { recursive: true, force: true });
    },
    pause: () => server.kill("SIGSTOP"),
    resume: () => server.kill("SIGCONT"),
  };
}

export function startBrowser() {
  return chromium.launch({
    executablePath: CHROMIUM,
    args: [
      "--no-sandbox", "--enable-precise-memory-info", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
      "--disable-component-update", "--disable-sync",
    ],
  });
}

// A page that keeps what must not happen: console errors (a broken content security policy shows there), script
// errors, requests to other servers. `bytes()` tells what came over the wire.
export async function openPage(browser, server, options = {}) {
  const context = await browser.newContext({ viewport: { width: 1280, height: 900 }, ...options });
  const page = await context.newPage();
  const faults = [];
  page.on("console", (message) => message.type() === "error" && faults.push(`console: ${message.text()}`));
  page.on("pageerror", (error) => faults.push(`script: ${error.message}`));
  page.on("request", (request) => {
    const { origin, protocol } = new URL(request.url());
    if (origin !== server.url && protocol !== "data:") faults.push(`request to ${request.url()}`);
  });
  const protocol = await context.newCDPSession(page);
  await protocol.send("Network.enable");
  let bytes = 0;
  protocol.on("Network.dataReceived", ({ encodedDataLength }) => { bytes += encodedDataLength; });
  return { page, context, faults, bytes: () => bytes };
}

// The lab has samples to show: a voltage and a running station.
export async function waitForLab(server) {
  const until = Date.now() + START_TIMEOUT_MS;
  while (Date.now() < until) {
    const html = await (await fetch(server.url)).text();
    if (/data-value="voltage_v">\d/.test(html) && html.includes('id="running"')) return;
    await new Promise((resolve) => setTimeout(resolve, 500));
  }
  throw new Error("no station ran within a minute");
}
