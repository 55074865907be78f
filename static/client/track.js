/**
 * One entity's recent past, and its state at any moment of it.
 *
 * It knows the entity's fields and ticks, and nothing of delays or arrivals. Samples lie in one ring. A state that does not name the entity says that it
 * stood still: the sample before a change is then repeated at the state before it. Beyond the newest state motion is a guess; where
 * it was wrong, the picture keeps the difference and lets it fade.
 */

import { between, difference, wrap } from "./blend.js";

/** Over half a second of states at 60 Hz. A power of two. */
const RING = 32;

export class Track {
  #fields;
  #ticks = new Float64Array(RING);
  /** Of each sample the values of all fields, one behind the other. @type {any[]} */
  #values;
  /** Running count of samples; the ring keeps the last ones. */
  #count = 0;

  /** By how much the picture is off the samples, by field; null: not at all. @type {number[] | null} */
  #errors = null;
  /** Where the last picture was a guess, and beyond which state. @type {{ tick: number, newestTick: number } | null} */
  #guess = null;

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
    this.#fields = row.type.fields;
    this.#values = new Array(RING * this.#fields.length);
    /** What is drawn: one object for as long as the entity lives. @type {any} */
    this.shown = { ...row.state };
  }

  /**
   * @param {number} tick of the state
   * @param {number} previousTick of the state before it
   * @param {import("./replica.js").State} state
   */
  record(tick, previousTick, state) {
    const width = this.#fields.length;
    const last = (this.#count - 1) & (RING - 1);
    if (this.#count > 0 && this.#ticks[last] < previousTick) {
      const next = this.#add(previousTick);
      this.#values.copyWithin(next * width, last * width, (last + 1) * width);
    } else if (this.#count > 0 && this.#ticks[last] === tick) {
      this.#count--;
    }
    let at = this.#add(tick) * width;
    for (const { name } of this.#fields) this.#values[at++] = state[name];
  }

  /** Begin a sample. @param {number} tick @returns {number} its place in the ring */
  #add(tick) {
    const place = this.#count++ & (RING - 1);
    this.#ticks[place] = tick;
    return place;
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
    if (this.isVisible && this.#guess && newestTick > this.#guess.newestTick) this.#compare(this.#guess.tick, newestTick);
    this.isVisible = tick >= this.startTick && tick < this.endTick;
    if (!this.isVisible) return false;
    this.#pose(tick, newestTick);
    this.#guess = tick > newestTick ? { tick, newestTick } : null;
    if (this.#errors) this.#smooth(this.#errors, fade);
    return true;
  }

  /** Note by how much the last picture, which was a guess, differs from what is known of its tick now. @param {number} tick @param {number} newestTick */
  #compare(tick, newestTick) {
    const guessed = { ...this.shown };
    this.#pose(tick, newestTick);
    this.#errors = this.#fields.map((field) => (field.continuous ? difference(field, this.shown[field.name], guessed[field.name]) : 0));
  }

  /** @param {number[]} errors @param {number} fade */
  #smooth(errors, fade) {
    const { shown } = this;
    let isOver = true;
    this.#fields.forEach(({ name, step, turn }, i) => {
      if (!(errors[i] *= fade)) return;
      if (Math.abs(errors[i]) > step) isOver = false;
      shown[name] += errors[i];
      if (turn) shown[name] = wrap(shown[name]);
    });
    if (isOver) this.#errors = null;
  }

  /** Set `shown` to what the samples say of a tick. @param {number} tick @param {number} newestTick */
  #pose(tick, newestTick) {
    const ticks = this.#ticks;
    const newest = this.#count - 1;
    const oldest = Math.max(0, this.#count - RING);
    let at = newest;
    while (at > oldest && ticks[at & (RING - 1)] > tick) at--;
    const now = at & (RING - 1);
    const goesOn = at === newest && at > oldest && ticks[now] === newestTick;
    const from = goesOn ? (at - 1) & (RING - 1) : now;
    const to = goesOn || at === newest ? now : (at + 1) & (RING - 1);
    const fraction = from === to ? 0 : Math.max(0, (tick - ticks[from]) / (ticks[to] - ticks[from]));
    const width = this.#fields.length;
    for (let i = 0; i < width; i++) {
      const field = this.#fields[i];
      const value = this.#values[now * width + i];
      this.shown[field.name] =
        field.continuous && fraction > 0 ? between(field, this.#values[from * width + i], this.#values[to * width + i], fraction) : value;
    }
  }
}
