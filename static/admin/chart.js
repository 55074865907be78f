// @ts-check
/**
 * One chart over time with its legend, drawn by uPlot. The library comes from a package that the server may lack: then
 * `canDraw` is false, and whoever shows figures shows them as text.
 */
import { make } from "/static/shared/dom.js";

/** @typedef {import("uplot")} Plot */
/**
 * @typedef {{name: string, label: string, color: string}} Series color: a custom property of the style sheet
 * @typedef {{
 *   label: string, series: Series[], top: number, say: (value: number | null | undefined) => string,
 *   isStacked?: boolean, hasSteps?: boolean, height?: number, axis?: (value: number) => string,
 * }} ChartOptions top: the least value that the full height stands for, so that noise near zero looks like none
 */

const SPAN_MIN_S = 120;
const WIDE_PX = 230;
const plotClass = /** @type {typeof import("uplot") | undefined} */ (/** @type {any} */ (globalThis).uPlot);

export const canDraw = plotClass !== undefined;

export class Chart {
  /** @param {ChartOptions} options */
  constructor(options) {
    this.options = options;
    this.series = options.series;
    this.canvas = make("div", "chart-canvas");
    this.canvas.setAttribute("role", "img");
    this.canvas.setAttribute("aria-label", `${options.label}: no samples yet`);
    this.legend = make("ul", "chart-legend");
    /** @type {HTMLElement[]} */
    this.values = [];
    /** @type {Plot | null} */
    this.plot = null;
    /** @type {(number | null)[][]} x, then a column for each series */
    this.data = [[]];
    this.isSeen = false;
    this.makeLegend();
    new IntersectionObserver((entries) => {
      this.isSeen = entries.some((entry) => entry.isIntersecting);
      if (this.isSeen) this.draw();
    }).observe(this.canvas);
    new ResizeObserver(() => this.resize()).observe(this.canvas);
    matchMedia("(prefers-color-scheme: light)").addEventListener("change", () => this.rebuild());
  }

  makeLegend() {
    this.values = this.series.map(() => make("span", "number"));
    this.legend.replaceChildren(
      ...this.series.map((series, index) => {
        const swatch = make("span", "swatch");
        swatch.style.background = `var(${series.color})`;
        return make("li", "", swatch, `${series.label} `, this.values[index] ?? "");
      }),
    );
  }

  /** Show other series from now on. @param {Series[]} series */
  setSeries(series) {
    if (series.map((one) => one.name).join() === this.series.map((one) => one.name).join()) return;
    this.series = series;
    this.makeLegend();
    this.rebuild();
  }

  /**
   * Show columns: unix seconds, then a column for each series.
   * @param {(number | null)[]} atS
   * @param {(number | null)[][]} columns
   */
  show(atS, columns) {
    this.data = [atS, ...columns];
    const newest = columns.map((column) => column[column.length - 1]);
    const told = this.series.map((series, index) => {
      const highest = (columns[index] ?? []).reduce((/** @type {number} */ most, value) => Math.max(most, value ?? 0), 0);
      return `${series.label} now ${this.options.say(newest[index])}, at most ${this.options.say(highest)}`;
    });
    this.canvas.setAttribute("aria-label", `${this.options.label}, last ${minutes(atS)}: ${told.join("; ")}`);
    if (!this.plot?.cursor || this.plot.cursor.idx === null || this.plot.cursor.idx === undefined) this.showValues(null);
    this.draw();
  }

  /** @param {number | null} index of the sample; null: the newest */
  showValues(index) {
    this.series.forEach((_, number) => {
      const column = this.data[number + 1] ?? [];
      const element = this.values[number];
      const text = this.options.say(column[index ?? column.length - 1]);
      if (element && element.textContent !== text) element.textContent = text;
    });
  }

  draw() {
    if (!plotClass || !this.isSeen || !this.data[0]?.length || document.hidden) return;
    const shown = /** @type {any} */ (this.options.isStacked ? stacked(this.data) : this.data);
    if (this.plot) this.plot.setData(shown);
    else if (this.canvas.clientWidth) this.plot = new plotClass(this.plotOptions(), shown, this.canvas);
  }

