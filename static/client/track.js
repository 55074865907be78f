/**
 * One entity's recent past, and its state at any moment of it.
 *
 * It knows the entity's fields and ticks, and nothing of delays or arrivals. Samples lie in a ring, numbers of continuous
 * fields apart from all else, so that recording allocates nothing. A state that does not name the entity says that it
 * stood still: the sample before a change is then repeated at the state before it. Beyond the newest state motion is a guess; where
 * it was wrong, the picture keeps the difference and lets it fade.
 */

import { between, difference, wrap } from "./blend.js";

/** Over half a second of states at 60 Hz. A power of two. */
const RING = 32;

export class Track {
  #continuous;
  #others;
  #ticks = new Float64Array(RING);
  #numbers;
  /** @type {unknown[]} */
  #values;
  /** Running count of samples; the ring keeps the last ones. */
  #count = 0;

  /** By how much the picture is off the samples, by field. */
  #error;
  /** Where the last picture was a guess. @type {number | null} */
  #guessedAt = null;
  #guessedTo = 0;
  #hasError = false;

  /** Whether the last `draw` found it in the picture. */
  isVisible = false;
  /** Tick at which the entity went. */
  endTick = Infinity;

  /**
   * @param {import("./replica.js").Row} row
   * @param {number} startTick at which it appears
   */
  constructor(row, startTick) {
    this.typeName = row.type.name;
    this.startTick = startTick;
    this.#continuous = row.type.fields.filter((field) => field.continuous);
    this.#others = row.type.fields.filter((field) => !field.continuous);
    this.#numbers = new Float64Array(RING * this.#continuous.length);
    this.#values = new Array(RING * this.#others.length);
    this.#error = new Float64Array(this.#continuous.length);
    /** What is drawn: one object for as long as the entity lives. @type {any} */
    this.shown = { ...row.state };
  }

  /**
   * @param {number} tick of the state
   * @param {number} previousTick of the state before it
   * @param {import("./replica.js").State} state
   */
  record(tick, previousTick, state) {
    const last = this.#ticks[(this.#count - 1) & (RING - 1)];
    if (this.#count > 0 && last < previousTick) this.#repeat(previousTick);
    if (this.#count === 0 || last < tick) this.#count++;
    this.#write(tick, state);
  }

  /** @param {number} tick */
  #repeat(tick) {
    const from = (this.#count - 1) & (RING - 1);
    const to = this.#count++ & (RING - 1);
    this.#ticks[to] = tick;
    const numbers = this.#continuous.length;
    const values = this.#others.length;
    this.#numbers.copyWithin(to * numbers, from * numbers, (from + 1) * numbers);
    for (let i = 0; i < values; i++) this.#values[to * values + i] = this.#values[from * values + i];
  }

  /** Into the newest place. @param {number} tick @param {import("./replica.js").State} state */
  #write(tick, state) {
    const place = (this.#count - 1) & (RING - 1);
    this.#ticks[place] = tick;
    let at = place * this.#continuous.length;
    for (const field of this.#continuous) this.#numbers[at++] = state[field.name];
    at = place * this.#others.length;
    for (const field of this.#others) this.#values[at++] = state[field.name];
  }

  /**
   * Bring `shown` to a tick.
   *
   * @param {number} tick with its fraction
   * @param {number} newestTick of the newest state: beyond it, only what moved in it moves on
   * @param {number} fade what is left of an error since the last picture
   * @returns {boolean} whether the entity is there at that tick
   */
  draw(tick, newestTick, fade) {
    const wasVisible = this.isVisible;
    this.isVisible = tick >= this.startTick && tick < this.endTick;
    if (!this.isVisible) return false;
    if (this.#guessedAt !== null && wasVisible && newestTick > this.#guessedTo) this.#compare(newestTick);
    this.#pose(tick, newestTick);
    this.#guessedAt = tick > newestTick ? tick : null;
    this.#guessedTo = newestTick;
    this.#smooth(fade);
    return true;
  }

  /** Note by how much the last picture, which was a guess, differs from what is known of its tick now. @param {number} newestTick */
  #compare(newestTick) {
    const guessed = this.#continuous.map(({ name }) => this.shown[name]);
    this.#pose(/** @type {number} */ (this.#guessedAt), newestTick);
    this.#continuous.forEach((field, i) => (this.#error[i] = difference(field, this.shown[field.name], guessed[i])));
    this.#hasError = true;
  }

  /** @param {number} fade */
  #smooth(fade) {
    if (!this.#hasError) return;
    this.#hasError = false;
    this.#continuous.forEach(({ name, step, turn }, i) => {
      this.#error[i] *= fade;
      if (Math.abs(this.#error[i]) > step) this.#hasError = true;
      else this.#error[i] = 0;
      const value = this.shown[name] + this.#error[i];
      this.shown[name] = turn ? wrap(value) : value;
    });
  }

  /** Set `shown` to what the samples say of a tick. @param {number} tick @param {number} newestTick */
  #pose(tick, newestTick) {
    const oldest = Math.max(0, this.#count - RING);
    let at = this.#count - 1;
    while (at > oldest && this.#ticks[at & (RING - 1)] > tick) at--;
    const isLast = at === this.#count - 1;
    const goesOn = isLast && at > oldest && this.#ticks[at & (RING - 1)] === newestTick;
    if (goesOn) this.#blend(at - 1, at, tick);
    else this.#blend(at, isLast ? at : at + 1, tick);
    const values = this.#others.length;
    for (let i = 0; i < values; i++) this.shown[this.#others[i].name] = this.#values[(at & (RING - 1)) * values + i];
  }

  /** @param {number} from @param {number} to samples, counted from the first @param {number} tick */
  #blend(from, to, tick) {
    const a = from & (RING - 1);
    const b = to & (RING - 1);
    const span = this.#ticks[b] - this.#ticks[a];
    const fraction = span > 0 ? Math.max(0, (tick - this.#ticks[a]) / span) : 0;
    const count = this.#continuous.length;
    for (let i = 0; i < count; i++) {
      const field = this.#continuous[i];
      const was = this.#numbers[a * count + i];
      this.shown[field.name] = fraction === 0 ? was : between(field, was, this.#numbers[b * count + i], fraction);
    }
  }
}
