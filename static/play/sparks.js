// @ts-check
/** What makes comings and goings seen: an entity grows in, and leaves a ring behind. Knows the picture, not the game. */

const GROW_MS = 220;
const RING_MS = 380;
const RING_REACH = 3.2;

/** More at once than this is a change of scene, not a happening. */
const RINGS_MAX = 40;

/** @typedef {{x: number, y: number, colour: string, radius: number, type: string, sinceMs: number, seen: boolean}} Spark */

export class Sparks {
  #still;
  /** Entities in the picture, by id. @type {Map<number, Spark>} */
  #there = new Map();
  /** @type {Spark[]} */
  #rings = [];
  /** Types that were drawn once: what they held then has not just appeared. @type {Set<string>} */
  #known = new Set();
  /** @type {Spark[]} */
  #fresh = [];

  /** @param {boolean} still */
  constructor(still) {
    this.#still = still;
  }

  clear() {
    this.#there.clear();
    this.#known.clear();
    this.#rings = [];
  }

  /**
   * Note that an entity is in the picture.
   *
   * @param {{id: number, x?: number, y?: number}} state
   * @param {string} colour
   * @param {number} radius in CSS pixels
   * @param {number} timeMs
   * @returns {number} its size, from 0 to 1
   */
  growth(state, colour, radius, timeMs) {
    let spark = this.#there.get(state.id);
    if (!spark) {
      spark = { x: 0, y: 0, colour, radius, type: "", sinceMs: timeMs, seen: true };
      this.#there.set(state.id, spark);
      this.#fresh.push(spark);
    }
    Object.assign(spark, { x: state.x, y: state.y, colour, radius, seen: true });
    const age = (timeMs - spark.sinceMs) / GROW_MS;
    if (this.#still || age >= 1) return 1;
    return 1 - (1 - Math.max(0, age)) ** 3;
  }

  /** All of a type are noted: the others of it have gone. @param {string} type @param {number} timeMs */
  end(type, timeMs) {
    for (const spark of this.#fresh) {
      spark.type = type;
      if (!this.#known.has(type)) spark.sinceMs = -Infinity;
    }
    this.#fresh = [];
    this.#known.add(type);
    for (const [id, spark] of this.#there) {
      if (spark.type !== type) continue;
      if (!spark.seen) {
        this.#there.delete(id);
        if (!this.#still && this.#rings.length < RINGS_MAX) this.#rings.push({ ...spark, sinceMs: timeMs });
      }
      spark.seen = false;
    }
  }

  /**
   * @param {CanvasRenderingContext2D} pen
   * @param {import("./frame.js").Frame} frame
   * @param {number} timeMs
   */
  draw(pen, frame, timeMs) {
    this.#rings = this.#rings.filter((ring) => timeMs - ring.sinceMs < RING_MS);
    for (const { x, y, colour, radius, sinceMs } of this.#rings) {
      const age = (timeMs - sinceMs) / RING_MS;
      pen.globalAlpha = 1 - age;
      pen.strokeStyle = colour;
      pen.lineWidth = 2;
      pen.beginPath();
      pen.arc(frame.left(x), frame.top(y), radius * (1 + (RING_REACH - 1) * age), 0, 2 * Math.PI);
      pen.stroke();
    }
    pen.globalAlpha = 1;
  }
}
