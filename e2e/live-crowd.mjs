// Many browsers on one station, by hand: how long a reading takes from the device, and from the commit, to every browser
// and onto a screen; what the server needs for it; whether anything grows.
//   node e2e/live-crowd.mjs          BROWSERS=200 DURATION_S=60 RATE=10 ROWS=5   (`make live-crowd` builds first)
// One Chromium draws; the others are event streams read by this program.
import { execFileSync } from "node:child_process";
import { readFile } from "node:fs/promises";
import { get } from "node:http";
import { cpus } from "node:os";
import { join } from "node:path";
import { Device } from "./device.mjs";
import { growth, watchGrowth } from "./growth.mjs";
import { startBrowser, startServer } from "./lab.mjs";
import { addPerson, signIn } from "./person.mjs";

const number = (name, usual) => Number(process.env[name] ?? usual);
const BROWSERS = number("BROWSERS", 200);
const DURATION_S = number("DURATION_S", 60);
// Messages a second, and rows of each.
const RATE = number("RATE", 10);
const ROWS = number("ROWS", 5);
const P95_MAX_MS = number("P95_MAX_MS", 300);
const CORES_MAX = 1;
const TICKS_PER_S = 100;
const WARM_UP_S = 10;
const LOOKS = 30;

const now = () => performance.timeOrigin + performance.now();
const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms));
const part = (values, share) => [...values].sort((a, b) => a - b)[Math.min(values.length - 1, Math.floor(values.length * share))];
const line = (what, values) =>
  console.log(`${what.padEnd(44)} p50 ${part(values, 0.5).toFixed(0).padStart(5)} ms, p95 ${part(values, 0.95).toFixed(0).padStart(5)} ms, worst ${values.reduce((most, value) => Math.max(most, value), 0).toFixed(0).padStart(5)} ms of ${values.length}`);

// A station that executes an experiment, as the node would have noted it.
function addStation(folder) {
  const steps = JSON.stringify({ steps: [{ mode: "rest", until: [{ time_s: 36_000 }] }], cycles: 1 });
  execFileSync("python3", ["-c", `
import sqlite3, sys, time
db = sqlite3.connect(sys.argv[1], timeout=20)
now = int(time.time() * 1e6)
def add(table, **columns):
    db.execute(f"INSERT INTO {table} ({', '.join(columns)}) VALUES ({', '.join('?' * len(columns))})", list(columns.values()))
add("battery", battery_id=7001, name="NMC-7001", technology="lithium", chemistry="NMC", cells_series=1, voltage_min_v=2.5, voltage_max_v=4.2, capacity_ah=5.0, created_at_us=now)
add("profile", profile_id=7001, name="Discharge", description="", source_text="", steps_json=sys.argv[2], created_at_us=now)
add("station", station_id=7001, name="L1", device_id="load-1", experiment_id=7001, state="running", step=1, cycle=1, reported_at_us=now)
add("experiment", experiment_id=7001, name="Crowd", battery_id=7001, station_id=7001, profile_id=7001, state="running", created_at_us=now, started_at_us=now, description="", tags_json="[]", added_by="", reason="", change_seq=7001)
db.commit()`, join(folder, "cellar.db"), steps]);
}

async function cpuSeconds(pid) {
  const fields = (await readFile(`/proc/${pid}/stat`, "utf8")).split(") ").at(-1).split(" ");
  return (Number(fields[11]) + Number(fields[12])) / TICKS_PER_S;
}

const server = await startServer("serve");
// Whatever goes wrong, nothing stays behind.
process.on("exit", () => {
  try {
    process.kill(server.pid, "SIGKILL");
  } catch {
    // It has ended already.
  }
});
const secret = JSON.parse(server.cellar(["device", "add", "load-1", "--kind", "unit", "--json"])).secret;
addStation(server.folder);
const cookie = signIn(server, addPerson(server, "crowd", "viewer"));
const path = "/live/monitor?station=7001&window=5m&columns=voltage_v,current_a,temperature_c,step";

// When each message left the device, and when its commit was told; found again by its voltage, which counts messages.
const sentAt = new Map();
const ackedAt = new Map();
const volts = (message) => (2.5 + (message % 1500) / 1000).toFixed(3);

const heard = [];
const heardAfterCommit = [];
let events = 0;
let bytes = 0;
function follow() {
  return new Promise((resolve, reject) => {
    const request = get(`${server.url}${path}`, { headers: { cookie: `cellar=${cookie}` }, agent: false }, (answer) => {
      if (answer.statusCode !== 200) return reject(new Error(`status ${answer.statusCode}`));
      let rest = "";
      answer.setEncoding("utf8");
      answer.on("data", (chunk) => {
        const at = now();
        bytes += chunk.length;
        rest += chunk;
        const whole = rest.split("\n\n");
        rest = whole.pop();
        for (const event of whole) {
          if (!event.startsWith("event: points")) continue;
          events += 1;
          const found = /"voltage_v":([\d.]+)/.exec(event.slice(event.indexOf('"last"')));
          const key = found && Number(found[1]).toFixed(3);
          if (!sentAt.has(key)) continue;
          heard.push(at - sentAt.get(key));
          if (ackedAt.has(key)) heardAfterCommit.push(Math.max(0, at - ackedAt.get(key)));
          else heardAfterCommit.push(0);
        }
      });
      return resolve(request);
    });
    request.on("error", (error) => stopping || reject(error));
  });
}
let stopping = false;

