/**
 * Draws the entities of others between two states that have both arrived.
 *
 * It knows entities and their fields, ticks, and when states arrive; it knows no socket and no canvas. The picture shows
 * a tick in the past: behind the server's clock by as much as states have lately been late, plus the time
 * between two states. That delay follows the measured lateness slowly, so time in the picture only runs a
 * little faster or slower. Continuous fields (fixed, float32, angle) are drawn between two states, all others jump at
 * the tick where they changed. An entity appears and goes at the tick when it did so on the server. Where the next state
 * is overdue, motion goes on for a short while and then stands still; once it has come, the picture hurries after the
 * present, and what had gone the wrong way glides to where it should be.
 */

import { Track } from "./track.js";

/**
 * @typedef {import("./replica.js").Changes} Changes
 * @typedef {import("./replica.js").State} State
 */

/** How many arrivals the delay is judged by: a few seconds. */
const ARRIVALS_MAX = 128;
/** The share of arrivals that the delay should cover. */
const ARRIVALS_COVERED = 0.985;
/** States this close to the one before came out of the same stall: it is counted once, by the first. */
const BURST_MS = 3;
const MARGIN_TICKS = 0.25;
const DELAY_MAX_MS = 500;
const EXTRAPOLATION_MAX_MS = 100;

/** Ticks by which the delay may shrink and grow in each tick of real time. */
const DELAY_SHRINK = 0.05;
const DELAY_GROW = 0.25;
/** A picture that fell behind runs twice as fast, and faster the farther it is: what is left shrinks by half in a third of this. */
const CATCH_UP_MS = 250;
/** What was drawn beyond the newest state, and wrongly, is off by 5 % of it after 100 ms. */
const ERROR_FADE_MS = 100 / 3;

export class Interpolator {
  /** @type {Map<number, Track>} */
  #tracks = new Map();
  /** Entities that have gone, but not yet in the picture. @type {Track[]} */
  #leaving = [];
  /** @type {Map<string, State[]>} */
  #shown = new Map();
  /** In ticks, newest last. @type {number[]} */
  #lateness = [];
  #tickMs;
  #sendEvery;
  #resets = 0;
  #arrivedAt = -Infinity;
  #isBehind = true;
  /** In ticks. */
  #earliest = 0;
  #targetTicks = 0;
  #delayTicks = 0;
  #wantedAt = 0;
  #newestTick = -1;

  /** The tick that the picture shows, with its fraction; never goes back. */
  tick = 0;
  /** How much more the later arrivals were late than the earliest. */
  jitterMs = 0;
  /** Whether the picture would have needed a state that had not come. */
  isStarved = false;

  /**
   * @param {import("./schema.js").Schema} schema
   * @param {number} tickRate steps a second
   * @param {number} sendEvery ticks from one state to the next
   */
  constructor(schema, tickRate, sendEvery) {
    this.#tickMs = 1000 / tickRate;
    this.#sendEvery = sendEvery;
    for (const name of schema.byName.keys()) this.#shown.set(name, []);
  }

  get delayMs() {
    return this.#delayTicks * this.#tickMs;
  }

  /** Of the delay, what is not the way itself: how far the picture is behind the earliest arrivals. */
  get interpolationMs() {
    return this.delayMs - this.#earliest * this.#tickMs;
  }

  /** All entities of a type in the picture, from the last `advance`. @param {string} typeName @returns {readonly State[]} */
  all(typeName) {
    const states = this.#shown.get(typeName);
    if (!states) throw new RangeError(`no type ${typeName}`);
    return states;
  }

