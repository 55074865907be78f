/**
 * Frames to messages and back, in the binary codec; json_codec.js does the same with text.
 *
 * It knows the compiled schema and where the last state message ended (tick and ack, from which a delta counts), and
 * nothing of entities. One codec serves one connection, from its welcome on. Frames that the protocol does not
 * allow throw ProtocolError. The bytes are drawn in docs/protocol.md; bodies are read by state_binary.js.
 */

import { ByteReader, pack } from "./bytes.js";
import { quantise } from "./fields.js";
import { KIND, ProtocolError, isCount, parseText } from "./protocol.js";
import { readBody } from "./state_binary.js";

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

export const LAG_STEPS = 256;
const LAG_MAX = 0xffff;

export class BinaryCodec {
  /** Offered to the server. */
  static subprotocol = "game.v1.binary";

  /**
   * @param {import("./schema.js").Schema} schema
   * @param {number | null} tick the welcome's baseline
   * @param {number} ack the welcome's
   */
  constructor(schema, tick, ack) {
    this.schema = schema;
    this.tick = tick;
    this.ack = ack;
  }

  /**
   * @param {string | ArrayBuffer | Uint8Array} data one frame
   * @returns {Message}
   */
  decode(data) {
    return typeof data === "string" ? /** @type {Message} */ (parseText(data)) : this.#decodeBinary(new ByteReader(data));
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
        const client_ms = reader.float64();
        const room_ms = reader.float64();
        const late_ms = reader.float64();
        if (reader.left || !Number.isFinite(client_ms + room_ms + late_ms)) throw new ProtocolError("bad pong");
        return { type: "pong", client_ms, room_ms, late_ms };
      }
      default:
        throw new ProtocolError("unknown frame");
    }
  }

  /** @param {ByteReader} reader @param {boolean} isChecked */
  #decodeDelta(reader, isChecked) {
    if (this.tick === null) throw new ProtocolError("delta before full");
    const tick = this.tick + reader.varint();
    return this.#state(reader, "delta", tick, this.ack + reader.varint(), isChecked);
  }

  /** @param {ByteReader} reader @param {"full" | "delta"} type @param {number} tick @param {number} ack @param {boolean} isChecked @returns {StateMessage} */
  #state(reader, type, tick, ack, isChecked) {
    const inputs = reader.uint8();
    if (isChecked && reader.uint32() !== tick) throw new ProtocolError("wrong tick");
    const checksum = isChecked ? reader.uint32() : null;
    const groups = readBody(reader, this.schema);
    return this.advance({ type, tick, ack, depth: inputs & 31, missing: inputs >> 5, checksum, groups });
  }

  /** A state message was read: the next delta counts from it. @param {StateMessage} message */
  advance(message) {
    if (!isCount(message.tick) || !isCount(message.ack)) throw new ProtocolError("wrong tick or ack");
    this.tick = message.tick;
    this.ack = message.ack;
    return message;
  }

  /**
   * @param {number} seq input_seq
   * @param {number} ack newest tick applied
   * @param {number} lag ticks that the picture is behind it
   * @param {Record<string, unknown>} fields all of the input's
   * @returns {string | Uint8Array}
   */
  encodeInput(seq, ack, lag, fields) {
    const inputs = this.schema.input?.fields ?? [];
    return pack([
      [KIND.input, 1], [seq, 4], [ack, 4], [lagSteps(lag), 2],
      .../** @type {[number, number][]} */ (inputs.map((field) => [quantise(field, fields[field.name] ?? field.initial), field.bytes])),
    ]);
  }

  /** @param {number} ack newest tick applied @returns {string | Uint8Array} */
  encodeAck(ack) {
    return pack([[KIND.ack, 1], [ack, 4]]);
  }

  /** @param {number} clientMs @returns {string | Uint8Array} */
  encodePing(clientMs) {
    return pack([[KIND.ping, 1], [clientMs, 8]]);
  }

  /** @returns {string | Uint8Array} */
  encodeResync() {
    return pack([[KIND.resync, 1]]);
  }
}

/** A lag as the wire carries it. @param {number} lag in ticks, 0 or more */
export function lagSteps(lag) {
  return Math.min(LAG_MAX, Math.floor(lag * LAG_STEPS));
}
