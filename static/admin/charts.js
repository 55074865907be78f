// @ts-check
/** The charts of the last 15 minutes, each with the figure that matters most of it, and the same figures as a table. */
import { byId, make } from "/static/shared/dom.js";
import { Chart, canDraw } from "/static/admin/chart.js";
import { bytesText, ms, percent, rate, title, whole } from "/static/admin/format.js";

/** @typedef {import("./model.js").Model} Model */
/** @typedef {import("./chart.js").Series} Series */
/** @typedef {(value: number | null | undefined) => string} Say */
/**
 * @typedef {{
 *   id: string, label: string, hint: string, headline: string, top: number, strained?: number, bad?: number, say: Say,
 *   axis?: Say, series: Series[], isStacked?: boolean, hasSteps?: boolean,
 * }} Entry headline: the figure in large; strained, bad: from where on it is marked
 */

const PHASES = ["inputs", "step", "snapshot", "encode", "send"];
const CLOSES_SHOWN_MAX = 6;
const CLOSE_COLORS = ["--series-3", "--series-1", "--series-2", "--series-4", "--series-5", "--series-6"];
const PARTS = ["p50", "p99", "max"];

/** @type {Say} */
const msText = (value) => (value === null || value === undefined ? "–" : `${ms(value)} ms`);
/** @type {Say} */
const axisMs = (value) => `${Number((value ?? 0).toFixed(2))} ms`;
/** @type {Say} */
const percentText = (value) => (value === null || value === undefined ? "–" : `${percent(value)} %`);
/** @type {Say} */
const rateText = (value) => (value === null || value === undefined ? "–" : `${rate(value)}/s`);
/** @type {Say} */
const paceText = (value) => (value === null || value === undefined ? "–" : `${bytesText(value)}/s`);

/** @param {string} name @returns {Series[]} */
function parts(name) {
  return [
    { name: `${name}_ms_p50`, label: "p50", color: "--series-1" },
    { name: `${name}_ms_p99`, label: "p99", color: "--series-2" },
    { name: `${name}_ms_max`, label: "max", color: "--series-3" },
  ];
}

/** @param {...[string, string]} named @returns {Series[]} */
function lines(...named) {
  return named.map(([name, label], index) => ({ name, label, color: `--series-${index + 1}` }));
}

/** @param {string} part @returns {Series[]} */
function phases(part) {
  return PHASES.map((phase) => ({ name: `${phase}_ms_${part}`, label: title(phase), color: `--phase-${phase}` }));
}

/** @type {Entry[]} */
const ENTRIES = [
  { id: "late", label: "Ticks late", hint: "How late ticks began", headline: "late_ms_p99", top: 5, strained: 15, bad: 100, say: msText, axis: axisMs, series: parts("late") },
  { id: "tick", label: "Tick time", hint: "How long a tick of a room took", headline: "tick_ms_p99", top: 2, say: msText, axis: axisMs, series: parts("tick") },
  { id: "phases", label: "Where a tick goes", hint: "Time of each phase of a tick", headline: "tick_ms_p50", top: 0.2, say: msText, axis: axisMs, series: phases("p99") },
  { id: "cpu", label: "CPU of one core", hint: "Of the process that uses most", headline: "cpu_percent", top: 100, strained: 85, say: percentText, axis: percentText, series: lines(["cpu_percent", "CPU"]) },
  { id: "lag", label: "Event-loop lag", hint: "Longest delay of a timer in a second", headline: "loop_lag_ms", top: 10, strained: 100, say: msText, axis: axisMs, series: lines(["loop_lag_ms", "lag"]) },
  { id: "memory", label: "Memory", hint: "Resident", headline: "memory_bytes", top: 1e6, say: bytesText, axis: bytesText, series: lines(["memory_bytes", "resident"]) },
  { id: "players", label: "Players", hint: "Seats taken, rooms and connections", headline: "players", top: 4, say: whole, series: lines(["players", "players"], ["rooms", "rooms"], ["connections", "connections"]) },
  { id: "bytes", label: "Bytes out", hint: "Payload to and from players", headline: "bytes_out_s", top: 1000, say: paceText, axis: bytesText, series: lines(["bytes_out_s", "out"], ["bytes_in_s", "in"]) },
  { id: "starved", label: "Inputs missing", hint: "Steps without an input, inputs too many, and states that slow players were not sent", headline: "inputs_missing_s", top: 5, say: rateText, axis: rate, series: lines(["inputs_missing_s", "missing"], ["states_skipped_s", "states skipped"], ["inputs_discarded_s", "discarded"]) },
  { id: "comings", label: "Joins", hint: "Who comes, goes, is lost and comes back", headline: "joins_s", top: 2, say: rateText, axis: rate, hasSteps: true, series: lines(["joins_s", "joins"], ["leaves_s", "leaves"], ["drops_s", "lost"], ["resumes_s", "resumed"]) },
  { id: "desyncs", label: "Desyncs", hint: "Clients whose checksum disagreed, and ticks that were given up", headline: "resyncs_s", top: 2, strained: 0, say: rateText, axis: rate, hasSteps: true, series: lines(["resyncs_s", "desyncs"], ["ticks_dropped_s", "ticks dropped"]) },
  { id: "closes", label: "Closes", hint: "Connections closed in a second, by reason", headline: "closes", top: 2, say: whole, hasSteps: true, series: [] },
];

