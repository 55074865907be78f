/**
 * The numbers behind a HUD: what came in the last full second, and how session and line are doing.
 *
 * It counts and collects, and decides nothing. Bytes are those of payloads; text counts its characters.
 */

const WINDOW_MS = 1000;

/** @template {string} Name */
export class Rates {
  /** @type {Record<Name, number>} */
  #counts;
  /** @type {Record<Name, number>} */
  perSecond;
  /** @type {number | null} */
  #sinceMs = null;

  /** @param {Name[]} names */
  constructor(names) {
    const zeros = () => /** @type {Record<Name, number>} */ (Object.fromEntries(names.map((name) => [name, 0])));
    this.#counts = zeros();
    this.perSecond = zeros();
  }

  /** @param {Name} name @param {number} [amount] */
  add(name, amount = 1) {
    this.#counts[name] += amount;
  }

  /** @param {number} nowMs */
  poll(nowMs) {
    this.#sinceMs ??= nowMs;
    const elapsedMs = nowMs - this.#sinceMs;
    if (elapsedMs < WINDOW_MS) return;
    this.#sinceMs = nowMs;
    for (const name of /** @type {Name[]} */ (Object.keys(this.#counts))) {
      this.perSecond[name] = (this.#counts[name] * 1000) / elapsedMs;
      this.#counts[name] = 0;
    }
  }
}

/**
 * @param {import("./session.js").Session | null} session
 * @param {Record<"bytesIn" | "bytesOut" | "states" | "frames", number>} perSecond
 * @param {number} resyncs
 */
export function statsOf(session, perSecond, resyncs) {
  return {
    rttMs: session?.clock.rttMs ?? 0,
    jitterMs: session?.interpolator.jitterMs ?? 0,
    delayMs: session?.interpolator.delayMs ?? 0,
    tick: session?.replica.tick ?? 0,
    entities: session?.replica.size ?? 0,
    framesPerSecond: perSecond.frames,
    statesPerSecond: perSecond.states,
    bytesInPerSecond: perSecond.bytesIn,
    bytesOutPerSecond: perSecond.bytesOut,
    unackedInputs: session?.outbound?.unacked.length ?? 0,
    inputSpeed: session?.outbound?.speed ?? 1,
    corrections: session?.predictor?.corrections ?? 0,
    resyncs,
  };
}
