/**
 * What the own entity makes, such as a bullet, seen from the moment of the input on: a ghost stands in until the server's own comes.
 *
 * It knows inputs by number, what the game says that a step makes, and nothing of how it flies or looks. The server's entity says
 * which input made it, so the two are matched without a guess; the ghost leaves in the very picture in which the entity appears.
 * One of an input that the server consumed and made nothing of fades. A page gives it to GameClient: `predict: { spawn: new Ghosts({...}) }`.
 */

/**
 * @typedef {object} SpawnPrediction
 * @property {string} type name of the entity type that is made
 * @property {(state: any, input: any, result: any) => any} make the fields of what a step made, or null; called once for each new
 *   step, with the predicted state after it and what the rule returned
 * @property {(entity: any) => number} seq number of the input that made an own entity; its low 16 bits are enough
 *
 * @typedef {object} Ghost
 * @property {number} seq of the input
 * @property {any} fields as the game made them
 * @property {number} age steps since it was made, with the fraction
 * @property {number} opacity 1; falls to 0 when it was in vain
 */

const SEQ_BITS = 0xffff;
const FADE_MS = 100;

export class Ghosts {
  #prediction;
  #acked = 0;
  #shownAtMs = 0;
  /** Ghosts that an entity has come for, by its id. @type {Map<number, Ghost>} */
  #matched = new Map();
  /** All that are to be drawn. @type {Ghost[]} */
  shown = [];

  /** @param {SpawnPrediction} prediction */
  constructor(prediction) {
    this.#prediction = prediction;
  }

  /** Forget all, as when another room begins. */
  clear() {
    this.#matched.clear();
    this.shown = [];
  }

  /** @param {number} id @returns {Ghost | null} that an entity took the place of */
  of(id) {
    return this.#matched.get(id) ?? null;
  }

  /** A new step was predicted. @param {number} seq @param {any} state @param {any} input @param {any} result */
  step(seq, state, input, result) {
    const fields = this.#prediction.make(state, input, result);
    if (fields) this.shown.push({ seq, fields, age: 0, opacity: 1 });
  }

  /**
   * Take in a state.
   *
   * @param {import("./replica.js").Row[]} spawned
   * @param {ReadonlySet<number>} own
   * @param {number} ack newest input_seq that it has seen
   */
  match(spawned, own, ack) {
    this.#acked = ack;
    for (const { id, type, state } of spawned) {
      if (type.name !== this.#prediction.type || !own.has(id)) continue;
      const seq = this.#prediction.seq(state);
      const ghost = this.shown.find((each) => ((each.seq ^ seq) & SEQ_BITS) === 0 && each.opacity === 1);
      if (ghost) this.#matched.set(id, ghost);
    }
  }

  /**
   * Move on with the picture.
   *
   * @param {number} step the own entity's that is drawn, with its fraction
   * @param {number} nowMs
   * @param {import("./interpolator.js").Interpolator} picture
   */
  advance(step, nowMs, picture) {
    const fade = Math.max(0, nowMs - this.#shownAtMs) / FADE_MS;
    this.#shownAtMs = nowMs;
    const gone = new Set();
    const waiting = new Set();
    for (const [id, ghost] of this.#matched) {
      const isThere = picture.get(id) !== null;
      (isThere || !picture.knows(id) ? gone : waiting).add(ghost);
      if (!isThere && gone.has(ghost)) this.#matched.delete(id);
    }
    for (const ghost of new Set([...this.shown, ...this.#matched.values()])) {
      ghost.age = Math.max(0, step - ghost.seq);
      if (ghost.seq <= this.#acked && !waiting.has(ghost)) ghost.opacity -= fade;
    }
    this.shown = this.shown.filter((ghost) => ghost.opacity > 0 && !gone.has(ghost));
  }
}