export class Charts {
  constructor() {
    this.part = "p99";
    /** @type {Model | null} */
    this.model = null;
    this.cards = ENTRIES.map((entry) => this.makeCard(entry));
    byId("charts", HTMLElement).append(...this.cards.map((card) => card.element));
    byId("charts-missing", HTMLElement).hidden = canDraw;
    this.details = byId("figures-details", HTMLDetailsElement);
    this.details.open = !canDraw;
    this.details.addEventListener("toggle", () => this.drawTable());
    /** @type {Map<string, HTMLTableRowElement>} */
    this.tableRows = new Map();
  }

  /** @param {Entry} entry */
  makeCard(entry) {
    const chart = new Chart({ ...entry, axis: entry.axis ?? entry.say });
    const number = make("span", "card-number number", "–");
    const element = make("figure", "card panel", make("figcaption", "card-head", make("h3", "card-label", entry.label), number));
    element.dataset.chart = entry.id;
    element.title = entry.hint;
    if (entry.id === "phases") number.replaceWith(this.makePartChoice());
    element.append(chart.canvas, chart.legend);
    chart.canvas.hidden = !canDraw;
    return { entry, chart, number, element };
  }

  makePartChoice() {
    const choice = make("select", "select select-small");
    choice.setAttribute("aria-label", "Which time of each phase");
    choice.append(...PARTS.map((part) => new Option(part, part, part === this.part, part === this.part)));
    choice.addEventListener("change", () => {
      this.part = choice.value;
      if (this.model) this.draw(this.model);
    });
    return choice;
  }

  /** @param {Model} model */
  draw(model) {
    this.model = model;
    const atS = model.history.at_s ?? [];
    const offset = Date.now() / 1000 - (atS[atS.length - 1] ?? 0);
    const unixS = atS.map((at) => (at === null ? null : at + offset));
    for (const card of this.cards) {
      const { entry, chart } = card;
      if (entry.id === "phases") chart.setSeries(phases(this.part));
      if (entry.id === "cpu" && (model.workers?.length ?? 0) > 1) chart.setSeries(lines(["cpu_percent", "busiest process"], ["cpu_all_percent", "all together"]));
      if (entry.id === "closes") chart.setSeries(closeSeries(model));
      const columns = chart.series.map((series) => model.history[series.name] ?? new Array(atS.length).fill(null));
      chart.show(unixS, columns);
      const value = entry.id === "closes" ? sumOf(model.closes) : model.process[entry.headline];
      card.number.textContent = entry.say(value);
      card.element.dataset.mark = markOf(entry, value);
    }
    this.drawTable();
  }

  drawTable() {
    if (!this.details.open || !this.model) return;
    const body = byId("figures", HTMLTableElement).tBodies[0];
    if (!body) return;
    for (const { entry, chart } of this.cards) {
      for (const series of chart.series) {
        const row = this.tableRows.get(series.name) ?? this.addTableRow(body, series.name, entry.label, series.label);
        const known = (this.model.history[series.name] ?? []).filter((value) => value !== null);
        const numbers = [known[known.length - 1], least(known), mean(known), most(known)];
        numbers.forEach((value, index) => {
          const cell = row.cells[index + 1];
          const text = entry.say(value);
          if (cell && cell.textContent !== text) cell.textContent = text;
        });
      }
    }
  }

  /** @param {HTMLTableSectionElement} body @param {string} name @param {string} label @param {string} part */
  addTableRow(body, name, label, part) {
    const head = make("th", "", `${label}: ${part}`);
    head.scope = "row";
    const row = make("tr", "", head, ...["", "", "", ""].map(() => make("td", "is-number")));
    body.append(row);
    this.tableRows.set(name, row);
    return row;
  }
}

/** The reasons that occurred most in the last minutes. @param {Model} model @returns {Series[]} */
function closeSeries(model) {
  const sums = Object.entries(model.history)
    .filter(([name]) => name.startsWith("close_"))
    .map(([name, column]) => ({ name, sum: column.reduce((/** @type {number} */ sum, value) => sum + (value ?? 0), 0) }))
    .filter(({ sum }) => sum > 0);
  sums.sort((a, b) => b.sum - a.sum || a.name.localeCompare(b.name));
  const shown = sums.slice(0, CLOSES_SHOWN_MAX).sort((a, b) => a.name.localeCompare(b.name));
  return shown.map(({ name }, index) => ({ name, label: title(name.slice("close_".length)).toLowerCase(), color: CLOSE_COLORS[index] ?? "--series-1" }));
}

/** @param {Record<string, number | null>} figures */
function sumOf(figures) {
  return Object.values(figures).reduce((/** @type {number} */ sum, number) => sum + (number ?? 0), 0);
}

/** @param {Entry} entry @param {number | null | undefined} value */
function markOf(entry, value) {
  if (entry.bad !== undefined && (value ?? 0) > entry.bad) return "bad";
  return entry.strained !== undefined && (value ?? 0) > entry.strained ? "strained" : "";
}

/** @param {number[]} values */
function least(values) {
  return values.length ? values.reduce((low, value) => Math.min(low, value)) : null;
}

/** @param {number[]} values */
function most(values) {
  return values.length ? values.reduce((high, value) => Math.max(high, value)) : null;
}

/** @param {number[]} values */
function mean(values) {
  return values.length ? values.reduce((sum, value) => sum + value, 0) / values.length : null;
}