  resize() {
    const width = this.canvas.clientWidth;
    if (!this.plot || !width) this.draw();
    else if (Math.abs(this.plot.width - width) > 1) this.rebuild();
  }

  rebuild() {
    this.plot?.destroy();
    this.plot = null;
    this.draw();
  }

  /** @returns {import("uplot").Options} */
  plotOptions() {
    const style = getComputedStyle(this.canvas);
    /** @type {(name: string) => string} */
    const color = (name) => style.getPropertyValue(name).trim();
    const width = this.canvas.clientWidth;
    const isWide = width >= WIDE_PX;
    const line = { stroke: color("--text-faint"), font: `11px ${color("--font")}`, ticks: { show: false } };
    const grid = { stroke: color("--chart-grid"), width: 1 };
    return {
      width,
      height: this.options.height ?? 108,
      padding: [10, 6, 0, isWide ? 0 : 6],
      legend: { show: false },
      cursor: { sync: { key: "admin" }, y: false, drag: { x: false, y: false }, points: { size: 6 } },
      scales: { x: { range: (_, low, high) => [Math.min(low, high - SPAN_MIN_S), high] }, y: { range: (_, __, high) => [0, Math.max(high * 1.1, this.options.top)] } },
      axes: [
        { ...line, grid: { show: false }, size: 22, gap: 4, space: 80, values: (_, at, __, ___, step) => at.map((s) => clock(s, step < 60)) },
        { ...line, grid, show: isWide, size: 56, gap: 4, space: 30, values: (_, at) => at.map((v) => (this.options.axis ?? this.options.say)(v)) },
      ],
      series: [{}, ...this.plotSeries(color)],
      bands: this.options.isStacked ? this.series.slice(1).map((_, index) => ({ series: /** @type {[number, number]} */ ([index + 1, index + 2]) })) : [],
      hooks: { setCursor: [(plot) => this.showValues(plot.cursor.idx ?? null)] },
    };
  }

  /** @param {(name: string) => string} color @returns {import("uplot").Series[]} */
  plotSeries(color) {
    const paths = this.options.hasSteps ? plotClass?.paths.stepped?.({ align: -1 }) : undefined;
    return this.series.map((series) => ({
      label: series.label,
      stroke: color(series.color),
      width: 1.5,
      fill: this.options.isStacked || this.series.length === 1 ? fade(color(series.color), this.options.isStacked ? 0.75 : 0.14) : undefined,
      points: { show: false },
      paths,
      spanGaps: false,
    }));
  }
}

/**
 * Add columns up, so that the first drawn is the sum of all and each covers what is not its own.
 * @param {(number | null)[][]} data
 */
function stacked(data) {
  const [x = [], ...columns] = data;
  /** @type {(number | null)[]} */
  let above = new Array(x.length).fill(0);
  const sums = [...columns].reverse().map((column) => {
    above = column.map((value, index) => (value === null ? null : value + (above[index] ?? 0)));
    return above;
  });
  return [x, ...sums.reverse()];
}

/** @param {string} color @param {number} share */
function fade(color, share) {
  return /^#[0-9a-f]{6}$/i.test(color) ? `${color}${Math.round(share * 255).toString(16).padStart(2, "0")}` : color;
}

/** @param {number} unixS @param {boolean} withSeconds */
function clock(unixS, withSeconds) {
  const seconds = withSeconds ? /** @type {const} */ ({ second: "2-digit" }) : {};
  return new Date(unixS * 1000).toLocaleTimeString([], { hour: "2-digit", minute: "2-digit", ...seconds, hourCycle: "h23" });
}

/** @param {(number | null)[]} atS */
function minutes(atS) {
  const span = (atS[atS.length - 1] ?? 0) - (atS[0] ?? 0);
  return span < 90 ? `${Math.round(span)} seconds` : `${Math.round(span / 60)} minutes`;
}
