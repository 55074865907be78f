/**
 * The player's inputs on their way out: one a step of the server's tick rate, numbered, kept until consumed.
 *
 * It knows the input's fields and nothing of sockets, entities or drawing; every method is given `nowMs`. Steps come
 * from an accumulator, so that any frame rate gives the same number of them. Too few inputs waiting at the server make
 * it repeat one (and the prediction wrong), too many are felt as lag: so the step's length follows the depth that the
 * server reports, by at most a tenth. How many should wait grows with each missed input and slowly shrinks again.
 */

import { round } from "./fields.js";

/**
 * @typedef {Record<string, any>} InputFields
 * @typedef {{ seq: number, fields: InputFields }} NumberedInput
 */

/** A page that was hidden or stalled does not make up for more than this many steps. */
const BURST_STEPS_MAX = 4;

/** Inputs kept for replay: over two seconds at 60 Hz. A server that never consumes is not waited for. */
const UNACKED_MAX = 128;

const SPEED_CHANGE_MAX = 0.1;
const SPEED_GAIN = 0.05;
const DEPTH_SMOOTHING = 0.1;

/** At an average depth of a half, every input arrives about one step early. */
const DEPTH_TARGET_MIN = 0.5;
const DEPTH_TARGET_MAX = 6;
const DEPTH_TARGET_DECAY = 0.002;

export class Outbound {
  #fields;
  #stepMs;
  #credit = 0;
  /** @type {number | null} */
  #advancedAtMs = null;
  /** @type {InputFields} */
  #held = {};
  /** @type {Set<string>} */
  #tapped = new Set();
  #depth = DEPTH_TARGET_MIN;
  #depthTarget = DEPTH_TARGET_MIN;

  /** Number of the newest input made. */
  lastSeq = 0;
  /** Inputs that the server has not consumed, oldest first. @type {NumberedInput[]} */
  unacked = [];

  /**
   * @param {import("./schema.js").EntityType} type the schema's input
   * @param {number} tickRate
   */
  constructor(type, tickRate) {
    this.#fields = type.fields;
    this.#stepMs = 1000 / tickRate;
    for (const field of type.fields) this.#held[field.name] = field.initial;
  }

  /**
   * Change what the player intends; what is not named stays. A flag that is set and cleared between two steps still
   * counts for one, so that no tap is lost.
   *
   * @param {InputFields} fields
   */
  set(fields) {
    for (const field of this.#fields) {
      if (!(field.name in fields)) continue;
      this.#held[field.name] = round(field, fields[field.name]);
      if (this.#held[field.name] === true) this.#tapped.add(field.name);
    }
  }

  /** The length of a step against the server's: under 1 is faster. */
  get speed() {
    const change = (this.#depthTarget - this.#depth) * SPEED_GAIN;
    return 1 + Math.min(SPEED_CHANGE_MAX, Math.max(-SPEED_CHANGE_MAX, change));
  }

  /** How far the next step has come, 0 to 1. */
  get fraction() {
    return this.#credit;
  }

  /**
   * Let time pass.
   *
   * @param {number} nowMs
   * @returns {number} steps that are due: call `next` as often
   */
  advance(nowMs) {
    const sinceMs = this.#advancedAtMs ?? nowMs;
    const elapsedMs = Math.max(0, nowMs - sinceMs);
    this.#advancedAtMs = Math.max(nowMs, sinceMs);
    this.#credit = Math.min(BURST_STEPS_MAX + 0.999, this.#credit + (elapsedMs * this.speed) / this.#stepMs);
    const steps = Math.floor(this.#credit);
    this.#credit -= steps;
    return steps;
  }

  /** Make the input of the next step. @returns {NumberedInput} */
  next() {
    const fields = { ...this.#held };
    for (const name of this.#tapped) fields[name] = true;
    this.#tapped.clear();
    const input = { seq: ++this.lastSeq, fields };
    this.unacked.push(input);
    if (this.unacked.length > UNACKED_MAX) this.unacked.shift();
    return input;
  }

  /**
   * Take in what a state message says of the inputs.
   *
   * @param {number} ack newest input_seq consumed
   * @param {number} depth inputs still waiting there
   * @param {number} missing steps that had none
   */
  acknowledge(ack, depth, missing) {
    this.#forget(ack);
    this.#depth += (depth - this.#depth) * DEPTH_SMOOTHING;
    const target = this.#depthTarget + (missing > 0 ? 0.5 : -DEPTH_TARGET_DECAY);
    this.#depthTarget = Math.min(DEPTH_TARGET_MAX, Math.max(DEPTH_TARGET_MIN, target));
  }

  /** @param {number} ack */
  #forget(ack) {
    let consumed = 0;
    while (consumed < this.unacked.length && this.unacked[consumed].seq <= ack) consumed++;
    this.unacked.splice(0, consumed);
  }

  /**
   * Start on a new connection: what was under way on the old one is lost.
   *
   * @param {number} seq the server may hold numbers up to this one
   */
  restart(seq) {
    this.lastSeq = Math.max(this.lastSeq, seq);
    this.unacked = [];
    this.#credit = 0;
    this.#advancedAtMs = null;
    this.#depth = this.#depthTarget = DEPTH_TARGET_MIN;
  }
}
