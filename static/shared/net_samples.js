// @ts-check
/**
 * The last ten seconds of a connection in figures, one column for each 25 ms: what the net graph draws.
 *
 * It knows a GameClient's stats and events, and nothing of a page. Each column keeps the worst of its time, so that no
 * peak is lost between two pictures; noting a frame allocates nothing.
 */

export const COLUMNS = 400;
export const COLUMN_MS = 25;

/** @typedef {import("../client/client.js").GameClient} GameClient */
/** @typedef {ReturnType<typeof create>} Series */

const NAMES = /** @type {const} */ ([
  "rtt", "jitter", "late", "gap", "delay", "starved", "depth", "target", "missing", "correction", "bytesIn", "bytesOut", "frame",
]);

function create() {
  return /** @type {Record<typeof NAMES[number], Float32Array>} */ (
    Object.fromEntries(NAMES.map((name) => [name, new Float32Array(COLUMNS)]))
  );
}

export class NetSamples {
  series = create();
  /** Number of the newest column; it lies at this modulo COLUMNS. */
  newest = 0;
  #framedAtMs = -Infinity;
  #arrivedAtMs = -Infinity;
  #missing = 0;

  /** The place of the column of a moment; those between it and the newest before are empty. @param {number} nowMs */
  #at(nowMs) {
    const column = Math.floor(nowMs / COLUMN_MS);
    const skipped = Math.min(COLUMNS, column - this.newest);
    for (let i = 0; i < skipped; i++) {
      const place = (column - i) % COLUMNS;
      for (const name of NAMES) this.series[name][place] = 0;
    }
    this.newest = Math.max(this.newest, column);
    return this.newest % COLUMNS;
  }

  /** Keep the larger. @param {typeof NAMES[number]} name @param {number} place @param {number} value */
  #raise(name, place, value) {
    if (value > this.series[name][place]) this.series[name][place] = value;
  }

  /** A picture was drawn. @param {GameClient["stats"]} stats @param {number} nowMs */
  frame(stats, nowMs) {
    const place = this.#at(nowMs);
    const frameMs = nowMs - this.#framedAtMs;
    if (frameMs < 10_000) this.#raise("frame", place, frameMs);
    this.#framedAtMs = nowMs;
    this.#raise("rtt", place, stats.rttMs);
    this.#raise("jitter", place, stats.jitterMs);
    this.#raise("late", place, stats.serverLateMs);
    this.#raise("delay", place, stats.interpolationMs);
    this.#raise("starved", place, stats.isStarved ? 1 : 0);
    this.#raise("depth", place, stats.inputDepth);
    this.#raise("target", place, stats.inputDepthTarget);
    this.#raise("missing", place, stats.inputsMissing - this.#missing);
    this.#raise("bytesIn", place, stats.bytesInPerSecond);
    this.#raise("bytesOut", place, stats.bytesOutPerSecond);
    this.#missing = stats.inputsMissing;
  }

  /** A state has come. @param {number} nowMs */
  arrival(nowMs) {
    const gapMs = nowMs - this.#arrivedAtMs;
    if (gapMs < 10_000) this.#raise("gap", this.#at(nowMs), Math.max(gapMs, 0.1));
    this.#arrivedAtMs = nowMs;
  }

  /** The own entity was off. @param {number} size @param {number} nowMs */
  correction(size, nowMs) {
    this.#raise("correction", this.#at(nowMs), size);
  }

  /** Of the last ten seconds. @param {typeof NAMES[number]} name */
  largest(name) {
    return this.series[name].reduce((most, value) => Math.max(most, value), 0);
  }

  /** In how many columns there was any. @param {typeof NAMES[number]} name */
  count(name) {
    return this.series[name].reduce((count, value) => count + (value > 0 ? 1 : 0), 0);
  }

  /** @param {typeof NAMES[number]} name */
  sum(name) {
    return this.series[name].reduce((sum, value) => sum + value, 0);
  }
}
