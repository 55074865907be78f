// @ts-check
/**
 * Draws every entity that has a place, of any game: colour and shape by type, a name where there is one, a nose where
 * there is an angle, one's own in amber. Knows the canvas, the plan of a schema and the client's view.
 */

import { Frame } from "./frame.js";
import { Sparks } from "./sparks.js";

/**
 * @typedef {import("./plan.js").Plan} Plan
 * @typedef {import("./plan.js").TypePlan} TypePlan
 * @typedef {import("../client/replica.js").State} State
 * @typedef {import("../client/session.js").View} View
 */

const PALETTE = ["--cyan", "--mint", "--violet", "--coral", "--gold", "--rose"];
const LABELS_MAX = 60;
const CROWD = 150;

export class Picture {
  #canvas;
  #pen;
  #frame = new Frame();
  #sparks;
  /** @type {Plan | null} */
  #plan = null;
  #colours = new Map();

  /** @param {HTMLCanvasElement} canvas @param {boolean} still whether nothing but the game should move */
  constructor(canvas, still) {
    this.#canvas = canvas;
    this.#pen = /** @type {CanvasRenderingContext2D} */ (canvas.getContext("2d"));
    this.#sparks = new Sparks(still);
    new ResizeObserver(() => this.#resize()).observe(canvas);
    this.#resize();
  }

  /** @param {Plan} plan */
  show(plan) {
    this.#plan = plan;
    this.#frame.show(plan);
    this.#sparks.clear();
  }

  #resize() {
    const { clientWidth, clientHeight } = this.#canvas;
    const ratio = Math.max(1, window.devicePixelRatio || 1);
    const [width, height] = [Math.round(clientWidth * ratio), Math.round(clientHeight * ratio)];
    if (this.#canvas.width !== width) this.#canvas.width = width;
    if (this.#canvas.height !== height) this.#canvas.height = height;
    this.#pen.setTransform(ratio, 0, 0, ratio, 0, 0);
  }

  /** A colour of the theme. @param {string} name */
  #colour(name) {
    let colour = this.#colours.get(name);
    if (colour === undefined) {
      colour = getComputedStyle(this.#canvas).getPropertyValue(name).trim() || "white";
      this.#colours.set(name, colour);
    }
    return colour;
  }

  /** The colour of a type. @param {TypePlan} type */
  colourOf(type) {
    return this.#colour(PALETTE[type.index % PALETTE.length]);
  }

  /** @param {View} view @param {number} timeMs */
  draw(view, timeMs) {
    const { clientWidth: width, clientHeight: height } = this.#canvas;
    const frame = this.#frame;
    const types = this.#plan?.drawn ?? [];
    if (!frame.isDeclared) for (const type of types) for (const state of view.all(type.name)) this.#see(state, type);
    frame.fit(width, height);
    this.#pen.clearRect(0, 0, width, height);
    this.#drawGrid();
    for (const type of types) this.#drawType(view, type, timeMs);
    this.#sparks.draw(this.#pen, frame, timeMs);
    for (const type of types) this.#drawLabels(view, type);
  }

  /** @param {State} state @param {TypePlan} type */
  #see({ x, y, ...fields }, { size }) {
    const reach = size === null ? 0 : /** @type {any} */ (fields)[size];
    this.#frame.see(x - reach, y - reach);
    this.#frame.see(x + reach, y + reach);
  }

  #drawGrid() {
    const pen = this.#pen;
    const frame = this.#frame;
    const { xRange, yRange, gridStep } = frame;
    const [left, right] = [frame.left(xRange.min), frame.left(xRange.max)];
    const [top, bottom] = [frame.top(yRange.min), frame.top(yRange.max)];
    pen.beginPath();
    for (let x = Math.ceil(xRange.min / gridStep) * gridStep; x < xRange.max; x += gridStep) {
      pen.moveTo(frame.left(x), top);
      pen.lineTo(frame.left(x), bottom);
    }
    for (let y = Math.ceil(yRange.min / gridStep) * gridStep; y < yRange.max; y += gridStep) {
      pen.moveTo(left, frame.top(y));
      pen.lineTo(right, frame.top(y));
    }
    pen.lineWidth = 1;
    pen.strokeStyle = this.#colour("--grid");
    pen.stroke();
    pen.strokeStyle = this.#colour("--line-strong");
    pen.strokeRect(left, top, right - left, bottom - top);
  }

