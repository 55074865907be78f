/**
 * The server's room time as this client knows it.
 *
 * It knows no socket and reads no clock: every method is given `nowMs`. Every exchange of messages bounds the offset from this
 * clock to the room's: what was sent at s and read by room time m says that the offset is at most m - s; what left at m
 * and came at r, that it is at least m - r. Waiting only makes a bound looser, so the tightest of the last fifteen seconds are
 * trusted, which are those of the shortest trips, and the offset is taken as half way between them. Pings are such
 * exchanges, with the server's own time stamp; so are the inputs, which a state acknowledges, and the states.
 *
 * The offset in use follows in one of three regimes. `reset`: it is set outright, at the first exchange and when one
 * contradicts all that was known, because this machine slept or the server dropped ticks and its room time slid back.
 * `fast`: far off, a tenth faster or slower than real time. `drift`: nearly right, by a hundredth. So but for a reset
 * room time never runs backwards.
 */

/** @typedef {"reset" | "fast" | "drift"} Regime */

const WINDOW_S = 15;
const FAST_ABOVE_MS = 4;
const SLEW_FAST = 0.1;
const SLEW_DRIFT = 0.01;

/** The share of a tick by which a ping may be late for one and still be worth it. */
const WORTHWHILE = 0.35;

/** A round trip cannot take less than nothing; by so much it may seem to, since clocks drift. */
const TOLERANCE_MS = 5;

/** The lowest value of each of the last seconds. */
class Lowest {
  /** @type {{ second: number, value: number }[]} */
  #seconds = [];

  /** @param {number} value @param {number} nowMs */
  add(value, nowMs) {
    const second = Math.floor(nowMs / 1000);
    const newest = this.#seconds[this.#seconds.length - 1];
    if (newest?.second === second) newest.value = Math.min(newest.value, value);
    else this.#seconds.push({ second, value });
    while (this.#seconds[0].second <= second - WINDOW_S) this.#seconds.shift();
  }

  /** The lowest; or the next to it, where one could be wrong. @param {number} rank */
  at(rank) {
    const values = this.#seconds.map(({ value }) => value).sort((a, b) => a - b);
    return values[values.length > 7 ? rank : 0] ?? 0;
  }
}

export class Clock {
  /** The offset is at most that. */
  #most = new Lowest();
  /** The offset is at least the negative of that. */
  #least = new Lowest();
  #targetMs = 0;
  #offsetMs = 0;
  #slewedAtMs = 0;

  /** Whether anything is known yet; false again over a new connection, where nothing known before need hold. */
  isSet = false;
  /** How the offset in use follows now. @type {Regime} */
  regime = "reset";
  /** How often it was set outright. */
  resets = 0;
  /** Shortest recent round trip, with the least that the server waited for its next tick. */
  rttMs = 0;

  /** @param {number} tickRate steps a second */
  constructor(tickRate) {
    this.tickMs = 1000 / tickRate;
  }

  /**
   * Take in an answered ping.
   *
   * @param {number} sentMs
   * @param {number} roomMs the answer's
   * @param {number} nowMs
   */
  exchange(sentMs, roomMs, nowMs) {
    if (!(nowMs >= sentMs)) return;
    const hasSlid = roomMs - sentMs + this.#least.at(0) < -TOLERANCE_MS;
    if (!this.isSet || hasSlid) this.#reset(nowMs);
    this.isSet = true;
    this.#most.add(roomMs - sentMs, nowMs);
    this.heard(roomMs, nowMs);
  }

  /**
   * Whether a ping that leaves now may say more than is known: the server reads at its ticks only, so the one that it could read just
   * before the best of its kind would have been.
   *
   * @param {number} nowMs
   */
  wants(nowMs) {
    return ((nowMs + this.#most.at(0)) / this.tickMs) % 1 < WORTHWHILE;
  }

  /** An input made at `sentMs` had been read at the tick of this room time. @param {number} sentMs @param {number} roomMs @param {number} nowMs */
  read(sentMs, roomMs, nowMs) {
    this.#most.add(roomMs - sentMs, nowMs);
  }

  /**
   * A state that left at this room time, or a little later, has come.
   *
   * @param {number} roomMs
   * @param {number} nowMs
   * @returns {boolean} whether this clock had stood still: nothing that it said is true any more
   */
  heard(roomMs, nowMs) {
    if (!this.isSet) return false;
    const hasStood = nowMs - roomMs + this.#most.at(0) < -TOLERANCE_MS;
    if (hasStood) {
      this.#reset(nowMs);
      this.#most.add(roomMs - nowMs + this.rttMs, nowMs);
    }
    this.#least.add(nowMs - roomMs, nowMs);
    this.#aim(nowMs);
    return hasStood;
  }

  /** @param {number} nowMs */
  #reset(nowMs) {
    this.#most = new Lowest();
    this.#least = new Lowest();
    this.#slewedAtMs = nowMs;
    this.regime = "reset";
    this.resets++;
  }

  /** @param {number} nowMs */
  #aim(nowMs) {
    const mostMs = this.#most.at(1);
    const leastMs = -this.#least.at(0);
    this.rttMs = Math.max(0, mostMs - leastMs);
    this.#targetMs = (mostMs + leastMs) / 2;
    if (this.regime === "reset") this.#offsetMs = this.#targetMs;
    this.#slew(nowMs);
  }

  /** @param {number} nowMs */
  #slew(nowMs) {
    const atMs = Math.max(nowMs, this.#slewedAtMs);
    const offMs = this.#targetMs - this.#offsetMs;
    this.regime = Math.abs(offMs) > FAST_ABOVE_MS ? "fast" : "drift";
    const limitMs = (atMs - this.#slewedAtMs) * (this.regime === "fast" ? SLEW_FAST : SLEW_DRIFT);
    this.#offsetMs += Math.min(limitMs, Math.max(-limitMs, offMs));
    this.#slewedAtMs = atMs;
  }

  /**
   * The room's time, never less than before but for a reset.
   *
   * @param {number} nowMs
   */
  roomMs(nowMs) {
    this.#slew(nowMs);
    return this.#slewedAtMs + this.#offsetMs;
  }

  /**
   * The server's tick now, with its fraction.
   *
   * @param {number} nowMs
   */
  tickAt(nowMs) {
    return this.roomMs(nowMs) / this.tickMs;
  }
}
