/**
 * GameClient: the one object that a game's page or a bot talks to.
 *
 * It knows how a connection, a seat, a codec and a session fit together, and decides what is sent when. Time, sockets,
 * randomness and storage are injected, so that it runs in a browser, in Node and under a test's clock alike. A timer
 * keeps pings and reconnection going while the page is hidden; `frame` does the rest, once per animation frame.
 *
 * A page that is hidden, or whose frames stop because the machine sleeps, is asleep: the seat's last input wants nothing, and no
 * more are sent. With the next frame it is awake, and the picture is at the present at once.
 */

import { BinaryCodec } from "./codec.js";
import { Connection } from "./connection.js";
import { Emitter } from "./emitter.js";
import { ProtocolError, parseText } from "./protocol.js";
import { Seat } from "./seat.js";
import { Session } from "./session.js";
import { Rates, statsOf } from "./stats.js";

/**
 * @typedef {import("./client_types.js").Options} Options
 * @typedef {import("./client_types.js").Events} Events
 * @typedef {import("./protocol.js").Welcome} Welcome
 * @typedef {import("./protocol.js").GameEvent} GameEvent
 * @typedef {import("./session.js").View} View
 */

const POLL_EVERY_MS = 100;
/** At first often, so that the clock is right soon. */
const PING_FIRST_MS = 50;
const PING_GROWTH = 1.25;
const PING_EVERY_MS = 1000;
const RESYNC_EVERY_MS = 2000;
/** After so long without a frame inputs go out at the pace of arriving states. */
const HIDDEN_AFTER_MS = 250;
/** After so long the page sleeps, whether it says so or not. */
const SLEEP_AFTER_MS = 1000;

export class GameClient {
  #options;
  #now;
  #random;
  #timers;
  #emitter = /** @type {Emitter<Events>} */ (new Emitter());
  #rates = new Rates();
  #connection;
  #seat;
  /** @type {BinaryCodec | null} of the connection that is welcomed */
  #codec = null;
  /** @type {Session | null} */
  #session = null;
  /** False once a message could not be applied: the session is then no baseline any more. */
  #isSound = true;
  #openedAtMs = 0;
  #pingAtMs = 0;
  #pingEveryMs = PING_FIRST_MS;
  #isAsleep = false;
  #page;
  #framedAtMs = -Infinity;
  #resyncAtMs = -Infinity;
  #resyncs = 0;
  /** @type {any} */
  #timer = null;
  /** @type {Record<string, any>} */
  #held = {};