  /** @param {View} view @param {TypePlan} type @param {number} timeMs */
  #drawType(view, type, timeMs) {
    const states = view.all(type.name);
    const colour = this.colourOf(type);
    const others = states.length - 1;
    const usual = this.#usualRadius(type, others);
    for (const state of states) {
      const own = view.own.has(state.id);
      const radius = type.size === null ? usual : Math.max(2, state[type.size] * this.#frame.scale);
      const shown = radius * this.#sparks.growth(state, own ? this.#colour("--amber") : colour, radius, timeMs);
      this.#drawOne(state, type, own ? this.#colour("--amber") : colour, shown, own);
    }
    this.#sparks.end(type.name, timeMs);
  }

  /** @param {TypePlan} type @param {number} others */
  #usualRadius(type, others) {
    const room = Math.min(this.#frame.width, this.#frame.height);
    const radius = Math.min(13, Math.max(5, room / 55)) * (type.label === null && type.angle === null ? 0.7 : 1);
    return others > CROWD ? radius * 0.6 : radius;
  }

  /**
   * @param {State} state
   * @param {TypePlan} type
   * @param {string} colour
   * @param {number} radius
   * @param {boolean} own
   */
  #drawOne(state, type, colour, radius, own) {
    const pen = this.#pen;
    const x = this.#frame.left(state.x);
    const y = this.#frame.top(state.y);
    pen.fillStyle = colour;
    if (own || type.label === null) {
      pen.globalAlpha = own ? 0.22 : 0.14;
      circle(pen, x, y, radius * (own ? 2.1 : 1.8));
      pen.fill();
      pen.globalAlpha = 1;
    }
    if (type.angle !== null) arrow(pen, x, y, radius * 1.2, state[type.angle]);
    else if (type.index % 2 === 0 || type.label !== null) circle(pen, x, y, radius);
    else diamond(pen, x, y, radius * 1.2);
    pen.fill();
    if (!own) return;
    pen.strokeStyle = colour;
    pen.lineWidth = 2;
    circle(pen, x, y, radius * 1.7);
    pen.stroke();
  }

  /** @param {View} view @param {TypePlan} type */
  #drawLabels(view, type) {
    if (type.label === null) return;
    const pen = this.#pen;
    const states = view.all(type.name);
    const crowded = states.length > LABELS_MAX;
    pen.font = `600 12px ${getComputedStyle(this.#canvas).fontFamily}`;
    pen.textAlign = "center";
    pen.lineJoin = "round";
    pen.lineWidth = 3;
    pen.strokeStyle = this.#colour("--ink-0");
    for (const state of states) {
      const own = view.own.has(state.id);
      const text = String(state[type.label]);
      if (!text || (crowded && !own)) continue;
      const half = pen.measureText(text).width / 2 + 4;
      const x = Math.min(this.#frame.width - half, Math.max(half, this.#frame.left(state.x)));
      const above = this.#frame.top(state.y) - 2 * this.#usualRadius(type, states.length - 1);
      const y = above < 14 ? above + 4 * this.#usualRadius(type, 0) + 10 : above;
      pen.fillStyle = this.#colour(own ? "--amber" : "--text");
      pen.strokeText(text, x, y);
      pen.fillText(text, x, y);
    }
  }
}

/** @param {CanvasRenderingContext2D} pen @param {number} x @param {number} y @param {number} radius */
function circle(pen, x, y, radius) {
  pen.beginPath();
  pen.arc(x, y, radius, 0, 2 * Math.PI);
}

/** @param {CanvasRenderingContext2D} pen @param {number} x @param {number} y @param {number} radius */
function diamond(pen, x, y, radius) {
  pen.beginPath();
  pen.moveTo(x, y - radius);
  pen.lineTo(x + radius, y);
  pen.lineTo(x, y + radius);
  pen.lineTo(x - radius, y);
  pen.closePath();
}

/** @param {CanvasRenderingContext2D} pen @param {number} x @param {number} y @param {number} radius @param {number} angle */
function arrow(pen, x, y, radius, angle) {
  pen.beginPath();
  for (const [turn, reach] of [[0, 1.25], [2.5, 1], [Math.PI, 0.45], [-2.5, 1]]) {
    pen.lineTo(x + Math.cos(angle + turn) * radius * reach, y + Math.sin(angle + turn) * radius * reach);
  }
  pen.closePath();
}
