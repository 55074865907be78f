/**
 * Network conditions: one seeded model of a line that is worse than the real one, to try a game under.
 *
 *     parseConditions("delay:100,jitter:30,stall:300/10000")
 *         -> new Link(conditions, startMs, seed)    one connection: when it is cut, and its two lines
 *             -> link.up, link.down                  a Line each: what was sent, and when it arrives
 *
 * TCP loses nothing, so there is no packet loss: a loss shows as jitter or as a stall. What is sent first arrives first.
 * Each message is sent at the pace of the line, takes `delay`, and up to `jitter` more; where that ends within a stall, it
 * arrives at the stall's end. Stalls strike both ways at once; they and cuts come at a steady pace, from a moment of the
 * seed's. A cut loses what is under way, and for `drop` ms no connection can be made.
 *
 * The grammar, in an address (`?net=`) as on a command line (`--net`), is `name:value` joined by commas:
 *
 *     delay:MS  jitter:MS  stall:MS/EVERY_MS  rate:BYTES_A_SECOND  drop:MS/EVERY_MS  seed:NUMBER
 *
 * The first four are each way; `up.delay:40` or `down.rate:20000` is for one way only. The later of two wins.
 *
 * The twin of game_server/core/conditions.py, bound to it by tests/vectors/conditions.json. Knows no sockets, timers or clock: the
 * present is given in ms, and must not go back.
 */

/**
 * @typedef {{ delayMs: number, jitterMs: number, stallMs: number, stallEveryMs: number, bytesPerS: number }} Way
 * @typedef {{ up: Way, down: Way, dropMs: number, dropEveryMs: number, seed: number }} Conditions
 */

const MS_MAX = 60_000;
const EVERY_MS_MAX = 3_600_000;
const RATE_MIN = 100;
const RATE_MAX = 1_000_000_000;
const SEED_MAX = 2 ** 32 - 1;
const GRAMMAR = "delay:MS, jitter:MS, stall:MS/EVERY_MS, rate:BYTES_A_SECOND, drop:MS/EVERY_MS, seed:NUMBER";

/** @returns {Way} */
const still = () => ({ delayMs: 0, jitterMs: 0, stallMs: 0, stallEveryMs: 0, bytesPerS: 0 });

/**
 * Read a text of the grammar; "" and "none" mean a line that does nothing.
 *
 * @param {string} text
 * @returns {Conditions}
 * @throws {RangeError} saying what is wrong and what would be right
 */
export function parseConditions(text) {
  const conditions = { up: still(), down: still(), dropMs: 0, dropEveryMs: 0, seed: 0 };
  if (text.trim() === "" || text.trim() === "none") return conditions;
  for (const part of text.split(",")) take(conditions, part.trim());
  return conditions;
}

/** @param {Conditions} conditions @param {string} part */
function take(conditions, part) {
  const [, name, value = ""] = /** @type {string[]} */ (/^([^:]*):?(.*)$/s.exec(part));
  const [, way, what] = /** @type {string[]} */ (/^(?:(.*)\.)?(.*)$/s.exec(name));
  const change = way === undefined || way === "up" || way === "down" ? wayPart(what, part, value) : null;
  if (change) {
    if (way !== "down") Object.assign(conditions.up, change);
    if (way !== "up") Object.assign(conditions.down, change);
  } else if (name === "drop") {
    [conditions.dropMs, conditions.dropEveryMs] = every(part, value);
  } else if (name === "seed") {
    conditions.seed = number(part, value, 0, SEED_MAX, true);
  } else {
    throw new RangeError(`'${part}' is no network condition; there are ${GRAMMAR}, up. or down. before the first four`);
  }
}

/** @param {string} part @param {string} text @param {number} low @param {number} high @param {boolean} [isWhole] */
function number(part, text, low, high, isWhole = false) {
  const value = /^(\d+\.?\d*|\.\d+)$/.test(text) ? Number(text) : NaN;
  if (!(value >= low && value <= high) || (isWhole && text.includes("."))) {
    throw new RangeError(`'${part}' needs a ${isWhole ? "whole " : ""}number from ${low} to ${high}, not '${text}'`);
  }
  return value;
}

/** @param {string} part @param {string} text @returns {[number, number]} */
function every(part, text) {
  const [lasting, pause = ""] = text.split(/\/(.*)/s);
  const everyMs = number(part, pause, 1, EVERY_MS_MAX);
  const lastingMs = number(part, lasting, 0, MS_MAX);
  if (lastingMs >= everyMs) {
    throw new RangeError(`'${part}' lasts as long as from one to the next: say for how many ms, /, and every how many`);
  }
  return [lastingMs, everyMs];
}

/** @param {string} what @param {string} part @param {string} value @returns {Partial<Way> | null} null: not of one way */
function wayPart(what, part, value) {
  switch (what) {
    case "delay":
      return { delayMs: number(part, value, 0, MS_MAX) };
    case "jitter":
      return { jitterMs: number(part, value, 0, MS_MAX) };
    case "stall": {
      const [stallMs, stallEveryMs] = every(part, value);
      return { stallMs, stallEveryMs };
    }
    case "rate":
      return { bytesPerS: number(part, value, RATE_MIN, RATE_MAX) };
    default:
      return null;
  }
}

