/**
 * One seat in one room: wires replica, clock, inputs, prediction and picture together.
 *
 * It knows decoded messages and `nowMs`, and no socket, codec or timer. It outlives a lost connection: a resumed one
 * goes on with the same session. `view` is what a renderer or bot reads; `replica` is the newest state behind it.
 */

import { Clock } from "./clock.js";
import { Interpolator } from "./interpolator.js";
import { Outbound } from "./outbound.js";
import { Predictor } from "./predictor.js";
import { Replica } from "./replica.js";
import { compileSchema } from "./schema.js";

/**
 * @typedef {import("./replica.js").State} State
 * @typedef {import("./predictor.js").Prediction} Prediction
 *
 * @typedef {object} View
 * @property {number} tick that the picture shows, with its fraction
 * @property {State} room newest state of the room
 * @property {ReadonlySet<number>} own ids of the own entities
 * @property {(typeName: string) => readonly State[]} all
 * @property {(id: number) => State | null} get
 * @property {readonly import("./ghosts.js").Ghost[]} ghosts what the own entity made and the picture does not show yet
 * @property {(id: number) => import("./ghosts.js").Ghost | null} ghostOf the ghost that an entity took the place of
 */

/** What a resumed welcome has in common with the one before. */
const SAME = /** @type {const} */ (["room", "schema_hash", "seat", "tick_rate", "send_every"]);

export class Session {
  #typeToPredict;

  /** How late the server began its tick, as of the newest pong. */
  serverLateMs = 0;

  /**
   * @param {import("./protocol.js").Welcome} welcome
   * @param {Prediction | null} prediction
   */
  constructor(welcome, prediction) {
    const { tick_rate: tickRate, send_every: sendEvery } = welcome;
    this.schema = compileSchema(welcome.schema);
    this.welcome = welcome;
    this.replica = new Replica(this.schema);
    this.clock = new Clock(tickRate);
    this.interpolator = new Interpolator(this.schema, tickRate, sendEvery);
    this.outbound = welcome.seat === null ? null : this.schema.input && new Outbound(this.schema.input, tickRate);
    const type = prediction && this.schema.byName.get(prediction.type);
    if (prediction && !type) throw new RangeError(`predict: no type ${prediction.type}`);
    this.#typeToPredict = prediction?.type ?? "";
    this.predictor = prediction && type ? new Predictor(type, prediction, tickRate) : null;
    this.ghosts = prediction?.spawn ?? null;
    this.ghosts?.clear();
    this.view = this.#createView();
  }

  /** @returns {View} */
  #createView() {
    const { replica, interpolator, predictor, ghosts } = this;
    return {
      get tick() {
        return interpolator.tick;
      },
      get room() {
        return replica.room;
      },
      own: replica.own,
      all: (typeName) => interpolator.all(typeName),
      get: (id) => (id === predictor?.id ? predictor.shown : interpolator.get(id)),
      get ghosts() {
        return ghosts?.shown ?? [];
      },
      ghostOf: (id) => ghosts?.of(id) ?? null,
    };
  }

  /** Whether a welcome goes on with this very session. @param {import("./protocol.js").Welcome} welcome */
  fits(welcome) {
    return welcome.resumed && SAME.every((key) => welcome[key] === this.welcome[key]);
  }

  /** Go on over a new connection. @param {import("./protocol.js").Welcome} welcome */
  begin(welcome) {
    this.welcome = welcome;
    this.clock.isSet = false;
    // inputs that the server has queued but not consumed have numbers above its ack, by at most the queue's length
    this.outbound?.restart(welcome.ack + (welcome.resumed ? welcome.limits.input_queue_len_max : 0));
  }

  /**
   * Take in a state message.
   *
   * @param {import("./codec.js").StateMessage} message
   * @param {number} nowMs
   * @returns {{ changes: import("./replica.js").Changes, correction: import("./predictor.js").Correction | null, hasSlept: boolean }}
   */
  apply(message, nowMs) {
    const { replica, interpolator, outbound, predictor, clock } = this;
    const { tick, ack } = message;
    const changes = replica.apply(message);
    const hasSlept = this.#time(message, nowMs);
    interpolator.record(tick, changes);
    interpolator.arrive(tick, clock.tickAt(nowMs), clock.resets);
    outbound?.acknowledge(ack, message.depth, message.missing, interpolator.jitterMs, nowMs);
    const correction = predictor ? this.#reconcile(predictor, ack) : null;
    this.ghosts?.match(changes.spawn, replica.own, ack);
    return { changes, correction, hasSlept };
  }

  /** What a state says of the time. @param {import("./codec.js").StateMessage} message @param {number} nowMs */
  #time({ tick, ack, depth }, nowMs) {
    const { clock, outbound } = this;
    const madeAtMs = outbound?.madeAtMs(ack + depth) ?? null;
    if (madeAtMs !== null) clock.read(madeAtMs, tick * clock.tickMs, nowMs);
    return clock.heard(tick * clock.tickMs, nowMs);
  }

  /** @param {Predictor} predictor @param {number} ack */
  #reconcile(predictor, ack) {
    const { replica, interpolator, outbound } = this;
    const formerId = predictor.id;
    const state = replica.firstOwn(this.#typeToPredict);
    const correction = predictor.reconcile(state, ack, outbound?.unacked ?? []);
    if (formerId !== null && formerId !== state?.id) interpolator.forget(formerId); // it would jump back to the others' past
    return correction;
  }

  /** Whether what is held agrees with the server's checksum. @param {import("./codec.js").StateMessage} message */
  agrees(message) {
    return message.checksum === null || message.checksum === this.replica.checksum();
  }

  /**
   * Make the inputs that are due, and predict them.
   *
   * @param {number} nowMs
   * @returns {import("./outbound.js").NumberedInput[]}
   */
  step(nowMs) {
    const { outbound } = this;
    if (!outbound) return [];
    return Array.from({ length: outbound.advance(nowMs) }, () => this.#predict(outbound.next()));
  }

  /** @param {import("./outbound.js").NumberedInput} input */
  #predict(input) {
    const { predictor } = this;
    const result = predictor?.step(input);
    if (predictor?.state) this.ghosts?.step(input.seq, predictor.state, input.fields, result);
    return input;
  }

  /** Nobody looks any more: make one last input that wants nothing. @returns {import("./outbound.js").NumberedInput | null} */
  sleep() {
    return this.outbound && this.#predict(this.outbound.release());
  }

  /** Somebody looks again: be at the present with the next picture. */
  wake() {
    this.outbound?.rest();
    this.predictor?.settle();
    this.interpolator.jump();
  }

  /** Ticks that the picture is behind the newest state. */
  get lag() {
    return Math.max(0, (this.replica.tick ?? 0) - this.interpolator.tick);
  }

  /** Bring the view up to date. @param {number} nowMs */
  draw(nowMs) {
    if (!this.clock.isSet || !this.replica.tick) return;
    const { outbound, predictor, interpolator } = this;
    const fraction = outbound?.fraction ?? 0;
    interpolator.advance(this.clock.tickAt(nowMs), predictor?.show(fraction, nowMs) ?? null);
    this.ghosts?.advance((outbound?.lastSeq ?? 0) - 1 + fraction, nowMs, interpolator);
  }
}