  /** @param {Options} options */
  constructor(options) {
    this.#options = options;
    this.#now = options.now ?? (() => performance.now());
    this.#random = options.random ?? Math.random;
    this.#timers = options.timers ?? globalThis;
    this.#page = options.page ?? /** @type {any} */ (globalThis).document ?? null;
    this.#seat = new Seat(options, options.storage ?? null);
    this.#connection = new Connection({
      url: options.url,
      subprotocol: (options.codec ?? BinaryCodec).subprotocol,
      WebSocket: options.WebSocket ?? globalThis.WebSocket,
      now: this.#now,
      random: this.#random,
      listener: {
        opened: (nowMs) => this.#open(nowMs),
        frame: (data, nowMs) => this.#receive(data, nowMs),
        closed: (action, code) => this.#closed(action, code),
        status: (detail) => this.#emitter.emit("status", detail),
      },
    });
  }

  /**
   * @template {keyof Events} Name
   * @param {Name} name
   * @param {(detail: Events[Name]) => void} handler
   * @returns {() => void} takes the handler off again
   */
  on(name, handler) {
    return this.#emitter.on(name, handler);
  }

  get status() {
    return this.#connection.status;
  }

  /** The newest welcome message. */
  get welcome() {
    return this.#session?.welcome ?? null;
  }

  /** Newest state of the world; null before the first welcome. */
  get replica() {
    return this.#session?.replica ?? null;
  }

  /** The picture, as of the last `frame`; null before the first welcome. */
  get view() {
    return this.#session?.view ?? null;
  }

  /** Ids of the own entities. @returns {ReadonlySet<number>} */
  get own() {
    return this.#session?.replica.own ?? new Set();
  }

  /** The room's time now, in ms since it began, as far as is known. @param {number} [nowMs] */
  roomMs(nowMs = this.#now()) {
    return this.#session?.clock.roomMs(nowMs) ?? 0;
  }

  /** Numbers for a HUD or a log. */
  get stats() {
    return statsOf(this.#session, this.#rates, this.#resyncs, this.#isAsleep);
  }

  /** Connect; while a reconnection waits for its turn, try it now. */
  connect() {
    this.#timer ??= this.#timers.setInterval(() => this.#poll(this.#now()), POLL_EVERY_MS);
    this.#page?.addEventListener("visibilitychange", this.#pageTurned); // a second time does nothing
    this.#connection.open();
  }

  /** Give the seat up and close for good. */
  leave() {
    this.#sendText({ type: "leave" });
    this.#seat.lost();
    this.#connection.close("leave");
    this.#stop();
  }

  /** Change what the player intends; what is not named stays as it was. @param {Record<string, any>} fields */
  setInput(fields) {
    Object.assign(this.#held, fields);
    this.#session?.outbound?.set(fields);
  }

  /** @param {string} text */
  chat(text) {
    this.#sendText({ type: "chat", text });
  }

  /** A one-off act that the game defines. @param {string} name @param {unknown} [data] */
  command(name, data = null) {
    this.#sendText({ type: "command", name, data });
  }

  /**
   * Do what is due, and bring the view up to date; to be called once per animation frame.
   *
   * @param {number} [nowMs] on the clock of `now`
   * @returns {View | null} null before the first welcome
   */
  frame(nowMs = this.#now()) {
    this.#notice(nowMs);
    this.#wake(nowMs);
    this.#ping(nowMs);
    this.#framedAtMs = nowMs;
    this.#rates.add("framesPerSecond");
    this.#stepInputs(nowMs);
    this.#session?.draw(nowMs);
    return this.view;
  }

  /** @param {number} nowMs */
  #poll(nowMs) {
    this.#rates.poll(nowMs);
    this.#connection.poll(nowMs);
    this.#ping(nowMs);
    this.#notice(nowMs);
    if (nowMs - this.#framedAtMs > HIDDEN_AFTER_MS) this.#stepInputs(nowMs);
  }

  /** Sleep when frames have stopped. @param {number} nowMs */
  #notice(nowMs) {
    const unseenMs = nowMs - this.#framedAtMs; // infinite for a bot that never draws: it does not sleep
    if (unseenMs > SLEEP_AFTER_MS && unseenMs < Infinity) this.#sleep();
  }

  #pageTurned = () => {
    if (this.#page.hidden) this.#sleep();
    this.#wake(this.#now());
  };

  #sleep() {
    if (this.#isAsleep) return;
    this.#isAsleep = true;
    const last = this.#session?.sleep();
    if (last) this.#sendInput(last);
    this.#emitter.emit("sleep", null);
  }

  /** @param {number} nowMs */
  #wake(nowMs) {
    if (!this.#isAsleep || this.#page?.hidden) return;
    this.#isAsleep = false;
    this.#session?.outbound?.set(this.#held);
    this.#present(nowMs);
    this.#emitter.emit("wake", null);
  }

  /** Be here and now: what was on its way, or is known of time, is old. @param {number} nowMs */
  #present(nowMs) {
    this.#session?.wake();
    this.#pingEveryMs = PING_FIRST_MS;
    this.#pingAtMs = nowMs;
    const tick = this.#session?.replica.tick; // the first state is of a tick above 0
    if (this.#codec && tick) this.#send(this.#codec.encodeAck(tick));
    if (this.status === "reconnecting") this.#connection.open();
  }

  /** Ask for the time when it is due, at a moment when the answer says much. @param {number} nowMs */
  #ping(nowMs) {
    const overdueMs = nowMs - this.#pingAtMs;
    if (!this.#codec || overdueMs < 0 || (overdueMs < this.#pingEveryMs && !this.#session?.clock.wants(nowMs))) return;
    this.#send(this.#codec.encodePing(nowMs));
    this.#pingEveryMs = Math.min(PING_EVERY_MS, this.#pingEveryMs * PING_GROWTH);
    this.#pingAtMs = nowMs + this.#pingEveryMs * (0.8 + this.#random() / 2.5); // never in step with anything
  }

  /** @param {number} nowMs */
  #stepInputs(nowMs) {
    const session = this.#session;
    if (!session || !this.#codec || !session.replica.tick || this.#isAsleep) return;
    for (const input of session.step(nowMs)) this.#sendInput(input);
  }

  /** @param {import("./outbound.js").NumberedInput} input */
  #sendInput({ seq, fields }) {
    const { replica, lag } = /** @type {Session} */ (this.#session);
    if (this.#codec && replica.tick) this.#send(this.#codec.encodeInput(seq, replica.tick, lag, fields));
  }

  /** @param {number} nowMs */
  #open(nowMs) {
    this.#openedAtMs = nowMs;
    const message = this.#seat.opening(this.#isSound ? (this.#session?.replica.tick ?? null) : null);
    const { identity } = this.#options;
    if (message.type === "join" && identity !== undefined) void this.#identify(message, identity);
    else this.#sendText(message);
  }

  /** Join with a token that may have to be fetched. @param {Record<string, unknown>} message @param {import("./client_types.js").Identity} identity */
  async #identify(message, identity) {
    const openedAtMs = this.#openedAtMs;
    try {
      const token = await (typeof identity === "function" ? identity() : identity);
      if (openedAtMs === this.#openedAtMs) this.#sendText({ ...message, identity: token });
    } catch (error) {
      // the server closes a connection that does not join, and the next one asks for a token again
      this.#emitter.emit("error", { code: "identity_failed", message: String(error), re: "join" });
    }
  }

  /** @param {string | ArrayBuffer} data @param {number} nowMs */
  #receive(data, nowMs) {
    this.#rates.add("bytesInPerSecond", typeof data === "string" ? data.length : data.byteLength);
    try {
      this.#dispatch(this.#decode(data), nowMs);
    } catch (error) {
      if (error instanceof ProtocolError) {
        this.#isSound = false;
        this.#emitter.emit("error", { code: "protocol_error", message: error.message });
      }
      throw error;
    }
    this.#poll(nowMs); // timers of a hidden page run rarely, its messages arrive
  }

  /** @param {string | ArrayBuffer} data @returns {import("./codec.js").Message} */
  #decode(data) {
    if (this.#codec) return this.#codec.decode(data);
    const message = typeof data === "string" ? parseText(data) : null;
    if (!message || !["welcome", "error", "moved"].includes(message.type)) throw new ProtocolError("no welcome");
    return /** @type {any} */ (message);
  }

  /** @param {import("./codec.js").Message} message @param {number} nowMs */
  #dispatch(message, nowMs) {
    switch (message.type) {
      case "welcome":
        return this.#begin(message, nowMs);
      case "full":
      case "delta":
        return this.#apply(message, nowMs);
      case "moved":
        this.#seat.moved(message.placement);
        return this.#connection.move(message.url);
      case "pong":
        return this.#pong(message, nowMs);
      case "events":
        return this.#takeEvents(message.list);
      default:
        return this.#emitter.emit("error", message);
    }
  }

  /** @param {Welcome} welcome @param {number} nowMs */
  #begin(welcome, nowMs) {
    if (this.#codec) throw new ProtocolError("second welcome");
    if (!this.#isSound || !this.#session?.fits(welcome)) {
      this.#isSound = true;
      this.#session = new Session(welcome, this.#options.predict ?? null);
      this.#session.outbound?.set(this.#held);
    }
    const session = this.#session;
    if (welcome.tick !== null && welcome.tick !== session.replica.tick) throw new ProtocolError("wrong tick");
    session.begin(welcome);
    session.clock.exchange(this.#openedAtMs, welcome.room_ms, nowMs);
    this.#codec = new (this.#options.codec ?? BinaryCodec)(session.schema, welcome.tick, welcome.ack);
    this.#seat.taken(welcome);
    this.#pingEveryMs = PING_FIRST_MS;
    this.#pingAtMs = nowMs;
    this.#connection.established(welcome.limits.dead_after_s * 1000, welcome.seat_hold_s * 1000);
    this.#emitter.emit("welcome", welcome);
  }

  /** @param {import("./protocol.js").PongMessage} message @param {number} nowMs */
  #pong({ client_ms, room_ms, late_ms }, nowMs) {
    const session = /** @type {Session} */ (this.#session);
    session.clock.exchange(client_ms, room_ms, nowMs);
    session.serverLateMs = late_ms;
  }

  /** @param {import("./codec.js").StateMessage} message @param {number} nowMs */
  #apply(message, nowMs) {
    const session = /** @type {Session} */ (this.#session);
    const codec = /** @type {BinaryCodec} */ (this.#codec);
    this.#rates.add("statesPerSecond");
    const { changes, correction, hasSlept } = session.apply(message, nowMs);
    if (hasSlept) this.#present(nowMs);
    if (!session.agrees(message) && nowMs - this.#resyncAtMs >= RESYNC_EVERY_MS) {
      this.#resyncAtMs = nowMs;
      this.#resyncs++;
      this.#send(codec.encodeResync());
    }
    if (!session.outbound || this.#isAsleep) this.#send(codec.encodeAck(message.tick));
    if (correction) this.#emitter.emit("correction", { ...correction, tick: message.tick, missing: message.missing });
    for (const name of /** @type {const} */ (["despawn", "spawn", "update"])) {
      for (const row of changes[name]) this.#emitter.emit(name, row.state);
    }
    this.#emitter.emit("state", { message, changes });
  }

  /** @param {GameEvent[]} events */
  #takeEvents(events) {
    for (const event of events) if (this.#seat.saw(event.number)) this.#emitter.emit("event", event);
    this.#seat.keep();
  }

  /** @param {import("./protocol.js").CloseAction} action @param {number} code */
  #closed(action, code) {
    this.#codec = null;
    if (action === "join" || (action === "stop" && code !== 4010)) this.#seat.lost(); // 4010: a reload may take it back
    if (action === "reload") this.#emitter.emit("reload", null);
    if (action === "stop" || action === "reload") this.#stop();
  }

  #stop() {
    this.#codec = null;
    this.#timers.clearInterval(this.#timer);
    this.#page?.removeEventListener("visibilitychange", this.#pageTurned);
    this.#timer = null;
  }

  /** @param {Record<string, unknown>} message */
  #sendText(message) {
    this.#send(JSON.stringify(message));
  }

  /** @param {string | Uint8Array} data */
  #send(data) {
    if (this.#connection.send(data)) this.#rates.add("bytesOutPerSecond", data.length);
  }
}
