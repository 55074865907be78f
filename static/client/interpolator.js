/**
 * Draws the entities of others between two states that have both arrived.
 *
 * It knows entities and their fields, ticks, and when states arrive; it knows no socket and no canvas. The picture shows
 * a tick in the past: behind the server's clock by as much as states have lately been late, plus the time
 * between two states. That delay follows the measured lateness slowly, so time in the picture only runs a
 * little faster or slower. Continuous fields (fixed, float32, angle) are drawn between two states, all others jump at
 * the tick where they changed. An entity appears and goes at the tick when it did so on the server. Where the next state
 * is overdue, motion goes on for a short while and then stands still.
 */

import { Track } from "./track.js";

/**
 * @typedef {import("./replica.js").Changes} Changes
 * @typedef {import("./replica.js").State} State
 */

/** How many arrivals the delay is judged by: about two seconds. */
const ARRIVALS_MAX = 64;
/** The share of arrivals that the delay should cover. */
const ARRIVALS_COVERED = 0.95;
const MARGIN_TICKS = 0.25;
const DELAY_MAX_MS = 500;
const EXTRAPOLATION_MAX_MS = 100;

/** Ticks by which the delay may shrink and grow in each tick of real time. */
const DELAY_SHRINK = 0.05;
const DELAY_GROW = 0.25;

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
  #slides = 0;
  #targetTicks = 0;
  #delayTicks = 0;
  #wantedAt = 0;
  #newestTick = -1;

  /** The tick that the picture shows, with its fraction; never goes back. */
  tick = 0;

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

  /** How much more the later arrivals were late than the earliest. */
  get jitterMs() {
    const sorted = this.#sortedLateness();
    return sorted.length ? (covered(sorted) - sorted[0]) * this.#tickMs : 0;
  }

  /** All entities of a type in the picture, from the last `advance`. @param {string} typeName @returns {readonly State[]} */
  all(typeName) {
    const states = this.#shown.get(typeName);
    if (!states) throw new RangeError(`no entity type is named ${typeName}`);
    return states;
  }

  /** @param {number} id @returns {State | null} */
  get(id) {
    const track = this.#tracks.get(id);
    if (track?.isVisible) return track.shown;
    return this.#leaving.find((leaving) => leaving.shown.id === id && leaving.isVisible)?.shown ?? null;
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
    for (const row of changes.despawned) {
      const track = this.#tracks.get(row.id);
      if (!track) continue;
      this.#tracks.delete(row.id);
      track.endTick = tick;
      this.#leaving.push(track);
    }
    for (const row of changes.spawned) this.#tracks.set(row.id, new Track(row, isFirst ? -Infinity : tick));
    for (const row of changes.spawned) this.#tracks.get(row.id)?.record(tick, previousTick, row.state);
    for (const row of changes.updated) this.#tracks.get(row.id)?.record(tick, previousTick, row.state);
    this.#retire(tick - DELAY_MAX_MS / this.#tickMs); // a page that is not drawn must not gather the departed
  }

  /**
   * Note when a state arrived.
   *
   * @param {number} tick of the state
   * @param {number} serverTick the server's at the arrival, as the clock has it
   * @param {number} slides the clock's: lateness from before a slide means nothing after it
   */
  arrive(tick, serverTick, slides) {
    const isFresh = this.#lateness.length === 0 || slides !== this.#slides;
    if (isFresh) this.#lateness = [];
    this.#slides = slides;
    this.#lateness.push(serverTick - tick);
    if (this.#lateness.length > ARRIVALS_MAX) this.#lateness.shift();
    const wanted = covered(this.#sortedLateness()) + this.#sendEvery + MARGIN_TICKS;
    this.#targetTicks = Math.min(DELAY_MAX_MS / this.#tickMs, wanted);
    if (!isFresh) return;
    this.#delayTicks = this.#targetTicks;
    this.#wantedAt = serverTick;
  }

  #sortedLateness() {
    return [...this.#lateness].sort((a, b) => a - b);
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
    const furthest = this.#newestTick + EXTRAPOLATION_MAX_MS / this.#tickMs;
    this.tick = Math.max(this.tick, Math.min(furthest, serverTick - this.#delayTicks));
    this.#retire(this.tick);
    this.#draw(predicted);
  }

  /** @param {any} predicted */
  #draw(predicted) {
    for (const states of this.#shown.values()) states.length = 0;
    for (const track of this.#leaving) this.#show(track);
    for (const track of this.#tracks.values()) {
      if (predicted === null || track.shown.id !== predicted.id) this.#show(track);
      else this.#shown.get(track.typeName)?.push(predicted);
    }
  }

  /** @param {Track} track */
  #show(track) {
    if (!track.draw(this.tick, this.#newestTick)) return;
    /** @type {State[]} */ (this.#shown.get(track.typeName)).push(track.shown);
  }

  /** Let go of what was to leave the picture by `tick`. @param {number} tick */
  #retire(tick) {
    if (this.#leaving.length) this.#leaving = this.#leaving.filter((track) => track.endTick > tick);
  }

  /** Take an entity that has gone out of the picture at once. @param {number} id */
  forget(id) {
    this.#leaving = this.#leaving.filter((track) => track.shown.id !== id);
  }
}

/** @param {number[]} sorted not empty */
function covered(sorted) {
  return sorted[Math.ceil(sorted.length * ARRIVALS_COVERED) - 1];
}
