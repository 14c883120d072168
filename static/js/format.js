// How values and times read; src/web/pages/monitor/numbers.rs does the same on the server.

const THIN = "\u2009";

export function fixed(value, decimals, signed = false) {
  if (!Number.isFinite(value)) return "–";
  const digits = Math.abs(value).toFixed(decimals);
  const isZero = Number(digits) === 0;
  const sign = isZero ? "" : value < 0 ? "−" : signed ? "+" : "";
  const [whole, fraction] = digits.split(".");
  const grouped = whole.replace(/\B(?=(\d{3})+$)/g, THIN);
  return sign + grouped + (fraction ? `.${fraction}` : "");
}

export const isSigned = (column) => /_(a|w|ah|wh)$/.test(column);

export function valueText(column, value) {
  if (value === null || value === undefined) return "–";
  switch (column) {
    case "voltage_v": return fixed(value, Math.abs(value) >= 10 ? 2 : 3);
    case "current_a": return fixed(value, Math.abs(value) >= 100 ? 1 : 3, true);
    case "soc_pct": return fixed(value, 1);
    case "soc": return fixed(value * 100, 1);
    case "power_w": return fixed(value, 2, true);
    case "capacity_ah":
    case "energy_wh": return fixed(value, 3, true);
    default: return fixed(value, column.endsWith("_c") ? 1 : 3);
  }
}

const two = (number) => String(number).padStart(2, "0");

// 0.4 s, 48 s, 3 min 12 s, 2 h 5 min, 3 d 4 h
export function durationWords(us) {
  const tenths = Math.max(0, Math.floor(us / 1e5));
  const s = Math.floor(tenths / 10);
  if (s < 10) return `${s}.${tenths % 10} s`;
  if (s < 60) return `${s} s`;
  if (s < 3600) return s % 60 ? `${Math.floor(s / 60)} min ${s % 60} s` : `${s / 60} min`;
  if (s < 86400) return `${Math.floor(s / 3600)} h ${Math.floor((s % 3600) / 60)} min`;
  return `${Math.floor(s / 86400)} d ${Math.floor((s % 86400) / 3600)} h`;
}

// `decimals` more digits than seconds, where a chart shows a pulse.
export function elapsedText(seconds, withSeconds = true, decimals = 0) {
  const rounded = Number(seconds.toFixed(decimals));
  const sign = rounded < 0 ? "−" : "";
  const s = Math.floor(Math.abs(rounded));
  const part = decimals ? (Math.abs(rounded) - s).toFixed(decimals).slice(1) : "";
  const minutes = `${sign}${Math.floor(s / 3600)}:${two(Math.floor(s / 60) % 60)}`;
  return withSeconds ? `${minutes}:${two(s % 60)}${part}` : minutes;
}

export function clockText(us) {
  const at = new Date(us / 1000);
  return `${two(at.getHours())}:${two(at.getMinutes())}:${two(at.getSeconds())}`;
}

export function zoneName(at = new Date()) {
  const part = new Intl.DateTimeFormat("en-GB", { timeZoneName: "short" }).formatToParts(at);
  return part.find((piece) => piece.type === "timeZoneName")?.value ?? "";
}

export function dateText(at = new Date()) {
  const day = at.toLocaleDateString("en-GB", { weekday: "short", day: "numeric", month: "short", year: "numeric" });
  return day.replace(",", "");
}
