// @ts-check
/** Numbers as people read them. Each takes a missing value and shows a dash for it. */

const DASH = "–";
const grouped = new Intl.NumberFormat("en");

/** @typedef {number | null | undefined} Maybe */

/** @param {Maybe} value */
export function whole(value) {
  return value === null || value === undefined ? DASH : grouped.format(Math.round(value));
}

/** A number of things: "1 player", "2 players". @param {Maybe} value @param {string} thing */
export function count(value, thing) {
  return `${whole(value)} ${thing}${value === 1 ? "" : "s"}`;
}

/** Milliseconds with as many digits as matter. @param {Maybe} value */
export function ms(value) {
  if (value === null || value === undefined) return DASH;
  return value >= 100 ? grouped.format(Math.round(value)) : value.toFixed(value >= 10 ? 1 : 2);
}

/** @param {Maybe} value */
export function percent(value) {
  return value === null || value === undefined ? DASH : value.toFixed(value >= 10 ? 0 : 1);
}

/** A number a second: small ones with a digit. @param {Maybe} value */
export function rate(value) {
  if (value === null || value === undefined) return DASH;
  return value !== 0 && value < 10 && !Number.isInteger(value) ? value.toFixed(1) : grouped.format(Math.round(value));
}

/** When something was, by the clock of the day or with its date. @param {number} unixS */
export function moment(unixS) {
  const at = new Date(unixS * 1000);
  const isToday = at.toDateString() === new Date().toDateString();
  return isToday ? at.toLocaleTimeString() : at.toLocaleString([], { dateStyle: "short", timeStyle: "short" });
}

/** Bytes in units of 1,000, as networks are measured. @param {Maybe} value @returns {[string, string]} number, unit */
export function bytes(value) {
  if (value === null || value === undefined) return [DASH, "B"];
  const units = ["B", "kB", "MB", "GB", "TB"];
  let size = value;
  let unit = 0;
  while (size >= 999.5 && unit < units.length - 1) {
    size /= 1000;
    unit += 1;
  }
  return [unit === 0 || size >= 100 ? String(Math.round(size)) : size.toFixed(1), units[unit] ?? ""];
}

/** @param {Maybe} value */
export function bytesText(value) {
  return value === null || value === undefined ? DASH : bytes(value).join(" ");
}

/** A length of time, its two largest units. @param {Maybe} seconds */
export function duration(seconds) {
  if (seconds === null || seconds === undefined) return DASH;
  const s = Math.floor(seconds);
  if (s < 60) return `${s} s`;
  if (s < 3600) return `${Math.floor(s / 60)} min ${s % 60} s`;
  if (s < 86_400) return `${Math.floor(s / 3600)} h ${Math.floor((s % 3600) / 60)} min`;
  return `${Math.floor(s / 86_400)} d ${Math.floor((s % 86_400) / 3600)} h`;
}

/** "inputs_missing" as "Inputs missing". @param {string} name */
export function title(name) {
  const text = name.replaceAll("_", " ");
  return text.charAt(0).toUpperCase() + text.slice(1);
}
