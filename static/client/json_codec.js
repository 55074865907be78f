/**
 * Frames to messages and back, in the JSON codec: for hands, scripts and debugging. A page gives it to GameClient as `codec`.
 *
 * Every message is one JSON text. The messages are the same as the binary codec's; bodies are read by state_json.js.
 */

import { BinaryCodec, LAG_STEPS, lagSteps } from "./codec.js";
import { LAYOUT } from "./fields.js";
import { ENVELOPES, ProtocolError, isCount, parseText } from "./protocol.js";
import { readJsonBody } from "./state_json.js";

/**
 * @typedef {import("./codec.js").StateMessage} StateMessage
 * @typedef {import("./codec.js").Message} Message
 */

const WITH_STATES = {
  ...ENVELOPES,
  full: { tick: "count", ack: "count" },
  delta: { tick: "count", ack: "count", baseline: "count" },
};

export class JsonCodec extends BinaryCodec {
  static subprotocol = "game.v1.json";

  /** @param {string | ArrayBuffer | Uint8Array} data one frame @returns {Message} */
  decode(data) {
    if (typeof data !== "string") throw new ProtocolError("a binary frame under the JSON codec");
    const message = parseText(data, WITH_STATES);
    if (message.type !== "full" && message.type !== "delta") return /** @type {Message} */ (message);
    return this.#decodeState(/** @type {any} */ (message));
  }

  /** @param {any} raw @returns {StateMessage} */
  #decodeState(raw) {
    const { type, tick, ack, depth = 0, missing = 0, checksum = null } = raw;
    if (type === "delta" && raw.baseline !== this.tick) throw new ProtocolError("a delta from another baseline");
    if (!isCount(depth) || !isCount(missing) || !(checksum === null || isCount(checksum))) {
      throw new ProtocolError("a state message with a bad head");
    }
    const groups = readJsonBody(raw, this.schema);
    const hasJson = this.schema.types.some((entityType) => entityType.fields.some(holdsJson));
    // a json field that says 1.0 arrives as 1 here: its bytes on the wire, and so the checksum, cannot be told
    return this.advance({ type, tick, ack, depth, missing, checksum: hasJson ? null : checksum, groups });
  }

  /** @param {number} seq @param {number} ack @param {number} lag @param {Record<string, unknown>} fields */
  encodeInput(seq, ack, lag, fields) {
    return JSON.stringify({ type: "input", seq, ack, lag: lagSteps(lag) / LAG_STEPS, ...fields });
  }

  /** @param {number} ack */
  encodeAck(ack) {
    return JSON.stringify({ type: "ack", ack });
  }

  /** @param {number} clientMs */
  encodePing(clientMs) {
    return JSON.stringify({ type: "ping", client_ms: clientMs });
  }

  encodeResync() {
    return JSON.stringify({ type: "resync" });
  }
}

/** @param {import("./fields.js").Field} field @returns {boolean} */
function holdsJson(field) {
  return field.layout === LAYOUT.json || (field.of !== null && holdsJson(field.of));
}
