/**
 * Counts things, and tells how many came in the last full second. It knows names and numbers only.
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
