// @ts-check
/** Where a place of the world lies on the canvas: the whole world, as large as fits, in the middle. Pure arithmetic. */

/** @typedef {import("./plan.js").Range} Range */

const MARGIN_PX = 18;
const LINES_ABOUT = 10;

export class Frame {
  width = 0;
  height = 0;
  scale = 1;
  #declared = { x: /** @type {Range | null} */ (null), y: /** @type {Range | null} */ (null) };
  /** What was seen, along an axis that declares no range. @type {{x: Range, y: Range}} */
  #seen = nothingSeen();

  /** @param {import("./plan.js").Plan} plan */
  show(plan) {
    this.#declared = { x: plan.x, y: plan.y };
    this.#seen = nothingSeen();
  }

  /** Make room for a place that was not thought of. @param {number} x @param {number} y */
  see(x, y) {
    for (const [range, value] of /** @type {[Range, number][]} */ ([[this.#seen.x, x], [this.#seen.y, y]])) {
      if (value < range.min) range.min = value;
      if (value > range.max) range.max = value;
    }
  }

  /** Whether every type says how far it may go. */
  get isDeclared() {
    return this.#declared.x !== null && this.#declared.y !== null;
  }

  /** Fit into a canvas of this many CSS pixels. @param {number} width @param {number} height */
  fit(width, height) {
    this.width = width;
    this.height = height;
    const wide = (width - 2 * MARGIN_PX) / length(this.xRange);
    const high = (height - 2 * MARGIN_PX) / length(this.yRange);
    this.scale = Math.max(1e-9, Math.min(wide, high));
  }

  get xRange() {
    return this.#declared.x ?? this.#seen.x;
  }

  get yRange() {
    return this.#declared.y ?? this.#seen.y;
  }

  /** @param {number} x */
  left(x) {
    const { min, max } = this.xRange;
    return this.width / 2 + (x - (min + max) / 2) * this.scale;
  }

  /** @param {number} y */
  top(y) {
    const { min, max } = this.yRange;
    return this.height / 2 + (y - (min + max) / 2) * this.scale;
  }

  /** Distance between two lines of a grid, in the world's units: 1, 2 or 5 times a power of ten. */
  get gridStep() {
    const about = Math.max(length(this.xRange), length(this.yRange)) / LINES_ABOUT;
    const power = 10 ** Math.floor(Math.log10(about));
    return power * ([1, 2, 5].find((step) => step * power >= about) ?? 10);
  }
}

/** @param {Range} range */
function length({ min, max }) {
  return Math.max(1e-9, max - min);
}

function nothingSeen() {
  return { x: { min: -50, max: 50 }, y: { min: -50, max: 50 } };
}
