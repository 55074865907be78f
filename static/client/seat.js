/**
 * Which seat this client asks for, and how it asks again: the first message of each connection.
 *
 * It knows join and resume, and a storage like sessionStorage (or none) where the token outlives a page reload. It knows no
 * socket and no state of the world. A stored token counts only for the same wish, or for one that names the room that was
 * joined, as an address does that a page has made sharable. Another room, or other options, join anew.
 */

import { VERSION } from "./protocol.js";

/**
 * @typedef {object} Wish
 * @property {string} game
 * @property {string} [name]
 * @property {string} [room]
 * @property {string} [code]
 * @property {boolean} [create]
 * @property {boolean} [private]
 * @property {boolean} [spectate]
 * @property {string} [ticket]
 * @property {Record<string, unknown>} [options]
 * @property {string} [schemaHash]
 *
 * @typedef {{ getItem(key: string): string | null, setItem(key: string, value: string): void, removeItem(key: string): void }} Storage
 */

export class Seat {
  #wish;
  /** Null throws where it is used, which says the same as one that is forbidden. @type {any} */
  #storage;
  #key;
  #fingerprint;
  /** Wishes that the seat fulfils. @type {string[]} */
  #fulfilled = [];
  /** @type {string | null} */
  #token = null;
  #schemaHash;
  /** Where to go when the seat is gone, for a wish that was not simply any room. @type {{ room?: string, code?: string } | null} */
  #place = null;

  /** What the server that is to be asked next has been told of this wish. @type {string | undefined} */
  #placement;

  /** Number of the newest event seen. */
  event = 0;

  /** @param {Wish} wish @param {Storage | null} storage */
  constructor(wish, storage) {
    this.#wish = wish;
    this.#storage = wish.spectate || wish.ticket ? null : storage; // a spectator has no seat to find again
    this.#schemaHash = wish.schemaHash;
    this.#key = `seat:${wish.game}`;
    this.#fingerprint = fingerprint(wish);
    this.#load();
  }

  #load() {
    try {
      const kept = JSON.parse(this.#storage.getItem(this.#key));
      if (!kept.wishes.includes(this.#fingerprint) || typeof kept.token !== "string") return;
      this.#token = kept.token;
      this.event = Number(kept.event) || 0;
    } catch {
      // a storage that is forbidden or holds nonsense is as good as none
    }
  }

  /** Write down what is known; after events, once a message is enough. */
  keep() {
    try {
      if (this.#token === null) this.#storage.removeItem(this.#key);
      else this.#storage.setItem(this.#key, JSON.stringify({ wishes: this.#fulfilled, token: this.#token, event: this.event }));
    } catch {
      // full or forbidden: a reload will join anew
    }
  }

  /**
   * The message that opens a connection.
   *
   * @param {number | null} tick of the state that the client still holds
   */
  opening(tick) {
    const schema_hash = this.#schemaHash;
    if (this.#token !== null) {
      return { type: "resume", version: VERSION, token: this.#token, tick, event: this.event, schema_hash };
    }
    const { game, name, room, code, create, private: isPrivate, options, spectate, ticket } = this.#wish;
    const where = this.#place ?? { room, code, create, private: isPrivate, options };
    const placement = this.#placement;
    return { type: "join", version: VERSION, game, name, ...where, spectate, ticket, placement, schema_hash };
  }

  /** The seat is on another server. @param {string | null} [placement] what that one wants to be shown */
  moved(placement) {
    this.#placement = placement ?? undefined;
  }

  /** @param {import("./protocol.js").Welcome} welcome */
  taken(welcome) {
    this.#placement = undefined;
    this.#token = welcome.token;
    this.#schemaHash ??= welcome.schema_hash;
    this.event = welcome.resumed ? Math.max(this.event, welcome.event) : welcome.event;
    const { room, code, create, spectate } = this.#wish;
    this.#fulfilled = [fingerprint({ room: welcome.room })];
    if (!create) this.#fulfilled.push(this.#fingerprint); // who asks for a new room twice wants two
    if (welcome.code) this.#fulfilled.push(fingerprint({ code: welcome.code }));
    if (room || code || create || spectate) this.#place = welcome.code ? { code: welcome.code } : { room: welcome.room };
    this.keep();
  }

  /** @param {number} number of an event @returns {boolean} whether it is new */
  saw(number) {
    if (number <= this.event) return false;
    this.event = number;
    return true;
  }

  /** The seat is no more. */
  lost() {
    this.#token = null;
    this.keep();
  }
}

/** @param {Partial<Wish>} wish @returns {string} the same for wishes that mean the same place */
function fingerprint({ room, code, create, private: isPrivate, options }) {
  return JSON.stringify([room || null, code || null, !!create, !!isPrivate, options ?? null]);
}
