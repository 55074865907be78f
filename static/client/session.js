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
 */

export class Session {
  #typeToPredict;

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
    this.outbound = this.schema.input && new Outbound(this.schema.input, tickRate);
    const type = prediction && this.schema.byName.get(prediction.type);
    if (prediction && !type) throw new RangeError(`predict.type: no entity type is named ${prediction.type}`);
    this.#typeToPredict = prediction?.type ?? "";
    this.predictor = prediction && type ? new Predictor(type, prediction, tickRate) : null;
    this.view = this.#createView();
  }

  /** @returns {View} */
  #createView() {
    const { replica, interpolator, predictor } = this;
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
    };
  }

  /** Whether a welcome goes on with this very session. @param {import("./protocol.js").Welcome} welcome */
  fits(welcome) {
    const { room, schema_hash, tick_rate, send_every, seat } = this.welcome;
    return welcome.resumed && room === welcome.room && schema_hash === welcome.schema_hash && seat === welcome.seat &&
      tick_rate === welcome.tick_rate && send_every === welcome.send_every; // prettier-ignore
  }

  /** Go on over a new connection. @param {import("./protocol.js").Welcome} welcome */
  begin(welcome) {
    this.welcome = welcome;
    // inputs that the server has queued but not consumed have numbers above its ack, by at most the queue's length
    this.outbound?.restart(welcome.ack + (welcome.resumed ? welcome.limits.input_queue_len_max : 0));
  }

  /**
   * Take in a state message.
   *
   * @param {import("./codec.js").StateMessage} message
   * @param {number} nowMs
   * @returns {import("./replica.js").Changes}
   */
  apply(message, nowMs) {
    const { replica, interpolator, outbound, predictor } = this;
    const changes = replica.apply(message);
    interpolator.record(message.tick, changes);
    if (this.clock.isSet) interpolator.arrive(message.tick, this.clock.tickAt(nowMs), this.clock.slides);
    outbound?.acknowledge(message.ack, message.depth, message.missing);
    if (predictor) {
      const formerId = predictor.id;
      const id = replica.firstOwn(this.#typeToPredict);
      predictor.reconcile(id === null ? null : replica.get(id), outbound?.unacked ?? []);
      if (formerId !== null && formerId !== id) interpolator.forget(formerId); // it would jump back to the others' past
    }
    return changes;
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
    const { outbound, predictor } = this;
    if (!outbound) return [];
    return Array.from({ length: outbound.advance(nowMs) }, () => {
      const input = outbound.next();
      predictor?.step(input.fields);
      return input;
    });
  }

  /** Ticks that the picture is behind the newest state. */
  get lag() {
    return Math.max(0, (this.replica.tick ?? 0) - this.interpolator.tick);
  }

  /** Bring the view up to date. @param {number} nowMs */
  draw(nowMs) {
    if (!this.clock.isSet || this.replica.tick === null) return;
    const predicted = this.predictor?.show(this.outbound?.fraction ?? 0, nowMs) ?? null;
    this.interpolator.advance(this.clock.tickAt(nowMs), predicted);
  }
}
