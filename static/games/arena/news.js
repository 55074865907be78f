// @ts-check
/** Events that wait until the picture shows their tick: so a kill is told when it is seen. Knows no page and no network. */

/** @typedef {import("../../client/protocol.js").GameEvent} GameEvent */

/** A page that nobody looks at draws no picture: what happened longest ago is no news any more. */
const WAITING_MAX = 100;

export class News {
  /** @type {GameEvent[]} */
  #waiting = [];

  /** @param {GameEvent} event */
  add(event) {
    this.#waiting.push(event);
    if (this.#waiting.length > WAITING_MAX) this.#waiting.shift();
  }

  /** Return what the picture of this tick shows, and keep it no longer. @param {number} tick */
  due(tick) {
    const due = this.#waiting.filter((event) => event.tick <= tick);
    if (due.length > 0) this.#waiting = this.#waiting.filter((event) => event.tick > tick);
    return due;
  }

  /** Forget all, as when another room begins. */
  clear() {
    this.#waiting = [];
  }
}
