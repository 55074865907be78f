/**
 * Runs the own entity ahead of the server, and quietly mends it when the server knows better.
 *
 * It knows the game's rule for one step, the entity's fields, and nothing of sockets, numbering or time. Each input
 * steps the state at once, and the state after each is kept until the server has consumed the input. Predicted fields are
 * rounded to the wire's grid after each step, as the server does: where both run the same rule, the server's state is
 * the one that was kept, and nothing is to be done. Where it is not, the server's replaces it and the inputs behind it are
 * replayed; the difference that shows is kept as an error that only the picture carries, and which fades: the simulated
 * state is right at once.
 */

import { between, difference, wrap } from "./blend.js";
import { round } from "./fields.js";

/**
 * @typedef {import("./schema.js").Field} Field
 * @typedef {import("./replica.js").State} State
 *
 * @typedef {object} Prediction
 * @property {string} type name of the entity type to predict
 * @property {(state: any, input: any, dt: number) => any} step the game's rule; changes `state`; dt in seconds
 * @property {string[]} [fields] those the server rounds after each step; absent: those the schema marks with `predict`
 * @property {number} [snapAbove] an error of any field above it is not smoothed: the entity was moved elsewhere
 * @property {import("./ghosts.js").Ghosts} [spawn] what the steps make, such as bullets
 *
 * @typedef {object} Correction
 * @property {Record<string, number>} errors by how much the picture was off, by name of a continuous field
 * @property {number} size the distance in x, y and z, as far as there are such
 */

/** An error falls to 5 % in 100 ms. */
const ERROR_FADE_MS = 100 / 3;

export class Predictor {
  #step;
  #fields;
  #predicted;
  #smoothed;
  #snapAbove;
  #dt;
  /** @type {any} */
  #previous = null;
  /** @type {any} */
  #current = null;
  /** States after inputs: that of the newest consumed first, then of each unacked one. @type {{ seq: number, state: any }[]} */
  #steps = [];
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
    this.#fields = type.fields;
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

  /**
   * Apply one more input.
   *
   * @param {import("./outbound.js").NumberedInput} input
   * @returns {any} what the rule returned; undefined when nothing is predicted
   */
  step({ seq, fields }) {
    if (this.#current === null) return undefined;
    this.#previous = this.#current;
    this.#current = { ...this.#current };
    const result = this.#step(this.#current, fields, this.#dt);
    for (const field of this.#predicted) this.#current[field.name] = round(field, this.#current[field.name]);
    this.#steps.push({ seq, state: this.#current });
    return result;
  }

  /**
   * Compare the server's state with the one that was predicted for it, and replay from it what it has not seen if they differ.
   *
   * @param {State | null} state of the own entity; null when there is none
   * @param {number} ack newest input_seq that it has seen
   * @param {import("./outbound.js").NumberedInput[]} unacked those behind it
   * @returns {Correction | null} null when the present was predicted right
   */
  reconcile(state, ack, unacked) {
    if (state === null || state.id !== this.id) return this.#begin(state, ack, unacked);
    while (this.#steps.length && this.#steps[0].seq < ack) this.#steps.shift();
    const kept = this.#steps[0];
    if (kept?.seq === ack && this.#fields.every(({ name }) => kept.state[name] === /** @type {any} */ (state)[name])) return null;
    const before = this.#current;
    const was = this.#pose();
    this.#replay(state, ack, unacked);
    if (this.#predicted.every(({ name }) => this.#current[name] === before[name])) return null;
    this.corrections++;
    return this.#correct(was);
  }

  /** Smoothed fields between the last two steps. @returns {number[]} */
  #pose() {
    return this.#smoothed.map((field) => between(field, this.#previous[field.name], this.#current[field.name], this.#fraction));
  }

  /** @param {any} state @param {number} ack @param {import("./outbound.js").NumberedInput[]} unacked */
  #replay(state, ack, unacked) {
    this.#previous = this.#current = { ...state };
    this.#steps = [{ seq: ack, state: this.#current }];
    for (const input of unacked) this.step(input);
  }

  /** Let the picture start from where it was. @param {number[]} was @returns {Correction} */
  #correct(was) {
    /** @type {Record<string, number>} */
    const errors = {};
    const is = this.#pose();
    this.#smoothed.forEach((field, i) => (this.#error[i] += errors[field.name] = difference(field, is[i], was[i])));
    if (this.#error.some((error) => Math.abs(error) > this.#snapAbove)) this.#error.fill(0);
    const { x = 0, y = 0, z = 0 } = errors;
    return { errors, size: Math.hypot(x, y, z) };
  }

  /** Let go of what is left to smooth: nobody saw where it was. */
  settle() {
    this.#error.fill(0);
  }

  /** @param {State | null} state @param {number} ack @param {import("./outbound.js").NumberedInput[]} unacked @returns {null} */
  #begin(state, ack, unacked) {
    this.settle();
    this.#steps = [];
    this.#current = null;
    this.shown = state && { ...state };
    if (state) this.#replay(state, ack, unacked);
    return null;
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
    const pose = this.#pose();
    this.#smoothed.forEach(({ name, turn }, i) => {
      this.#error[i] *= fade;
      shown[name] = turn ? wrap(pose[i] + this.#error[i]) : pose[i] + this.#error[i];
    });
    return shown;
  }
}