  /** @param {number} id @returns {State | null} */
  get(id) {
    return [this.#tracks.get(id), ...this.#leaving].find((track) => track?.isVisible && track.shown.id === id)?.shown ?? null;
  }

  /**
   * Take in what a state message changed.
   *
   * @param {number} tick of the state
   * @param {Changes} changes
   */
  record(tick, changes) {
    const previousTick = this.#newestTick;
    const isFirst = previousTick < 0;
    this.#newestTick = tick;
    for (const row of changes.despawn) {
      const track = this.#tracks.get(row.id);
      if (!track) continue;
      this.#tracks.delete(row.id);
      track.endTick = tick;
      this.#leaving.push(track);
    }
    for (const row of changes.spawn) this.#tracks.set(row.id, new Track(row, isFirst ? -Infinity : tick));
    for (const row of changes.spawn) this.#tracks.get(row.id)?.record(tick, previousTick, row.state);
    for (const row of changes.update) this.#tracks.get(row.id)?.record(tick, previousTick, row.state);
    this.#retire(tick - DELAY_MAX_MS / this.#tickMs); // a page that is not drawn must not gather the departed
  }

  /**
   * Note when a state arrived.
   *
   * @param {number} tick of the state
   * @param {number} serverTick the server's at the arrival, as the clock has it
   * @param {number} resets the clock's: lateness from before a reset means nothing after it
   */
  arrive(tick, serverTick, resets) {
    const isFresh = this.#lateness.length === 0 || resets !== this.#resets;
    if (isFresh) this.#lateness = [];
    const isBurst = !isFresh && serverTick - this.#arrivedAt < BURST_MS / this.#tickMs;
    this.#resets = resets;
    this.#arrivedAt = serverTick;
    if (isBurst) return;
    this.#lateness.push(serverTick - tick);
    if (this.#lateness.length > ARRIVALS_MAX) this.#lateness.shift();
    const sorted = [...this.#lateness].sort((a, b) => a - b);
    const late = sorted[Math.max(0, Math.floor(sorted.length * ARRIVALS_COVERED) - 1)]; // of a few, all but one: it may be a stall
    this.#earliest = sorted[0];
    this.jitterMs = (late - this.#earliest) * this.#tickMs;
    this.#targetTicks = Math.min(DELAY_MAX_MS / this.#tickMs, late + this.#sendEvery + MARGIN_TICKS);
    if (!isFresh) return;
    this.jump();
    this.#delayTicks = this.#targetTicks;
    this.#wantedAt = serverTick;
  }

  /**
   * Move the picture on.
   *
   * @param {number} serverTick the server's now, as the clock has it
   * @param {any} predicted state to draw in place of the own entity's; null for none
   */
  advance(serverTick, predicted) {
    const elapsed = Math.max(0, serverTick - this.#wantedAt);
    this.#wantedAt = serverTick;
    const change = this.#targetTicks - this.#delayTicks;
    this.#delayTicks += Math.min(elapsed * DELAY_GROW, Math.max(-elapsed * DELAY_SHRINK, change));
    const wanted = serverTick - this.#delayTicks;
    const furthest = Math.min(wanted, this.#newestTick + EXTRAPOLATION_MAX_MS / this.#tickMs);
    const pace = 2 + (Math.max(0, wanted - this.tick) * this.#tickMs) / CATCH_UP_MS;
    const before = this.tick;
    this.tick = Math.max(before, this.#isBehind ? furthest : Math.min(furthest, before + elapsed * pace));
    this.isStarved = wanted > this.#newestTick;
    if (!this.isStarved) this.#isBehind = false;
    this.#retire(this.tick);
    this.#draw(predicted, Math.exp((-elapsed * this.#tickMs) / ERROR_FADE_MS));
  }

  /** Go to the present at once with the next picture, however far it is: nobody saw the last one. */
  jump() {
    this.#isBehind = true;
  }

  /** @param {any} predicted @param {number} fade */
  #draw(predicted, fade) {
    for (const states of this.#shown.values()) states.length = 0;
    for (const track of this.#leaving) this.#show(track, fade);
    for (const track of this.#tracks.values()) {
      if (predicted === null || track.shown.id !== predicted.id) this.#show(track, fade);
      else this.#shown.get(track.typeName)?.push(predicted);
    }
  }

  /** @param {Track} track @param {number} fade */
  #show(track, fade) {
    if (!track.draw(this.tick, this.#newestTick, fade)) return;
    /** @type {State[]} */ (this.#shown.get(track.typeName)).push(track.shown);
  }

  /** Let go of what was to leave the picture by `tick`. @param {number} tick */
  #retire(tick) {
    this.#leaving = this.#leaving.filter((track) => track.endTick > tick);
  }

  /** Whether an entity is in the picture, will be, or is about to leave it. @param {number} id */
  knows(id) {
    return this.#tracks.has(id) || this.#leaving.some((track) => track.shown.id === id);
  }

  /** Take an entity that has gone out of the picture at once. @param {number} id */
  forget(id) {
    this.#leaving = this.#leaving.filter((track) => track.shown.id !== id);
  }
}
