// Copies the third-party files the pages need from node_modules to static/vendor, which the server embeds:
// Tabler without the rules no page uses, uPlot, the Latin part of Inter, and a sprite of the icons named in templates and scripts.
import { mkdir, readFile, readdir, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { PurgeCSS } from "purgecss";

const ROOT = new URL("..", import.meta.url).pathname;
const OUT = join(ROOT, "static/vendor");
const modules = (path) => join(ROOT, "node_modules", path);

async function filesBelow(folder, ending) {
  const entries = await readdir(join(ROOT, folder), { recursive: true });
  return entries.filter((name) => name.endsWith(ending)).map((name) => join(ROOT, folder, name));
}

async function write(name, content) {
  await writeFile(join(OUT, name), content);
  const bytes = Buffer.byteLength(content);
  const onTheWire = name.endsWith(".woff2") ? bytes : gzipSync(content).length;
  console.log(`${name.padEnd(14)} ${String(bytes).padStart(7)} B, ${String(onTheWire).padStart(6)} B on the wire`);
}

const templates = await filesBelow("templates", ".html");
const scripts = await filesBelow("static/js", ".js");
// Rust names icons and classes too: statuses are decided there.
const rust = await filesBelow("src/web", ".rs");
const readAll = async (paths) => (await Promise.all(paths.map((path) => readFile(path, "utf8")))).join("\n");

await rm(OUT, { recursive: true, force: true });
await mkdir(OUT, { recursive: true });

const [purged] = await new PurgeCSS().purge({
  css: [modules("@tabler/core/dist/css/tabler.min.css")],
  content: [...templates, ...scripts, ...rust],
  variables: true,
  keyframes: true,
  fontFace: true,
  // Our own sheet sets light and dark through tokens; Tabler's second palette would only be overridden.
  blocklist: [/data-bs-theme/, /^(navbar|modal|offcanvas|dropdown|carousel|accordion|toast|popover|ts-|litepicker|apexcharts|jvm|flatpickr|dropzone|nprogress|noUi|fslightbox|hugerte|tox|plyr)/],
});

const banner = "/*! Tabler, MIT licence: see licences.txt */\n";
await write("tabler.css", banner + purged.css.replace(/\/\*[#!][\s\S]*?\*\//g, "").replace(/^@charset "UTF-8";/, ""));

const uplot = await readFile(modules("uplot/dist/uPlot.iife.min.js"), "utf8");
await write("uplot.js", `${uplot.trimEnd()}\nexport default uPlot;\n`);
await write("uplot.css", await readFile(modules("uplot/dist/uPlot.min.css"), "utf8"));

await write("inter.woff2", await readFile(modules("@fontsource-variable/inter/files/inter-latin-wght-normal.woff2")));

// Icons are named as icon("player-play") in templates and as icon: "player-play" in Rust.
const named = (await readAll([...templates, ...scripts, ...rust])).matchAll(/icon(?:\(|: )"([a-z0-9-]+)"/g);
const icons = [...new Set([...named].map((match) => match[1]))].sort();
const symbols = await Promise.all(
  icons.map(async (name) => {
    const svg = await readFile(modules(`@tabler/icons/icons/outline/${name}.svg`), "utf8");
    const shapes = svg.replace(/<!--[\s\S]*?-->/g, "").replace(/<\/?svg[^>]*>/g, "").replace(/\s*\n\s*/g, "").trim();
    return `<symbol id="${name}" viewBox="0 0 24 24">${shapes}</symbol>`;
  }),
);
await write("icons.svg", `<svg xmlns="http://www.w3.org/2000/svg">${symbols.join("")}</svg>\n`);
console.log(`${icons.length} icons: ${icons.join(", ")}`);

const packages = ["@tabler/icons", "uplot", "@fontsource-variable/inter"];
const licences = packages.map(async (name) => `${name}\n\n${await readFile(modules(`${name}/LICENSE`), "utf8")}`);
const tabler = await readFile(modules("@tabler/core/dist/css/tabler.css"), "utf8");
const notice = `@tabler/core\n\n${tabler.match(/\/\*!([\s\S]*?)\*\//)[1].trim()}`;
await write("licences.txt", [notice, ...(await Promise.all(licences))].join("\n\n----\n\n"));
