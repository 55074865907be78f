/**
 * Runs the own entity ahead of the server, and quietly mends it when the server knows better.
 *
 * It knows the game's rule for one step, the entity's fields, and nothing of sockets, numbering or time. Each input
 * steps the state at once; each state message replaces it by the server's and replays the inputs that it has not seen.
 * Predicted fields are rounded to the wire's grid after each step, as the server does: where both run the same rule, the
 * replay ends where the prediction was and nothing is to be corrected. Where it does not, the difference is kept
 * as an error that only the picture carries, and which fades; the simulated state is right at once.
 */

import { between, difference, wrap } from "./blend.js";
import { round } from "./fields.js";

/**
 * @typedef {import("./schema.js").Field} Field
 * @typedef {import("./replica.js").State} State
 *
 * @typedef {object} Prediction
 * @property {string} type name of the entity type to predict
 * @property {(state: any, input: any, dt: number) => void} step the game's rule; changes `state`; dt in seconds
 * @property {string[]} [fields] those the server rounds after each step; absent: those the schema marks with `predict`
 * @property {number} [snapAbove] an error of any field above it is not smoothed: the entity was moved elsewhere
 */

/** An error falls to 5 % in 100 ms. */
const ERROR_FADE_MS = 100 / 3;

export class Predictor {
  #step;
  #predicted;
  #smoothed;
  #snapAbove;
  #dt;
  /** @type {any} */
  #previous = null;
  /** @type {any} */
  #current = null;
  /** By position in #smoothed. @type {number[]} */
  #error;
  #fraction = 0;
  #shownAtMs = 0;

  /** The predicted entity as it should be drawn; one object for as long as it lives. @type {any} */
  shown = null;
  /** How often the server's state differed from the predicted one. */
  corrections = 0;

  /**
   * @param {import("./schema.js").EntityType} type
   * @param {Prediction} prediction
   * @param {number} tickRate
   */
  constructor(type, prediction, tickRate) {
    const names = prediction.fields;
    this.#step = prediction.step;
    this.#predicted = type.fields.filter((field) => field.bytes && (names ? names.includes(field.name) : field.predicted));
    this.#smoothed = this.#predicted.filter((field) => field.continuous);
    this.#snapAbove = prediction.snapAbove ?? Infinity;
    this.#dt = 1 / tickRate;
    this.#error = this.#smoothed.map(() => 0);
  }

  /** The simulated state after the newest input; null when nothing is predicted. */
  get state() {
    return this.#current;
  }

  get id() {
    return this.#current?.id ?? null;
  }

  /** Apply one more input. @param {Record<string, any>} input */
  step(input) {
    if (this.#current === null) return;
    this.#previous = this.#current;
    this.#current = { ...this.#current };
    this.#step(this.#current, input, this.#dt);
    for (const field of this.#predicted) this.#current[field.name] = round(field, this.#current[field.name]);
  }

  /**
   * Start from the server's state and replay what it has not seen.
   *
   * @param {State | null} state of the own entity; null when there is none
   * @param {import("./outbound.js").NumberedInput[]} unacked
   */
  reconcile(state, unacked) {
    if (state === null || state.id !== this.id) return this.#begin(state, unacked);
    const before = { previous: this.#previous, current: this.#current };
    this.#current = { ...state };
    for (const input of unacked) this.step(input.fields);
    if (this.#predicted.every(({ name }) => this.#current[name] === before.current[name])) return;
    this.corrections++;
    if (unacked.length === 0) this.#previous = this.#moved(before);
    this.#smoothed.forEach((field, i) => {
      const was = between(field, before.previous[field.name], before.current[field.name], this.#fraction);
      const is = between(field, this.#previous[field.name], this.#current[field.name], this.#fraction);
      this.#error[i] += difference(field, is, was);
    });
    if (this.#error.some((error) => Math.abs(error) > this.#snapAbove)) this.#error.fill(0);
  }

  /** The step before the corrected one, moved along with it. @param {{ previous: any, current: any }} before */
  #moved({ previous, current }) {
    const moved = { ...previous };
    for (const field of this.#smoothed) moved[field.name] += difference(field, current[field.name], this.#current[field.name]);
    return moved;
  }

  /** @param {State | null} state @param {import("./outbound.js").NumberedInput[]} unacked */
  #begin(state, unacked) {
    this.#error.fill(0);
    this.#previous = this.#current = state && { ...state };
    this.shown = state && { ...state };
    for (const input of unacked) this.step(input.fields);
  }

  /**
   * Bring `shown` up to date: between the last two steps, plus what is left of the error.
   *
   * @param {number} fraction of the next step that has passed
   * @param {number} nowMs
   */
  show(fraction, nowMs) {
    const { shown } = this;
    if (shown === null) return null;
    const fade = Math.exp(-Math.max(0, nowMs - this.#shownAtMs) / ERROR_FADE_MS);
    this.#fraction = fraction;
    this.#shownAtMs = nowMs;
    Object.assign(shown, this.#current);
    this.#smoothed.forEach((field, i) => {
      const { name, turn } = field;
      this.#error[i] *= fade;
      const value = between(field, this.#previous[name], this.#current[name], fraction) + this.#error[i];
      shown[name] = turn ? wrap(value) : value;
    });
    return shown;
  }
}
