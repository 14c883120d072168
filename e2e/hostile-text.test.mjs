// Hostile text in every field of every form, in every text a device may send and in every address: pages show it, letter
// by letter, and nothing of it runs. Pages are looked at twice: as they are, where the content security policy must have
// nothing to report, and with that policy switched off, where escaping alone must hold.
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { after, before, test } from "node:test";
import { Device } from "./device.mjs";
import { TEXTS, shown } from "./hostile-text.mjs";
import { openPage, startBrowser, startServer } from "./lab.mjs";

const NAME = "ada";
const PASSWORD = "plum orbit gravel seven";
// Texts shown raw run in the browser at least so often: proof that the list bites.
const RUN_MIN = 80;
// Time for what a page might start to show itself.
const SETTLE_MS = 150;
const LIVE_TIMEOUT_MS = 15_000;
// Pages of single things are many: every so many of them is looked into.
const DETAILS_EVERY = 7;
// A file that can be read waits on the server, which keeps twenty of them.
const UPLOADS_EVERY = 25;
// These show all stations besides the one.
const STATIONS_EVERY = 30;
const STEPS = JSON.stringify({ steps: [{ mode: "rest", until: [{ time_s: 600 }] }], cycles: 1 });

const at = (list, index) => list[index % list.length];
const SHOWN = TEXTS.map(shown);
// Every text once in each field; which ones meet in one row does not matter.
const ROWS = TEXTS.map((_, n) => ({
  id: `dev-${n}`, station: n + 1, model: at(TEXTS, n), firmware: at(TEXTS, n + 71), serial: at(TEXTS, n + 140),
  battery: at(SHOWN, n + 3), chemistry: at(SHOWN, n + 5), profile: at(SHOWN, n + 7), experiment: at(SHOWN, n + 11), reason: at(TEXTS, n + 13),
}));

let server;
let browser;
let cookies;
const looks = { strict: 0, bare: 0, answers: 0 };

before(async () => {
  server = await startServer("serve");
  server.cellar(["user", "add", NAME, "--role", "admin", "--password-stdin"], `${PASSWORD}\n`);
  browser = await startBrowser();
});

after(async () => {
  await browser?.close();
  await server?.stop();
  console.log(`checked: ${TEXTS.length} texts; ${looks.strict} pages with the policy, ${looks.bare} without, ${looks.answers} further answers`);
});

// Opens a page, with or without the policy, and requires that nothing ran, was asked for elsewhere or was reported.
async function opened({ policy = true, ...options }, steps) {
  const { page, context, faults } = await openPage(browser, server, { bypassCSP: !policy, ...options });
  page.on("dialog", (dialog) => {
    faults.push(`dialog: ${dialog.message()}`);
    dialog.dismiss();
  });
  if (cookies) await context.addCookies(cookies);
  try {
    await steps(page, context);
    if (options.javaScriptEnabled !== false) {
      await page.waitForTimeout(SETTLE_MS);
      assert.equal(await page.evaluate(() => window.__pwned), undefined, "nothing ran");
    }
    // The browser reports each answer of 4xx as an error of its console; those are meant here.
    assert.deepEqual(faults.filter((fault) => !/status of 4\d\d/.test(fault)), []);
  } finally {
    await context.close();
  }
}

async function go(page, path, policy) {
  const answer = await page.goto(server.url + path);
  looks[policy ? "strict" : "bare"] += 1;
  return answer;
}

