// What hands do on a chart besides a drag: shift and drag moves the window, two fingers pinch and move it, a wheel with
// the control key zooms, a wheel to the side moves. Each has a button and a key too.

// While a gesture lasts, the chart is fetched anew at most so often.
const LOAD_EVERY_MS = 250;
// Zoom of one notch of a wheel.
const WHEEL_FACTOR = 1.002;

export function gestures(chart, element) {
  const stop = new AbortController();
  const fingers = new Map();
  let begin;
  let loading;
  const listen = (name, handler, options = {}) => element.addEventListener(name, handler, { ...options, signal: stop.signal });
  const later = () => {
    loading ??= setTimeout(() => {
      loading = undefined;
      chart.load();
    }, LOAD_EVERY_MS);
  };
  const place = (event) => event.clientX - chart.upper.over.getBoundingClientRect().left;
  const isOver = (event) => event.target.closest?.(".u-over");

  // Remembers the window and where the fingers lie in it.
  const start = () => {
    const places = [...fingers.values()];
    begin = { range: chart.range(), width: chart.upper.over.clientWidth, places };
  };

  listen("pointerdown", (event) => {
    if (!isOver(event)) return;
    if (event.pointerType === "touch" || (event.shiftKey && event.button === 0) || event.button === 1) {
      fingers.set(event.pointerId, place(event));
      if (event.pointerType !== "touch") {
        element.setPointerCapture(event.pointerId);
        element.classList.add("is-moving");
        event.preventDefault();
      }
      start();
    }
  });
  listen("pointermove", (event) => {
    if (!fingers.has(event.pointerId)) return;
    fingers.set(event.pointerId, place(event));
    const now = [...fingers.values()];
    const isPinch = now.length === 2;
    // One finger moves the cursor; the page scrolls under it as everywhere.
    if (event.pointerType === "touch" && !isPinch) return;
    const [min, max] = begin.range;
    const perPx = (max - min) / begin.width;
    if (isPinch) {
      const [was, is] = [begin.places, now].map(([a, b]) => ({ middle: (a + b) / 2, apart: Math.max(Math.abs(a - b), 12) }));
      const length = (max - min) * (was.apart / is.apart);
      const at = min + was.middle * perPx;
      const part = is.middle / begin.width;
      chart.show(at - part * length, at + (1 - part) * length);
    } else {
      const by = (begin.places[0] - now[0]) * perPx;
      chart.show(min + by, max + by);
    }
    later();
  });
  for (const end of ["pointerup", "pointercancel"]) {
    listen(end, (event) => {
      if (!fingers.delete(event.pointerId)) return;
      element.classList.remove("is-moving");
      if (fingers.size) start();
    });
  }
  listen("wheel", (event) => {
    if (!isOver(event)) return;
    const [min, max] = chart.range();
    if (event.ctrlKey) {
      const at = min + ((max - min) * place(event)) / chart.upper.over.clientWidth;
      const factor = WHEEL_FACTOR ** event.deltaY;
      chart.show(at - (at - min) * factor, at + (max - at) * factor);
    } else if (Math.abs(event.deltaX) > Math.abs(event.deltaY)) {
      const by = ((max - min) * event.deltaX) / chart.upper.over.clientWidth;
      chart.show(min + by, max + by);
    } else return;
    event.preventDefault();
    later();
  }, { passive: false });

  return () => {
    stop.abort();
    clearTimeout(loading);
  };
}
