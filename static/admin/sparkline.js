// @ts-check
/** A line of the last minutes, as SVG. Time runs by the clock of the samples, so that a pause shows as a gap. */

const SVG = "http://www.w3.org/2000/svg";
const WIDTH = 180;
const HEIGHT = 40;
const GAP_S = 3;
/** What the width stands for: as much as there is, within these. */
const SPAN_MIN_S = 30;
const SPAN_MAX_S = 180;

export class Sparkline {
  /**
   * @param {string} label what it shows, for those who do not see it
   * @param {number} top the least value that the full height stands for, so that noise near zero looks like none
   */
  constructor(label, top) {
    this.label = label;
    this.top = top;
    this.element = document.createElementNS(SVG, "svg");
    this.element.setAttribute("viewBox", `0 0 ${WIDTH} ${HEIGHT}`);
    this.element.setAttribute("preserveAspectRatio", "none");
    this.element.setAttribute("class", "sparkline");
    this.element.setAttribute("role", "img");
    this.area = this.addPath("sparkline-area");
    this.line = this.addPath("sparkline-line");
  }

  /** @param {string} className */
  addPath(className) {
    const path = document.createElementNS(SVG, "path");
    path.setAttribute("class", className);
    this.element.append(path);
    return path;
  }

  /**
   * Draw samples; the newest stands at the right edge.
   * @param {number[]} atS
   * @param {number[]} values
   * @param {(value: number) => string} say
   */
  draw(atS, values, say) {
    const runs = runsOf(atS, values);
    const high = values.reduce((most, value) => Math.max(most, value), this.top);
    const newest = atS[atS.length - 1] ?? 0;
    const oldest = runs[0]?.[0]?.[0] ?? newest;
    const scale = WIDTH / Math.max(newest - oldest, SPAN_MIN_S);
    /** @type {(at: number) => string} */
    const across = (at) => (WIDTH - (newest - at) * scale).toFixed(1);
    /** @type {(point: [number, number]) => string} */
    const place = ([at, value]) =>
      `${across(at)} ${(HEIGHT - 2 - (value / high) * (HEIGHT - 5)).toFixed(1)}`;
    const lines = runs.map((run) => `M${run.map(place).join("L")}`);
    this.line.setAttribute("d", lines.join(""));
    this.area.setAttribute("d", runs.map((run, index) => `${lines[index]}${footOf(run, across)}`).join(""));
    const last = values[values.length - 1];
    const text = last === undefined ? "no samples yet" : `now ${say(last)}, at most ${say(Math.max(...values))} lately`;
    this.element.setAttribute("aria-label", `${this.label}: ${text}`);
  }
}

/**
 * Cut samples where nobody was watching.
 * @param {number[]} atS
 * @param {number[]} values
 * @returns {[number, number][][]}
 */
export function runsOf(atS, values) {
  /** @type {[number, number][][]} */
  const runs = [];
  const newest = atS[atS.length - 1] ?? 0;
  let before = -Infinity;
  atS.forEach((at, index) => {
    if (newest - at > SPAN_MAX_S) return;
    if (at - before > GAP_S) runs.push([]);
    runs[runs.length - 1]?.push([at, values[index] ?? 0]);
    before = at;
  });
  return runs;
}

/** @param {[number, number][]} run @param {(at: number) => string} across */
function footOf(run, across) {
  const first = run[0]?.[0] ?? 0;
  const last = run[run.length - 1]?.[0] ?? 0;
  return `L${across(last)} ${HEIGHT}L${across(first)} ${HEIGHT}Z`;
}
