/**
 * The words of the wire protocol: version, message kinds, close codes, and the checks every text message passes.
 *
 * It knows no schema, no socket and no time. `parseText` turns a text frame into a message whose envelope can be
 * trusted, or throws ProtocolError; bodies that need a schema (`full`, `delta`) are looked at by the codec.
 */

export const VERSION = 1;

export const SUBPROTOCOLS = { binary: "game.v1.binary", json: "game.v1.json" };

/** First byte of a binary frame. */
export const KIND = {
  input: 0x01,
  ack: 0x02,
  ping: 0x03,
  resync: 0x04,
  delta: 0x10,
  full: 0x11,
  checkedDelta: 0x12,
  pong: 0x13,
};

/** Low two bits of a group's head. */
export const OP = { update: 0, spawn: 1, despawn: 2, own: 3 };

/**
 * What the client does after a close: `resume` takes the seat again, `join` asks for a new one, `reload` is for the
 * page to do, `stop` leaves the decision to the player. The server's codes, then those a browser makes up.
 *
 * @typedef {"resume" | "join" | "reload" | "stop"} CloseAction
 * @type {Readonly<Record<number, { name: string, action: CloseAction }>>}
 */
export const CLOSE_CODES = {
  1000: { name: "normal", action: "stop" },
  1001: { name: "going_away", action: "resume" },
  1002: { name: "protocol_error", action: "stop" },
  1003: { name: "unsupported_data", action: "stop" },
  1005: { name: "no_code", action: "resume" },
  1006: { name: "connection_lost", action: "resume" },
  1007: { name: "invalid_utf8", action: "stop" },
  1009: { name: "message_too_big", action: "stop" },
  1011: { name: "internal_error", action: "resume" },
  3002: { name: "server_misbehaved", action: "resume" },
  4000: { name: "bad_message", action: "stop" },
  4001: { name: "unsupported_version", action: "reload" },
  4002: { name: "unsupported_subprotocol", action: "stop" },
  4003: { name: "join_timeout", action: "resume" },
  4004: { name: "room_not_found", action: "stop" },
  4005: { name: "room_full", action: "stop" },
  4006: { name: "schema_changed", action: "reload" },
  4007: { name: "bad_join", action: "stop" },
  4008: { name: "rate_limited", action: "resume" },
  4009: { name: "idle", action: "stop" },
  4010: { name: "taken_over", action: "stop" },
  4011: { name: "kicked", action: "stop" },
  4012: { name: "room_closed", action: "stop" },
  4013: { name: "room_crashed", action: "stop" },
  4014: { name: "too_slow", action: "resume" },
  4015: { name: "seat_gone", action: "join" },
  4016: { name: "draining", action: "join" },
  4017: { name: "server_full", action: "resume" },
  4018: { name: "dead", action: "resume" },
  4019: { name: "illegal_state", action: "stop" },
  4020: { name: "bad_identity", action: "stop" },
};

/** The code this client closes with when the server breaks the protocol; a browser may not send 1002 itself. */
export const SERVER_MISBEHAVED = 3002;

/** The server sent what the protocol does not allow. The connection is of no more use. */
export class ProtocolError extends Error {
  name = "ProtocolError";
}

/**
 * @typedef {object} Welcome
 * @property {"welcome"} type
 * @property {string} game
 * @property {string} room
 * @property {string | null} code of a private room
 * @property {number} seat
 * @property {string} name
 * @property {string} token
 * @property {boolean} resumed
 * @property {Record<string, unknown>} schema
 * @property {string} schema_hash
 * @property {number} tick_rate
 * @property {number} send_every
 * @property {number | null} tick
 * @property {number} ack
 * @property {number} event
 * @property {boolean} partial
 * @property {number} room_ms
 * @property {number} seat_hold_s
 * @property {{ message_bytes_max: number, chat_len_max: number, name_len_max: number,
 *              input_queue_len_max: number, dead_after_s: number }} limits
 *
 * @typedef {{ number: number, tick: number, name: string, data: unknown }} GameEvent
 * @typedef {{ type: "events", list: GameEvent[], partial?: boolean }} EventsMessage
 * @typedef {{ type: "pong", client_ms: number, room_ms: number }} PongMessage
 * @typedef {{ type: "error", code: string, message: string, re?: string | null }} ErrorMessage
 * @typedef {Record<string, unknown> & { type: "full" | "delta" }} RawState
 * @typedef {Welcome | EventsMessage | PongMessage | ErrorMessage | RawState} TextMessage
 */

const IDENTIFIER_MAX = 0xffffffff;

/** @type {Record<string, (value: any) => boolean>} */
const IS = {
  text: (value) => typeof value === "string",
  "text or null": (value) => value === null || value === undefined || typeof value === "string",
  number: (value) => Number.isFinite(value),
  count: isCount,
  "count or null": (value) => value === null || isCount(value),
  rate: (value) => isCount(value) && value >= 1 && value <= 1000,
  boolean: (value) => typeof value === "boolean",
  object: isObject,
  array: (value) => Array.isArray(value),
};

/** What each message must hold; more may stand beside it, so that a newer server can add. @type {Record<string, Record<string, string>>} */
const ENVELOPES = {
  welcome: {
    game: "text", room: "text", code: "text or null", seat: "count", name: "text", token: "text", resumed: "boolean",
    schema: "object", schema_hash: "text", tick_rate: "rate", send_every: "rate", tick: "count or null", ack: "count",
    event: "count", room_ms: "number", limits: "object",
  },
  limits: { input_queue_len_max: "count", dead_after_s: "number" },
  events: { list: "array" },
  event: { number: "count", tick: "count", name: "text" },
  pong: { client_ms: "number", room_ms: "number" },
  error: { code: "text", message: "text" },
  full: { tick: "count", ack: "count" },
  delta: { tick: "count", ack: "count", baseline: "count" },
};

const MESSAGES = new Set(["welcome", "events", "pong", "error", "full", "delta"]);

/** @param {unknown} value @returns {value is number} whether it is an unsigned 32-bit integer */
export function isCount(value) {
  return Number.isInteger(value) && /** @type {number} */ (value) >= 0 && /** @type {number} */ (value) <= IDENTIFIER_MAX;
}

/** @param {unknown} value @returns {value is Record<string, unknown>} */
export function isObject(value) {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/**
 * Parse a text frame and check its envelope.
 *
 * @param {string} text
 * @returns {TextMessage}
 */
export function parseText(text) {
  let message;
  try {
    message = JSON.parse(text);
  } catch {
    throw new ProtocolError("a text frame is not JSON");
  }
  if (!isObject(message) || !MESSAGES.has(/** @type {string} */ (message.type))) {
    throw new ProtocolError("a text frame of unknown type");
  }
  check(/** @type {string} */ (message.type), message);
  if (message.type === "welcome") check("limits", message.limits);
  if (message.type === "events") for (const event of /** @type {unknown[]} */ (message.list)) check("event", event);
  return /** @type {any} */ (message);
}

/** @param {string} envelope @param {unknown} value */
function check(envelope, value) {
  if (!isObject(value)) throw new ProtocolError(`${envelope} is not an object`);
  for (const [key, kind] of Object.entries(ENVELOPES[envelope])) {
    if (!IS[kind](value[key])) throw new ProtocolError(`${envelope}.${key} is not a ${kind}`);
  }
}