const device = await Device.connect(server.mqtt, "load-1", secret);
await device.publish("cellar/v1/load-1/up/hello", { boot: 1, kind: "unit", model: "Crowd", firmware: "1", serial: "1" });
let message = 0;
let publishing = true;
const period = 1000 / RATE;
const publish = async () => {
  let due = now();
  while (publishing) {
    message += 1;
    const key = volts(message);
    const at = Math.round(now() * 1000);
    const rows = Array.from({ length: ROWS }, (_, row) => at - Math.round((ROWS - 1 - row) * (period / ROWS) * 1000));
    ackedAt.delete(key);
    sentAt.set(key, now());
    device.publish("cellar/v1/load-1/up/samples", {
      boot: 1, seq: message * ROWS, for: { experiment: 7001 }, at_us: rows,
      columns: { voltage_v: rows.map(() => Number(key)), current_a: rows.map((_, row) => -1 - row / 1e3), temperature_c: rows.map(() => 25) },
      step: rows.map(() => 1), cycle: rows.map(() => 1),
    }).then(() => ackedAt.set(key, now()), () => {});
    if (message % (5 * RATE) === 0) device.publish("cellar/v1/load-1/up/heartbeat", { boot: 1, uptime_s: Math.round(message / RATE) }).catch(() => {});
    due += period;
    await sleep(Math.max(0, due - now()));
  }
};
const publishes = publish();
await sleep(2_000);

const clients = [];
while (clients.length < BROWSERS) clients.push(...await Promise.all(Array.from({ length: Math.min(20, BROWSERS - clients.length) }, follow)));

const browser = await startBrowser();
const context = await browser.newContext({ viewport: { width: 1280, height: 900 } });
await context.addCookies([{ name: "cellar", value: cookie, url: server.url }]);
const page = await context.newPage();
await page.goto(`${server.url}/?station=7001&window=1m`);
await page.locator("[data-chart] canvas").first().waitFor();
// What a person sees: the frame after the one in which the text changed.
await page.evaluate(() => {
  window.seen = [];
  let last = "";
  const look = () => {
    const text = document.querySelector('.readouts [data-value="voltage_v"]')?.textContent;
    if (!text || text === last) return;
    last = text;
    requestAnimationFrame(() => requestAnimationFrame(() => window.seen.push([text, performance.timeOrigin + performance.now()])));
  };
  new MutationObserver(look).observe(document.querySelector("[data-head]"), { subtree: true, childList: true, characterData: true });
});
await sleep(WARM_UP_S * 1000);

const look = await watchGrowth(page, context, server.pid);
heard.length = 0;
heardAfterCommit.length = 0;
events = 0;
bytes = 0;
const screen = [];
const screenAfterCommit = [];
const drain = async () => {
  for (const [text, at] of await page.evaluate(() => window.seen.splice(0))) {
    if (!sentAt.has(text)) continue;
    screen.push(at - sentAt.get(text));
    screenAfterCommit.push(Math.max(0, at - (ackedAt.get(text) ?? at)));
  }
};
await drain();
screen.length = 0;
screenAfterCommit.length = 0;
const [cpu0, at0] = [await cpuSeconds(server.pid), now()];
const looks = [];
const every = Math.max(1_000, (DURATION_S * 1000) / LOOKS);
while (now() - at0 < DURATION_S * 1000) {
  await sleep(every);
  await drain();
  looks.push(await look());
  // The distribution of a minute says as much as that of an hour.
  if (heard.length > 2e6) heard.splice(0, 1e6);
  if (heardAfterCommit.length > 2e6) heardAfterCommit.splice(0, 1e6);
  if (DURATION_S > 300) console.log(`${((now() - at0) / 60e3).toFixed(1)} min: ${JSON.stringify(looks.at(-1))}`);
}
const took = (now() - at0) / 1000;
const cores = (await cpuSeconds(server.pid) - cpu0) / took;

console.log(`${BROWSERS} event streams and one Chromium on one station, ${RATE} messages a second of ${ROWS} rows, ${took.toFixed(0)} s, ${cpus().length} processors`);
line("device to event", heard);
line("commit to event", heardAfterCommit);
line("device to screen", screen);
line("commit to screen", screenAfterCommit);
console.log(`server: ${cores.toFixed(2)} cores; ${(events / took).toFixed(0)} events and ${(bytes / took / 1024).toFixed(0)} kB a second`);
const grew = growth(looks);
console.log(`first and last third: ${Object.entries(grew).map(([name, [from, to]]) => `${name} ${from} to ${to}`).join(", ")}`);

publishing = false;
stopping = true;
await publishes;
for (const client of clients) client.destroy();
await browser.close();
device.close();
await server.stop();
const p95 = part(screenAfterCommit, 0.95);
const isGood = p95 <= P95_MAX_MS && cores <= CORES_MAX;
console.log(`${isGood ? "good" : "not good"}: commit to screen p95 ${p95.toFixed(0)} ms of ${P95_MAX_MS}, server ${cores.toFixed(2)} of ${CORES_MAX} core`);
process.exitCode = isGood ? 0 : 1;
