/**
 * The numbers behind a HUD: what came in the last full second, and how session and line are doing.
 *
 * It counts and collects, and decides nothing. Bytes are those of payloads; text counts its characters.
 */

const WINDOW_S = 1;

const ZERO = { bytesInPerSecond: 0, bytesOutPerSecond: 0, statesPerSecond: 0, framesPerSecond: 0 };

/** @typedef {keyof typeof ZERO} RateName */

export class Rates {
  #counts = { ...ZERO };
  perSecond = { ...ZERO };
  #sinceMs = 0;

  /** @param {RateName} name @param {number} [amount] */
  add(name, amount = 1) {
    this.#counts[name] += amount;
  }

  /** @param {number} nowMs */
  poll(nowMs) {
    const seconds = (nowMs - this.#sinceMs) / 1000;
    if (seconds < WINDOW_S) return;
    this.#sinceMs = nowMs;
    for (const name of /** @type {RateName[]} */ (Object.keys(ZERO))) this.perSecond[name] = this.#counts[name] / seconds;
    this.#counts = { ...ZERO };
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
 * @param {Rates} rates
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
