// Watches what must not grow: the heap and the nodes of a page that follows live data, and the memory of the server.
import { readFile } from "node:fs/promises";

const KB = 1024;

// Reads both after the browser has thrown away what nobody needs.
export async function watchGrowth(page, context, pid) {
  const protocol = await context.newCDPSession(page);
  await protocol.send("Performance.enable");
  await protocol.send("HeapProfiler.enable");
  return async () => {
    await protocol.send("HeapProfiler.collectGarbage");
    const { metrics } = await protocol.send("Performance.getMetrics");
    const of = (name) => metrics.find((metric) => metric.name === name).value;
    const status = pid ? await readFile(`/proc/${pid}/status`, "utf8") : "";
    // What is in the page comes and goes with what it shows; what nobody can see any more must not pile up.
    const attached = await page.evaluate(() => {
      const walker = document.createTreeWalker(document);
      let count = 1;
      while (walker.nextNode()) count += 1;
      return count;
    });
    return {
      heapKb: Math.round(of("JSHeapUsedSize") / KB),
      nodes: attached,
      detached: of("Nodes") - attached,
      listeners: of("JSEventListeners"),
      serverKb: Number(/VmRSS:\s+(\d+)/.exec(status)?.[1] ?? 0),
    };
  };
}

const median = (values) => [...values].sort((a, b) => a - b)[values.length >> 1];

// What each figure is at the beginning and at the end: medians of the first and the last third.
export function growth(looks) {
  const third = Math.max(1, Math.floor(looks.length / 3));
  return Object.fromEntries(Object.keys(looks[0]).map((name) => {
    const of = (part) => median(part.map((look) => look[name]));
    return [name, [of(looks.slice(0, third)), of(looks.slice(-third))]];
  }));
}
