/**
 * The numbers behind a HUD: what came in the last full second, and how session and line are doing.
 *
 * It counts and collects, and decides nothing. Bytes are those of payloads; text counts its characters.
 */

const WINDOW_MS = 1000;

/** @typedef {"bytesInPerSecond" | "bytesOutPerSecond" | "statesPerSecond" | "framesPerSecond"} RateName */

/** @template {string} Name */
export class Rates {
  /** @type {Record<Name, number>} */
  #counts;
  /** @type {Record<Name, number>} */
  perSecond;
  #sinceMs = 0;

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
    const elapsedMs = nowMs - this.#sinceMs;
    if (elapsedMs < WINDOW_MS) return;
    this.#sinceMs = nowMs;
    for (const name of /** @type {Name[]} */ (Object.keys(this.#counts))) {
      this.perSecond[name] = (this.#counts[name] * 1000) / elapsedMs;
      this.#counts[name] = 0;
    }
  }
}

/** What is so before the first welcome. */
const NOTHING = {
  clock: { rttMs: 0, regime: /** @type {import("./clock.js").Regime} */ ("reset"), resets: 0 },
  interpolator: { jitterMs: 0, delayMs: 0, interpolationMs: 0, isStarved: false },
  replica: { tick: 0, size: 0 },
  outbound: null,
  predictor: null,
  serverLateMs: 0,
};
const NO_INPUTS = { unacked: [], speed: 1, depth: 0, depthTarget: 0, missing: 0 };

/**
 * @param {import("./session.js").Session | null} session
 * @param {Rates<RateName>} rates
 * @param {number} resyncs
 * @param {boolean} isAsleep
 */
export function statsOf(session, { perSecond }, resyncs, isAsleep) {
  const { clock, interpolator, replica, outbound, predictor, serverLateMs } = session ?? NOTHING;
  const { unacked, speed, depth, depthTarget, missing } = outbound ?? NO_INPUTS;
  const { jitterMs, delayMs, interpolationMs, isStarved } = interpolator;
  return {
    rttMs: clock.rttMs,
    clockRegime: clock.regime,
    clockResets: clock.resets,
    serverLateMs,
    jitterMs,
    delayMs,
    interpolationMs,
    isStarved,
    tick: replica.tick ?? 0,
    entities: replica.size,
    ...perSecond,
    unackedInputs: unacked.length,
    inputSpeed: speed,
    inputDepth: depth,
    inputDepthTarget: depthTarget,
    inputsMissing: missing,
    corrections: predictor?.corrections ?? 0,
    resyncs,
    isAsleep,
  };
}
