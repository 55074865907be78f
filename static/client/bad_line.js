/**
 * A real WebSocket over a line that is made worse on purpose: what conditions.js says happens to each message, each way.
 *
 * Give its `WebSocket` to GameClient, and change the conditions while playing with `set`. It knows sockets, a clock and a timer (all
 * injected), and nothing of what the frames say. Where the conditions ask for nothing, nothing is delayed.
 */

import { Link, parseConditions } from "./conditions.js";

/**
 * @typedef {import("./conditions.js").Conditions} Conditions
 * @typedef {() => void} Arrival
 *
 * @typedef {object} Around
 * @property {any} [WebSocket] default: the global one
 * @property {() => number} [now] milliseconds that never go back; default: performance.now
 * @property {{ setTimeout(run: () => void, afterMs: number): any, clearTimeout(timer: any): void }} [timers] default: the global ones
 * @property {number} [seed] of the line; default 0
 */

const CONNECTION_LOST = 1006;
/** Frame and TCP head of a message, about. */
const OVERHEAD_BYTES = 46;
/** A browser says so late that there is nobody at an address. */
const REFUSED_AFTER_MS = 50;

export class BadLine {
  #now;
  #timers;
  #seed;
  /** @type {Link<Arrival>} */
  #link;
  /** @type {any} */
  #timer = null;
  /** @type {Set<BadSocket>} */
  #sockets = new Set();
  #cutAtMs = Infinity;
  /** For GameClient. @type {any} */
  WebSocket;

  /** @param {Conditions} [conditions] default: none @param {Around} [around] */
  constructor(conditions = parseConditions(""), around = {}) {
    this.#now = around.now ?? (() => performance.now());
    this.#timers = around.timers ?? globalThis;
    this.#seed = around.seed ?? 0;
    this.#link = this.#makeLink(conditions);
    const line = this;
    const Real = around.WebSocket ?? globalThis.WebSocket;
    this.WebSocket = class extends BadSocket {
      /** @param {string} url @param {string[]} protocols */
      constructor(url, protocols) {
        super(line, line.#link.isOut(line.#now()) ? null : new Real(url, protocols));
        line.#sockets.add(this);
      }
    };
  }

  get conditions() {
    return this.#link.conditions;
  }

  /** @param {Conditions} conditions */
  set(conditions) {
    const nowMs = this.#now();
    const { up, down } = this.#link;
    this.#link = this.#makeLink(conditions);
    // what is under way arrives before what is sent from now on
    for (const arrival of up.take(Infinity)) this.#link.up.put(nowMs, arrival, 0);
    for (const arrival of down.take(Infinity)) this.#link.down.put(nowMs, arrival, 0);
    this.#deliver();
  }

  /** @param {Conditions} conditions @returns {Link<Arrival>} */
  #makeLink(conditions) {
    const nowMs = this.#now();
    const link = new Link(conditions, nowMs, this.#seed);
    this.#cutAtMs = link.nextCutMs(nowMs);
    return link;
  }

  /** Send something one way. @param {"up" | "down"} way @param {Arrival} arrival @param {number} sizeBytes */
  put(way, arrival, sizeBytes) {
    this.#link[way].put(this.#now(), arrival, sizeBytes + OVERHEAD_BYTES);
    this.#deliver();
  }

  /** Run later, whatever the line is like. @param {Arrival} run */
  refuse(run) {
    this.#timers.setTimeout(run, REFUSED_AFTER_MS);
  }

  /** @param {BadSocket} socket */
  forget(socket) {
    this.#sockets.delete(socket);
  }

  /** Let arrive what is due, and come again when the next is. */
  #deliver() {
    const nowMs = this.#now();
    if (nowMs >= this.#cutAtMs) this.#cut(nowMs);
    const { up, down } = this.#link;
    for (const arrival of [...up.take(nowMs), ...down.take(nowMs)]) arrival();
    this.#timers.clearTimeout(this.#timer);
    const nextMs = Math.min(up.nextMs, down.nextMs, this.#sockets.size ? this.#cutAtMs : Infinity);
    if (nextMs < Infinity) this.#timer = this.#timers.setTimeout(() => this.#deliver(), Math.max(0, nextMs - nowMs));
  }

  /** @param {number} nowMs */
  #cut(nowMs) {
    this.#cutAtMs = this.#link.nextCutMs(nowMs);
    this.#link.up.clear();
    this.#link.down.clear();
    for (const socket of [...this.#sockets]) socket.cut();
  }
}

/** As much of a WebSocket as GameClient uses. */
class BadSocket {
  #line;
  #real;
  #isEnded = false;
  /** @type {((event: any) => void) | null} */
  onopen = null;
  /** @type {((event: any) => void) | null} */
  onmessage = null;
  /** @type {((event: any) => void) | null} */
  onclose = null;
  /** @type {((event: any) => void) | null} */
  onerror = null;
  protocol = "";

  /** @param {BadLine} line @param {any} real null: nobody can be reached now */
  constructor(line, real) {
    this.#line = line;
    this.#real = real;
    if (real) this.#follow(real);
    else line.refuse(() => this.#end({ code: CONNECTION_LOST, reason: "" }));
  }

  /** @param {any} real */
  #follow(real) {
    const line = this.#line;
    real.onopen = () => {
      this.protocol = real.protocol;
      // the opening handshake went there and back
      line.put("up", () => line.put("down", () => this.onopen?.({}), 0), 0);
    };
    real.onmessage = (/** @type {any} */ event) => {
      line.put("down", () => this.onmessage?.(event), event.data.length ?? event.data.byteLength);
    };
    real.onclose = (/** @type {any} */ event) => line.put("down", () => this.#end(event), 0);
    real.onerror = () => {}; // as in connection.js
  }

  /** @param {string} type of binary messages */
  set binaryType(type) {
    if (this.#real) this.#real.binaryType = type;
  }

  get binaryType() {
    return this.#real?.binaryType ?? "arraybuffer";
  }

  /** @param {any} data */
  send(data) {
    this.#line.put("up", () => this.#real.readyState === 1 && this.#real.send(data), data.length ?? data.byteLength);
  }

  /** @param {number} [code] @param {string} [reason] */
  close(code, reason) {
    this.#line.put("up", () => this.#real?.close(code, reason), 0);
  }

  /** The line is cut: both ends will find out. */
  cut() {
    const real = this.#real;
    if (real) {
      real.onopen = real.onmessage = real.onclose = null;
      real.close();
    }
    this.#end({ code: CONNECTION_LOST, reason: "" });
  }

  /** @param {{ code: number, reason: string }} event */
  #end(event) {
    if (this.#isEnded) return;
    this.#isEnded = true;
    this.#line.forget(this);
    this.onclose?.(event);
  }
}