/** mulberry32: the same numbers from the same seed in every language with 32-bit integers. */
export class Dice {
  #state;

  /** @param {number} seed */
  constructor(seed) {
    this.#state = seed | 0;
  }

  /** A whole number from 0 to 2^32 - 1. */
  uint32() {
    this.#state = (this.#state + 0x6d2b79f5) | 0;
    let mixed = this.#state;
    mixed = Math.imul(mixed ^ (mixed >>> 15), mixed | 1);
    mixed ^= (mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)) | 0;
    return (mixed ^ (mixed >>> 14)) >>> 0;
  }

  /** A number from 0 to under 1. */
  share() {
    return this.uint32() / 4294967296;
  }
}

/**
 * One direction: a queue whose items come out when they arrive.
 * @template Item
 */
export class Line {
  #firstStallMs;
  #dice;
  /** @type {{ atMs: number, item: Item }[]} */
  #queue = [];
  #lastMs = -Infinity;
  #freeMs = -Infinity;

  /** @param {Way} way @param {number} firstStallMs @param {number} seed */
  constructor(way, firstStallMs, seed) {
    this.way = way;
    this.#firstStallMs = firstStallMs;
    this.#dice = new Dice(seed);
  }

  /**
   * Send an item.
   *
   * @param {number} nowMs
   * @param {Item} item
   * @param {number} sizeBytes
   * @returns {number} when it will arrive
   */
  put(nowMs, item, sizeBytes) {
    const { way } = this;
    let sentMs = nowMs;
    if (way.bytesPerS) sentMs = this.#freeMs = Math.max(this.#freeMs, nowMs) + (sizeBytes * 1000) / way.bytesPerS;
    const arrivesMs = sentMs + way.delayMs + way.jitterMs * this.#dice.share();
    this.#lastMs = Math.max(this.#lastMs, this.#afterStall(arrivesMs));
    this.#queue.push({ atMs: this.#lastMs, item });
    return this.#lastMs;
  }

  /** @param {number} atMs */
  #afterStall(atMs) {
    const { stallMs, stallEveryMs } = this.way;
    if (!stallEveryMs || atMs < this.#firstStallMs) return atMs;
    const stalls = Math.floor((atMs - this.#firstStallMs) / stallEveryMs);
    return Math.max(atMs, this.#firstStallMs + stalls * stallEveryMs + stallMs);
  }

  /** When the next item arrives; infinite when none is under way. */
  get nextMs() {
    return this.#queue.length ? this.#queue[0].atMs : Infinity;
  }

  /** @param {number} nowMs @returns {Item[]} what has arrived, in order */
  take(nowMs) {
    const arrived = [];
    while (this.#queue.length && this.#queue[0].atMs <= nowMs) arrived.push(/** @type {any} */ (this.#queue.shift()).item);
    return arrived;
  }

  /** @param {number} nowMs @returns {number} how many bytes wait for a line of limited rate */
  unsentBytes(nowMs) {
    return this.way.bytesPerS ? (Math.max(0, this.#freeMs - nowMs) * this.way.bytesPerS) / 1000 : 0;
  }

  /** Lose what is under way. */
  clear() {
    this.#queue.length = 0;
  }
}

/**
 * One connection's two lines, and when it is cut.
 * @template Item
 */
export class Link {
  #firstCutMs;

  /**
   * @param {Conditions} conditions
   * @param {number} startMs the present
   * @param {number} [seed] of this link; the conditions' own is mixed in
   */
  constructor(conditions, startMs, seed = 0) {
    this.conditions = conditions;
    const dice = new Dice(conditions.seed ^ new Dice(seed).uint32());
    const stallShare = dice.share();
    this.#firstCutMs = startMs + dice.share() * conditions.dropEveryMs;
    /** @param {Way} way @returns {Line<Item>} */
    const line = (way) => new Line(way, startMs + stallShare * way.stallEveryMs, dice.uint32());
    this.up = line(conditions.up);
    this.down = line(conditions.down);
  }

  /** @param {number} nowMs @returns {number} when the connection is cut next, after the present; infinite when never */
  nextCutMs(nowMs) {
    const everyMs = this.conditions.dropEveryMs;
    if (!everyMs) return Infinity;
    if (nowMs < this.#firstCutMs) return this.#firstCutMs;
    return this.#firstCutMs + (Math.floor((nowMs - this.#firstCutMs) / everyMs) + 1) * everyMs;
  }

  /** @param {number} nowMs @returns {boolean} whether a cut is so recent that no connection can be made */
  isOut(nowMs) {
    const lastCutMs = this.nextCutMs(nowMs) - this.conditions.dropEveryMs;
    return this.#firstCutMs <= lastCutMs && lastCutMs <= nowMs && nowMs < lastCutMs + this.conditions.dropMs;
  }
}
