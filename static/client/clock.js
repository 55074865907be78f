/**
 * The server's room time as this client knows it, from pings.
 *
 * It knows no socket and reads no clock: every method is given `nowMs`. A ping that was sent at s and answered at
 * r with room time m says that m - (s + r) / 2 is the offset, give or take half the round trip. Only the quarter of the
 * recent samples with the shortest round trips is believed, since waiting lengthens a trip and skews it. The offset
 * in use follows slowly, so room time never runs backwards. A sample that no longer overlaps the best one says that the
 * server dropped ticks and its room time slid back: then everything older is forgotten, and `slides` goes up.
 */

const SAMPLES_MAX = 16;
const RTT_SAMPLES = 8;

/** At most this much faster or slower than real time while following a better estimate. */
const SLEW = 0.05;

/** Two clocks of ordinary drift stay within this over the window of samples. */
const SLIDE_TOLERANCE_MS = 5;

export class Clock {
  /** @type {{ offsetMs: number, rttMs: number }[]} */
  #samples = [];
  #targetMs = 0;
  #offsetMs = 0;
  #slewedAtMs = 0;

  /** How often room time was found to have slid. */
  slides = 0;

  /** @param {number} tickRate steps a second */
  constructor(tickRate) {
    this.tickMs = 1000 / tickRate;
  }

  get isSet() {
    return this.#samples.length > 0;
  }

  /** Shortest recent round trip: the server may answer only at its next tick, which is no part of the network. */
  get rttMs() {
    return this.isSet ? Math.min(...this.#samples.slice(-RTT_SAMPLES).map((sample) => sample.rttMs)) : 0;
  }

  /**
   * Take in an answered ping.
   *
   * @param {number} sentMs
   * @param {number} roomMs the answer's
   * @param {number} nowMs
   */
  sample(sentMs, roomMs, nowMs) {
    const rttMs = nowMs - sentMs;
    if (!(rttMs >= 0)) return;
    const sample = { offsetMs: roomMs - (sentMs + nowMs) / 2, rttMs };
    this.#slew(nowMs);
    const isFirst = !this.isSet;
    const best = this.#best(1)[0] ?? sample;
    const reachMs = (sample.rttMs + best.rttMs) / 2 + SLIDE_TOLERANCE_MS;
    const hasSlid = Math.abs(sample.offsetMs - best.offsetMs) > reachMs;
    if (hasSlid) {
      this.#samples = [];
      this.slides++;
    }
    this.#samples.push(sample);
    if (this.#samples.length > SAMPLES_MAX) this.#samples.shift();
    const trusted = this.#best(Math.ceil(this.#samples.length / 4));
    this.#targetMs = trusted.reduce((sum, { offsetMs }) => sum + offsetMs, 0) / trusted.length;
    if (isFirst || hasSlid) this.#offsetMs = this.#targetMs;
  }

  /** @param {number} count */
  #best(count) {
    return [...this.#samples].sort((a, b) => a.rttMs - b.rttMs).slice(0, count);
  }

  /** @param {number} nowMs */
  #slew(nowMs) {
    const elapsedMs = Math.max(0, nowMs - this.#slewedAtMs);
    const limitMs = elapsedMs * SLEW;
    this.#offsetMs += Math.min(limitMs, Math.max(-limitMs, this.#targetMs - this.#offsetMs));
    this.#slewedAtMs = Math.max(nowMs, this.#slewedAtMs);
  }

  /**
   * The room's time, never less than before but for a slide.
   *
   * @param {number} nowMs
   */
  roomMs(nowMs) {
    this.#slew(nowMs);
    return Math.max(nowMs, this.#slewedAtMs) + this.#offsetMs;
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
