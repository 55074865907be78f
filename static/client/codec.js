/**
 * Frames to messages and back, in the binary and in the JSON codec.
 *
 * It knows the compiled schema and where the last state message ended (tick and ack, from which a delta counts), and
 * nothing of entities. One ClientCodec serves one connection, from its welcome on. Frames that the protocol does not
 * allow throw ProtocolError. The bytes are drawn in docs/protocol.md; bodies are read by state_binary.js and
 * state_json.js.
 */

import { ByteReader, ByteWriter } from "./bytes.js";
import { writeValue } from "./fields.js";
import { KIND, ProtocolError, isCount, parseText } from "./protocol.js";
import { readBody } from "./state_binary.js";
import { readJsonBody } from "./state_json.js";

/**
 * @typedef {import("./state_binary.js").Group} Group
 *
 * @typedef {object} StateMessage
 * @property {"full" | "delta"} type
 * @property {number} tick
 * @property {number} ack newest input_seq consumed
 * @property {number} depth inputs still waiting at the server
 * @property {number} missing steps without an input since the last state message
 * @property {number | null} checksum
 * @property {Group[]} groups
 *
 * @typedef {Exclude<import("./protocol.js").TextMessage, import("./protocol.js").RawState> | StateMessage} Message
 */

const LAG_STEPS = 256;

export class ClientCodec {
  /**
   * @param {import("./schema.js").Schema} schema
   * @param {boolean} binary
   * @param {number | null} tick the welcome's baseline
   * @param {number} ack the welcome's
   */
  constructor(schema, binary, tick, ack) {
    this.schema = schema;
    this.binary = binary;
    this.tick = tick;
    this.ack = ack;
  }

  /**
   * @param {string | ArrayBuffer | Uint8Array} data one frame
   * @returns {Message}
   */
  decode(data) {
    if (typeof data !== "string") {
      if (!this.binary) throw new ProtocolError("a binary frame under the JSON codec");
      return this.#decodeBinary(new ByteReader(data));
    }
    const message = parseText(data);
    if (message.type !== "full" && message.type !== "delta") return /** @type {Message} */ (message);
    if (this.binary) throw new ProtocolError("a state message as text under the binary codec");
    return this.#decodeJson(/** @type {any} */ (message));
  }

  /** @param {ByteReader} reader @returns {Message} */
  #decodeBinary(reader) {
    const kind = reader.uint8();
    switch (kind) {
      case KIND.full:
        return this.#state(reader, "full", reader.uint32(), reader.uint32(), false);
      case KIND.delta:
      case KIND.checkedDelta:
        return this.#decodeDelta(reader, kind === KIND.checkedDelta);
      case KIND.pong: {
        const pong = { type: /** @type {const} */ ("pong"), client_ms: reader.float64(), room_ms: reader.float64() };
        if (reader.left || !Number.isFinite(pong.client_ms + pong.room_ms)) throw new ProtocolError("a bad pong");
        return pong;
      }
      default:
        throw new ProtocolError("a binary frame of unknown kind");
    }
  }

  /** @param {ByteReader} reader @param {boolean} isChecked */
  #decodeDelta(reader, isChecked) {
    if (this.tick === null) throw new ProtocolError("a delta before any full state");
    const tick = this.tick + reader.varint();
    return this.#state(reader, "delta", tick, this.ack + reader.varint(), isChecked);
  }

  /** @param {ByteReader} reader @param {"full" | "delta"} type @param {number} tick @param {number} ack @param {boolean} isChecked @returns {StateMessage} */
  #state(reader, type, tick, ack, isChecked) {
    const inputs = reader.uint8();
    if (isChecked && reader.uint32() !== tick) throw new ProtocolError("a checked delta of another tick");
    const checksum = isChecked ? reader.uint32() : null;
    const groups = readBody(reader, this.schema);
    return this.#advance({ type, tick, ack, depth: inputs & 31, missing: inputs >> 5, checksum, groups });
  }

  /** @param {any} raw @returns {StateMessage} */
  #decodeJson(raw) {
    const { type, tick, ack, depth = 0, missing = 0, checksum = null } = raw;
    if (type === "delta" && raw.baseline !== this.tick) throw new ProtocolError("a delta from another baseline");
    if (!isCount(depth) || !isCount(missing) || !(checksum === null || isCount(checksum))) {
      throw new ProtocolError("a state message with a bad head");
    }
    const groups = readJsonBody(raw, this.schema);
    // a json field that says 1.0 arrives as 1 here: its bytes on the wire, and so the checksum, cannot be told
    return this.#advance({ type, tick, ack, depth, missing, checksum: this.schema.hasJson ? null : checksum, groups });
  }

  /** @param {StateMessage} message */
  #advance(message) {
    if (!isCount(message.tick) || !isCount(message.ack)) throw new ProtocolError("a tick or ack past 32 bits");
    this.tick = message.tick;
    this.ack = message.ack;
    return message;
  }

  /**
   * @param {number} seq input_seq
   * @param {number} ack newest tick applied
   * @param {number} lag ticks that the picture is behind it
   * @param {Record<string, unknown>} fields all of the input's
   */
  encodeInput(seq, ack, lag, fields) {
    const lagSteps = Math.min(0xffff, Math.max(0, Math.floor(lag * LAG_STEPS)));
    if (!this.binary) return JSON.stringify({ type: "input", seq, ack, lag: lagSteps / LAG_STEPS, ...fields });
    const writer = start(KIND.input);
    writer.uint(seq, 4);
    writer.uint(ack, 4);
    writer.uint(lagSteps, 2);
    for (const field of this.schema.input?.fields ?? []) writeValue(field, fields[field.name] ?? field.initial, writer);
    return writer.finish();
  }

  /** @param {number} ack newest tick applied */
  encodeAck(ack) {
    if (!this.binary) return JSON.stringify({ type: "ack", ack });
    const writer = start(KIND.ack);
    writer.uint(ack, 4);
    return writer.finish();
  }

  /** @param {number} clientMs */
  encodePing(clientMs) {
    if (!this.binary) return JSON.stringify({ type: "ping", client_ms: clientMs });
    const writer = start(KIND.ping);
    writer.float64(clientMs);
    return writer.finish();
  }

  encodeResync() {
    return this.binary ? start(KIND.resync).finish() : JSON.stringify({ type: "resync" });
  }
}

/** @param {number} kind */
function start(kind) {
  const writer = new ByteWriter();
  writer.uint(kind);
  return writer;
}