// Put into every page: what no page of ours has, and helpers to look into many answers at once.
function tools() {
  const TAGS = new Set(("a abbr article aside b body br button canvas caption circle code datalist dd del details div dl dt figcaption figure fieldset footer form " +
    "g h1 h2 h3 head header html i input ins label legend li link main meta nav noscript ol optgroup option p path pre progress rect script section select small " +
    "span summary svg table tbody td text textarea th thead time title tr ul use line polyline").split(" "));
  window.lookInto = (doc, address) => {
    const faults = [];
    for (const element of doc.querySelectorAll("*")) {
      const fault = (why) => faults.push(`${address}: ${why}: ${element.outerHTML.slice(0, 200)}`);
      const isOurs = TAGS.has(element.localName) || element.matches("body > dialog.stop-dialog") || (element.localName === "img" && /^\/(static|batteries|experiments)\//.test(element.getAttribute("src")));
      if (!isOurs) fault("a foreign element");
      if (element.localName === "script" && (!element.hasAttribute("src") || element.text)) fault("a script inside the page");
      if (element.httpEquiv) fault("a header inside the page");
      for (const { name, value } of element.attributes) {
        if (name.startsWith("on") || name === "srcdoc" || name === "formaction") fault(`attribute ${name}`);
        if (["href", "src", "action"].includes(name) && new URL(value, location.origin).origin !== location.origin) fault(`leads to ${value}`);
      }
    }
    return faults;
  };
  // What a browser makes of line ends and of NUL while it reads mark-up.
  const parsed = (text) => text.replaceAll(/\r\n?/g, "\n").replaceAll("\0", "\ufffd");
  // Fetches each, looks into it, puts it into this page as mark-up. What an answer must hold is given as [selector, text].
  window.lookIntoAll = async (asks) => {
    const faults = [];
    const waiting = [...asks];
    const place = document.body.appendChild(document.createElement("div"));
    const one = async ({ path, form, file, holds = [] }) => {
      const csrf = document.querySelector("[name=csrf]").value;
      const body = form && (file ? new FormData() : new URLSearchParams({ csrf, ...form }));
      if (file) {
        for (const [name, value] of Object.entries({ csrf, ...form })) body.append(name, value);
        body.append("file", new File([file.text], file.name));
      }
      const answer = await fetch(path, { method: form ? "POST" : "GET", body, redirect: "manual" });
      const kind = answer.headers.get("content-type") ?? "";
      // A stream of events never ends.
      if (kind === "text/event-stream") return answer.body.cancel();
      const text = await answer.text();
      if (answer.status >= 500) faults.push(`${path}: status ${answer.status}`);
      if (!kind.startsWith("text/html")) {
        if (answer.headers.get("x-content-type-options") !== "nosniff" && answer.type === "basic") faults.push(`${path}: ${kind} may be taken for a page`);
        if (holds.length) faults.push(`${path}: no page but ${answer.status} ${kind}`);
        return undefined;
      }
      const doc = new DOMParser().parseFromString(text, "text/html");
      faults.push(...window.lookInto(doc, path));
      for (const [selector, expected] of holds) {
        const elements = [...doc.querySelectorAll(selector)];
        const isField = selector.startsWith("input");
        const texts = elements.map((element) => (isField ? element.getAttribute("value") : element.textContent));
        if (!texts.some((found) => (isField ? found === parsed(expected) : found.includes(expected)))) {
          faults.push(`${path}: ${selector} is ${JSON.stringify(texts)}, not ${JSON.stringify(expected)}`);
        }
      }
      place.innerHTML = (doc.querySelector("main") ?? doc.body).innerHTML;
      return undefined;
    };
    await Promise.all(Array.from({ length: 4 }, async () => { while (waiting.length) await one(waiting.shift()); }));
    place.remove();
    return faults;
  };
}

async function lookIntoAll(page, asks) {
  await page.evaluate(tools);
  looks.answers += asks.length;
  assert.deepEqual((await page.evaluate((all) => window.lookIntoAll(all), asks)).slice(0, 5), []);
}

async function requireClean(page, path) {
  await page.evaluate(tools);
  assert.deepEqual(await page.evaluate((address) => window.lookInto(document, address), path), []);
}

// All texts of a list, over its pages: each stands there as it is.
async function requireTexts(page, selector, expected, what) {
  const found = new Set(await page.locator(selector).allTextContents());
  for (const text of expected) if (!found.has(text)) assert.fail(`${what}: ${JSON.stringify(text)} is not shown as it is`);
}

// Texts of batteries, profiles, stations and experiments, in every column that shows one.
function writeRows() {
  const script = `
import json, sqlite3, sys
asked = json.load(sys.stdin)
database = sqlite3.connect(asked["file"], timeout=20)
def add(table, **columns):
    marks = ", ".join("?" * len(columns))
    database.execute(f"INSERT INTO {table} ({', '.join(columns)}) VALUES ({marks})", list(columns.values()))
with database:
    # What a laboratory begins with has the first numbers.
    database.execute("DELETE FROM station")
    database.execute("DELETE FROM profile")
    for n, row in enumerate(asked["rows"], 1):
        text = row["name"]
        of_battery = ("manufacturer", "model", "serial", "electrode_composition", "bipolar", "membrane", "electrolyte", "owner", "location", "description")
        add("battery", battery_id=n, name=row["battery"], technology="lithium", chemistry=row["chemistry"], cells_series=1,
            voltage_min_v=2.5, voltage_max_v=4.2, capacity_ah=5.0, created_at_us=0, **{column: text for column in of_battery})
        add("profile", profile_id=n, name=row["profile"], description=text, source_text="# " + text, steps_json=asked["steps"], created_at_us=0)
        add("station", station_id=n, name=text, device_id="dev-0", experiment_id=n, location=text, description=text)
        add("experiment", experiment_id=n, name=row["experiment"], battery_id=n, station_id=n, profile_id=n, state="running",
            created_at_us=0, started_at_us=0, description=text, tags_json=json.dumps([text]), added_by=text, reason=text, change_seq=n)
    database.execute("UPDATE experiment_change SET seq = ?", [len(asked["rows"])])
database.close()`;
  const rows = ROWS.map((row, n) => ({ ...row, name: SHOWN[n] }));
  execFileSync("python3", ["-c", script], { input: JSON.stringify({ file: `${server.folder}/cellar.db`, steps: STEPS, rows }) });
}

const BATTERY_FIELDS = ["name", "chemistry", "kind", "capacity", "manufacturer", "model", "serial", "format", "electrode_composition", "bipolar", "membrane", "electrolyte", "owner", "location", "description"];

test("the list bites: shown raw, its texts run", async () => {
  const context = await browser.newContext();
  const page = await context.newPage();
  const ran = new Set();
  page.on("dialog", (dialog) => {
    ran.add(dialog.message());
    dialog.dismiss();
  });
  await page.exposeFunction("ranNumber", (number) => ran.add(String(number)));
  await page.goto("about:blank");
  await page.evaluate(async (texts) => {
    Object.defineProperty(window, "__pwned", { set: (number) => window.ranNumber(number) });
    window.alert = (number) => window.ranNumber(number);
    for (const text of texts) {
      const place = document.body.appendChild(document.createElement("div"));
      place.append(document.createRange().createContextualFragment(`<p title="${text}">${text}</p>`));
      await new Promise((resolve) => setTimeout(resolve, 4));
      place.remove();
    }
  }, TEXTS);
  await page.waitForTimeout(SETTLE_MS);
  await context.close();
  assert.ok(ran.size >= RUN_MIN, `only ${ran.size} of ${TEXTS.length} ran`);
  console.log(`shown raw, ${ran.size} of ${TEXTS.length} texts run`);
});

test("people, tokens and devices take any text, and nothing of it runs", async () => {
  await opened({ userAgent: `${TEXTS[0]} Firefox Linux` }, async (page, context) => {
    await go(page, "/login", true);
    await page.getByLabel("User name").fill(NAME);
    await page.getByLabel("Password", { exact: true }).fill(PASSWORD);
    await page.getByRole("button", { name: "Sign in" }).click();
    await page.waitForURL(`${server.url}/`);
    cookies = await context.cookies();
  });
  await opened({ policy: false }, async (page) => {
    await go(page, "/account", false);
    const cut = "x".repeat(81);
    // What is refused first: afterwards pages that offer people to choose from are long.
    const refused = TEXTS.map((text) => [
      { path: "/tokens/new", form: { name: text, owner: text, scope: text, days: text }, holds: [["input[name=name]", text], ["input[name=days]", text]] },
      { path: "/users/new", form: { name: text, full_name: text, role: text }, holds: [["input[name=name]", text], ["input[name=full_name]", text]] },
      { path: "/devices/new", form: { id: text, kind: text }, holds: [["input[name=id]", text]] },
      { path: "/users/1", form: { full_name: text + cut, role: text, version: "0" }, holds: [["input[name=full_name]", text + cut]] },
      { path: "/devices/pending/approve", form: { device: text, secret: text, kind: text } },
      { path: "/theme", form: { theme: text, back: text } },
      { path: "/batteries/new", form: Object.fromEntries(BATTERY_FIELDS.map((field) => [field, text])), holds: [["input[name=name]", text], ["input[name=membrane]", text]] },
      { path: "/cells/new", form: { name: text, serial: text, manufacturer: text, model: text, description: text, chemistry: text }, holds: [["input[name=serial]", text]] },
      { path: "/profiles/new", form: { name: text + cut, description: text, view: "text", text: `CC, ${text}` } },
      { path: "/stations/new", form: { name: text, location: text, description: text, unit: text, instrument: text, measure: text, voltage_min_v: text } },
      { path: "/experiments/new", form: { battery: text, station: text, profile: text, name: text, description: text, tags: text, way: text, text, step: text } },
      { path: "/experiments/import/confirm", form: { upload: text, file_name: text, format: text, start: text, battery: text, profile: text, name: text, description: text, again: text }, holds: [["input[name=start]", text]] },
    ]);
    const kept = (text, n) => [
      { path: "/tokens/new", form: { name: text, owner: NAME, scope: "read", days: "9" }, holds: [["main", SHOWN[n]]] },
      { path: "/devices/new", form: { id: `dev-${n}`, kind: n % 2 ? "probe" : "unit" }, holds: [["main", `dev-${n}`]] },
    ];
    // Two of them for each text: every form meets a third of the texts, every kind of text meets every form.
    await lookIntoAll(page, refused.flatMap((asks, n) => asks.filter((_, form) => (form + n) % 3 === 0)));
    await lookIntoAll(page, TEXTS.flatMap(kept));
    // Files that cannot be read, and files with such names and headers that wait for somebody to go on.
    const quoted = (text) => `"${text.replaceAll('"', '""')}"`;
    await lookIntoAll(page, TEXTS.map((text) => ({ path: "/experiments/import", form: { format: text }, file: { name: text, text } })));
    await lookIntoAll(page, TEXTS.filter((_, n) => n % UPLOADS_EVERY === 0).map((text) => ({
      path: "/experiments/import", form: { format: "auto" },
      file: { name: text, text: `timestamp,voltage,current,${quoted(text)}\n2026-11-21 06:00:00.0,3.7,1,2\n` },
    })));
    await lookIntoAll(page, TEXTS.map((text, n) => ({ path: "/users/new", form: { name: `user-${n}`, full_name: text, role: "viewer" } })));
    const links = await page.evaluate(async () => {
      const read = async (path, selector) => [...new DOMParser().parseFromString(await (await fetch(path)).text(), "text/html").querySelectorAll(selector)];
      const people = (await read("/users", "th a")).map((link) => [link.textContent, link.getAttribute("href")]);
      const tokens = (await read("/tokens", "tbody tr")).map((row) => [row.querySelector("th").firstChild.data, row.querySelector(".btn").getAttribute("href")]);
      return { people: Object.fromEntries(people), tokens: Object.fromEntries(tokens) };
    });
    await lookIntoAll(page, TEXTS.map((reason, n) => ({ path: `${links.people[`user-${n}`]}/disable`, form: { reason, version: "0" } })));
    await lookIntoAll(page, SHOWN.flatMap((text, n) => (n % DETAILS_EVERY ? [] : [
      { path: links.people[`user-${n}`], holds: [["h1", text], ["input[name=full_name]", text]] },
      { path: links.tokens[text], holds: [["main", text]] },
    ])));
  });
});

test("devices send any text, and nothing of it runs", async () => {
  writeRows();
  const secrets = await rotateSecrets();
  for (let from = 0; from < ROWS.length; from += 20) {
    await Promise.all(ROWS.slice(from, from + 20).map(async ({ id, model, firmware, serial }, n) => {
      const device = await Device.connect(server.mqtt, id, secrets[id]);
      const kind = (from + n) % 2 ? "probe" : "unit";
      await device.publish(`cellar/v1/${id}/up/hello`, { boot: 1, kind, model, firmware, serial });
      device.close();
    }));
  }
  const unit = await Device.connect(server.mqtt, "dev-0", secrets["dev-0"]);
  const up = "cellar/v1/dev-0/up";
  try {
    await Promise.all(ROWS.map(({ model }, n) => unit.publish(`${up}/alarm`, { code: model, severity: model, message: model, at_us: n })));
    await Promise.all(ROWS.map(({ model }) => unit.publish(`${up}/samples`, { boot: 1, seq: 0, for: { battery: 1 }, at_us: [1], columns: { [model]: [1] } })));
    await Promise.all(ROWS.slice(0, 20).map(({ model }) => unit.publish(`${up}/${model.replaceAll(/[+#\0]/g, "")}`, "{}").catch(() => {})));
  } finally {
    unit.close();
  }
  await monitor(secrets);
});

// A device's secret is shown once, when it is made: here by giving each a new one.
async function rotateSecrets() {
  let secrets;
  await opened({ policy: false }, async (page) => {
    await go(page, "/devices/dev-0/rotate", false);
    secrets = await page.evaluate(async (ids) => {
      const all = {};
      const form = document.querySelector('form[action$="/rotate"]');
      const waiting = [...ids];
      const worker = async () => {
        while (waiting.length) {
          const id = waiting.shift();
          const body = new URLSearchParams([...new FormData(form)]);
          const asked = new DOMParser().parseFromString(await (await fetch(`/devices/${id}/rotate`)).text(), "text/html");
          body.set("version", asked.querySelector("[name=version]").value);
          const html = await (await fetch(`/devices/${id}/rotate`, { method: "POST", body })).text();
          all[id] = new DOMParser().parseFromString(html, "text/html").querySelector(".secret").textContent.trim();
        }
      };
      await Promise.all([worker(), worker(), worker(), worker()]);
      return all;
    }, ROWS.map(({ id }) => id));
  });
  return secrets;
}

async function monitor(secrets) {
  const unit = await Device.connect(server.mqtt, "dev-0", secrets["dev-0"]);
  const report = (row, reason) => unit.publish("cellar/v1/dev-0/up/state", { station: row.station, experiment: row.station, state: "running", step: 1, cycle: 1, reason });
  try {
    for (const look of [{}, { policy: false }, { javaScriptEnabled: false }]) {
      await opened(look, async (page) => {
        await Promise.all(ROWS.map((row) => report(row, row.reason)));
        await go(page, "/?station=9", look.policy ?? true);
        const list = "[data-list]";
        await requireTexts(page, `${list} .entry-name b`, SHOWN, "stations");
        await requireTexts(page, `${list} .entry-profile`, SHOWN, "profiles");
        await requireTexts(page, `${list} .entry-note`, SHOWN, "reasons");
        if (look.javaScriptEnabled === false) return;
        // Again as it arrives live: every reason moves on by one station, and the chosen one stops with a fault.
        await Promise.all(ROWS.map((row, n) => (row.station === 9 ? null : report(row, ROWS[(n + 1) % ROWS.length].reason))));
        await unit.publish("cellar/v1/dev-0/up/state", { station: 9, state: "fault", reason: ROWS[20].reason });
        const head = page.locator("[data-head] .notice", { hasText: shown(ROWS[20].reason) });
        await head.waitFor({ timeout: LIVE_TIMEOUT_MS });
        await requireTexts(page, `${list} .entry-note`, SHOWN.slice(40, 50), "reasons that came live");
        await requireClean(page, "/ live");
        if (look.policy !== false) return;
        await lookIntoAll(page, ROWS.filter(({ station }) => station % STATIONS_EVERY === 0).map((row) => ({
          path: `/?station=${row.station}`,
          holds: [[".chosen h2", SHOWN[row.station - 1]], [".head-what", row.experiment], [".head-what", row.battery]],
        })));
      });
    }
  } finally {
    unit.close();
  }
}

test("every list shows every text as it is", async () => {
  for (const look of [{}, { policy: false }, { javaScriptEnabled: false }]) {
    const policy = look.policy ?? true;
    await opened(look, async (page) => {
      await go(page, "/users", policy);
      await requireTexts(page, "th small", SHOWN, "full names");
      await go(page, "/tokens", policy);
      const names = await page.locator("tbody th").allTextContents();
      for (const text of SHOWN) assert.ok(names.includes(`${text}of ${NAME}`), `tokens: ${text}`);
      await listOverPages(page, "/devices", policy, ["td:nth-child(3)", "td:nth-child(4)"], SHOWN);
      if (look.javaScriptEnabled === false) return;
      await requireClean(page, "/devices");
      await listOverPages(page, "/audit?action=disable", policy, [".change:last-child"], SHOWN.map((text) => `“${text}”`));
      await listOverPages(page, "/audit?action=add", policy, [".change ins"], SHOWN);
      await requireClean(page, "/audit");
      await lookIntoAll(page, SHOWN.flatMap((text, n) => (n % DETAILS_EVERY ? [] : [
        ...["batteries", "profiles", "stations"].map((kind) => ({ path: `/${kind}/${n + 1}`, holds: [["main", text]] })),
        { path: `/experiments/${n + 1}`, holds: [["h1", ROWS[n].experiment], ["main", text]] },
        { path: `/experiments/${n + 1}/report`, holds: [["main", ROWS[n].experiment], ["main", text], ["main", ROWS[n].battery]] },
        ...["batteries/N/edit", "batteries/N/retire", "batteries/N/label", "profiles/N/edit", "profiles/N/copy", "profiles/N/retire", "stations/N/queue", "stations/N/edit", "stations/N/retire", "experiments/N/cancel"]
          .map((form) => ({ path: `/${form.replace("N", n + 1)}` })),
        ...["batteries", "profiles", "stations", "experiments"].map((list) => ({ path: `/${list}?text=${encodeURIComponent(TEXTS[n])}&q=${encodeURIComponent(TEXTS[n])}` })),
      ])));
      for (const path of ["/batteries", "/profiles", "/stations", "/experiments", "/cells", "/units", "/units/dev-0", "/audit/verify", "/account", "/devices/dev-7", "/users/7", "/users/7/disable", "/tokens/7/revoke"]) {
        await go(page, path, policy);
        await requireClean(page, path);
      }
    });
  }
});

async function listOverPages(page, path, policy, selectors, expected) {
  const found = selectors.map(() => new Set());
  await go(page, path, policy);
  for (;;) {
    for (const [n, selector] of selectors.entries()) for (const text of await page.locator(selector).allTextContents()) found[n].add(text);
    const next = page.locator("a[rel=next]");
    if (!(await next.count())) break;
    await go(page, await next.getAttribute("href"), policy);
  }
  for (const [n, selector] of selectors.entries()) {
    const missing = expected.filter((text) => !found[n].has(text));
    assert.deepEqual(missing.slice(0, 3), [], `${path} ${selector}: ${missing.length} are not shown as they are`);
  }
}

test("no text in an address runs", () => opened({ policy: false }, async (page) => {
  await go(page, "/account", false);
  const paths = (text) => [
    `/audit?actor=${text}&action=${text}&object=${text}`, `/audit?from=${text}&to=${text}&before=${text}`, `/audit.csv?actor=${text}&from=${text}`,
    `/devices?text=${text}&after=${text}&done=approved&to=${text}`, `/?probe=${text}&window=${text}`, `/?station=${text}&${text}=${text}`,
    `/users/${text}?done=${text}`, `/users/1?done=${text}&${text}`, `/devices/${text}?done=${text}`, `/tokens?done=revoked&to=${text}`,
    `/tokens/${text}/revoke`, `/account/confirm?back=${text}`, `/account?done=${text}`, `/${text}`, `/static/${text}/${text}`,
    `/link/${text}`, `/setup/${text}`, `/api/v1/streams/${text}/series`, `/api/v1/streams/1/series?columns=${text}`, `/api/${text}`,
    `/live/monitor?station=${text}`, `/experiments/${text}/report`, `/experiments/1/data.csv?dialect=${text}&names=${text}`,
    `/api/v1/experiments/${text}/data.csv`, `/experiments/1?done=${text}`,
    `/streams/${text}/window.csv?columns=${text}`, `/streams/1/window.csv?columns=${text}`, `/api/v1/experiments/${text}/marks`,
    `/live/monitor?station=1&columns=${text}&every=${text}`, `/?station=1&show=${text}&axis=${text}&from_us=${text}`,
    `/experiments/1?show=${text}&axis=${text}&from_us=${text}&to_us=${text}`,
  ];
  await lookIntoAll(page, TEXTS.flatMap((text, n) => {
    const word = encodeURIComponent(text);
    const asks = paths(word).filter((_, index) => (index + n) % DETAILS_EVERY === 0).map((path) => ({ path }));
    const search = { path: `/devices?text=${word}`, holds: [["input[name=text]", SHOWN[n]]] };
    asks.push(n % 2 ? { path: `/audit?actor=${word}`, holds: [["input[name=actor]", text]] } : search);
    return asks;
  }));
}));

test("nobody signed in yet runs anything either", async () => {
  cookies = undefined;
  await opened({ policy: false }, async (page) => {
    await go(page, "/login", false);
    await lookIntoAll(page, TEXTS.map((text, n) => {
      const word = encodeURIComponent(text);
      return { path: `/login?name=${word}&back=${word}&after=${word}&${word}`, holds: [["input[name=name]", SHOWN[n]]] };
    }));
    await lookIntoAll(page, TEXTS.slice(0, 60).map((text) => ({ path: "/login", form: { name: text, password: text, back: text, ticket: "", code: text } })));
    await lookIntoAll(page, TEXTS.slice(0, 60).map((text) => ({ path: "/login", form: { name: text, ticket: text, code: text, back: text } })));
  });
});
