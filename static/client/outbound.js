/**
 * The player's inputs on their way out: one a step of the server's tick rate, numbered, kept until consumed.
 *
 * It knows the input's fields and nothing of sockets, entities or drawing; every method is given `nowMs`. Steps come
 * from an accumulator, so that any frame rate gives the same number of them. Too few inputs waiting at the server make
 * it repeat one (and the prediction wrong), too many are felt as lag: so the step's length follows the depth that the
 * server reports, by at most a tenth. As many should wait, on average, as the measured jitter and the pace of frames spread
 * the arrivals by half, and a margin, which a missed input raises and quiet lowers.
 */

import { round } from "./fields.js";

/**
 * @typedef {Record<string, any>} InputFields
 * @typedef {{ seq: number, fields: InputFields, madeAtMs: number }} NumberedInput
 */

/** A page that was hidden or stalled does not make up for more than this many steps. */
const BURST_STEPS_MAX = 4;

/** Inputs kept for replay: over two seconds at 60 Hz. A server that never consumes is not waited for. */
const UNACKED_MAX = 128;

const SPEED_CHANGE_MAX = 0.1;
const SPEED_GAIN = 0.03;
const DEPTH_SMOOTHING = 0.1;

/** In inputs: how much more than jitter calls for should wait. */
const MARGIN_MIN = 0.35;
const MARGIN_MAX = 4;
/** A stall misses many in a row, which is one misfortune: the margin grows once a second at most, and falls again in ten. */
const MARGIN_GROWTH = 0.4;
const MARGIN_GROWS_EVERY_MS = 1000;
const MARGIN_DECAY_MS = 1 / 25_000;
const CADENCE_SMOOTHING = 0.05;
const CADENCE_MAX_MS = 100;

export class Outbound {
  #fields;
  #stepMs;
  #credit = 0;
  /** @type {number | null} */
  #advancedAtMs = null;
  /** @type {InputFields} */
  #held = {};
  /** Flags that were set since the last step, whatever they are now. @type {InputFields} */
  #tapped = {};
  /** Smoothed; null before the first report. @type {number | null} */
  #depth = null;
  #margin = MARGIN_MIN;
  #jitterMs = 0;
  /** How long it takes from one `advance` to the next. */
  #cadenceMs = 0;
  #grownAtMs = -Infinity;
  #reportedAtMs = 0;

  /** Inputs that waited at the server, by its newest report. */
  depth = 0;
  /** Steps without an input, by its reports. */
  missing = 0;
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
    this.#letGo();
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
      if (this.#held[field.name] === true) this.#tapped[field.name] = true;
    }
  }

  /** The length of a step against the server's: under 1 is faster. */
  get speed() {
    const change = this.#depth === null ? 0 : (this.depthTarget - this.#depth) * SPEED_GAIN;
    return 1 + Math.min(SPEED_CHANGE_MAX, Math.max(-SPEED_CHANGE_MAX, change));
  }

  /** How many inputs should wait at the server, on average. */
  get depthTarget() {
    return (this.#jitterMs + this.#cadenceMs) / 2 / this.#stepMs + this.#margin;
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
    this.#cadenceMs += (Math.min(elapsedMs, CADENCE_MAX_MS) - this.#cadenceMs) * CADENCE_SMOOTHING;
    this.#credit = Math.min(BURST_STEPS_MAX + 0.999, this.#credit + (elapsedMs * this.speed) / this.#stepMs);
    const steps = Math.floor(this.#credit);
    this.#credit -= steps;
    return steps;
  }

  /** Make the input of the next step. @returns {NumberedInput} */
  next() {
    const input = { seq: ++this.lastSeq, fields: { ...this.#held, ...this.#tapped }, madeAtMs: this.#advancedAtMs ?? 0 };
    this.#tapped = {};
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
   * @param {number} jitterMs of arrivals, as measured on the way down
   * @param {number} nowMs
   */
  acknowledge(ack, depth, missing, jitterMs, nowMs) {
    this.unacked = this.unacked.filter(({ seq }) => seq > ack);
    this.depth = depth;
    this.missing += missing;
    this.#depth ??= depth;
    this.#depth += (depth - this.#depth) * DEPTH_SMOOTHING;
    this.#jitterMs = jitterMs;
    this.#margin = Math.max(MARGIN_MIN, this.#margin - (nowMs - this.#reportedAtMs) * MARGIN_DECAY_MS);
    this.#reportedAtMs = nowMs;
    if (missing === 0 || nowMs - this.#grownAtMs < MARGIN_GROWS_EVERY_MS) return;
    this.#grownAtMs = nowMs;
    this.#margin = Math.min(MARGIN_MAX, this.#margin + MARGIN_GROWTH);
  }

  /** When a newest input that has reached the server was made; null when it is not known. @param {number} seq @returns {number | null} */
  madeAtMs(seq) {
    return this.unacked.find((input) => input.seq === seq)?.madeAtMs ?? null;
  }

  /**
   * Start on a new connection: what was under way on the old one is lost.
   *
   * @param {number} seq the server may hold numbers up to this one
   */
  restart(seq) {
    this.lastSeq = Math.max(this.lastSeq, seq);
    this.unacked = [];
    this.rest();
  }

  /** Let the time since the last step count for nothing: there was nobody to play. */
  rest() {
    this.#credit = 0;
    this.#advancedAtMs = null;
  }

  /** Make one last input that wants nothing, as when nobody holds the keys any more. @returns {NumberedInput} */
  release() {
    this.#letGo();
    return this.next();
  }

  #letGo() {
    for (const field of this.#fields) this.#held[field.name] = field.initial;
    this.#tapped = {};
  }
}
