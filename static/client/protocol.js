/**
 * The words of the wire protocol: version, message kinds, close codes, and the checks every text message passes.
 *
 * It knows no schema, no socket and no time. `parseText` turns a text frame into a message whose envelope can be
 * trusted, or throws ProtocolError; bodies that need a schema (`full`, `delta`) are looked at by the codec.
 */

export const VERSION = 1;

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
 * page to do, `stop` leaves the decision to the player.
 *
 * @typedef {"resume" | "join" | "reload" | "stop"} CloseAction
 */

/** The server's codes, and those a browser makes up, by what to do. @type {Record<CloseAction, Record<number, string>>} */
const CODES_BY_ACTION = {
  stop: {
    1000: "normal", 1002: "protocol_error", 1003: "unsupported_data", 1007: "invalid_utf8", 1009: "message_too_big",
    4000: "bad_message", 4002: "unsupported_subprotocol", 4004: "room_not_found", 4005: "room_full", 4007: "bad_join",
    4009: "idle", 4010: "taken_over", 4011: "kicked", 4012: "room_closed", 4013: "room_crashed",
    4019: "illegal_state", 4020: "bad_identity", 4021: "banned",
  },
  resume: {
    1001: "going_away", 1005: "no_code", 1006: "connection_lost", 1011: "internal_error", 3002: "server_misbehaved",
    4003: "join_timeout", 4008: "rate_limited", 4014: "too_slow", 4017: "server_full", 4018: "dead",
    4022: "moved",
  },
  join: {
    4015: "seat_gone", 4016: "draining",
  },
  reload: {
    4001: "unsupported_version", 4006: "schema_changed",
  },
};

/** @type {Readonly<Record<number, { name: string, action: CloseAction }>>} */
export const CLOSE_CODES = Object.fromEntries(
  Object.entries(CODES_BY_ACTION).flatMap(([action, names]) =>
    Object.entries(names).map(([code, name]) => [code, { name, action: /** @type {CloseAction} */ (action) }]),
  ),
);

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
 * @property {number | null} seat null for a spectator
 * @property {string} name
 * @property {string | null} token null for a spectator
 * @property {"public" | "unseen"} [spectator]
 * @property {number} [delay_s] how far behind the players a spectator is
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
 * @typedef {{ type: "pong", client_ms: number, room_ms: number, late_ms: number }} PongMessage
 * @typedef {{ type: "error", code: string, message: string, re?: string | null }} ErrorMessage
 * @typedef {{ type: "moved", url: string, placement?: string | null }} MovedMessage
 * @typedef {Record<string, unknown> & { type: "full" | "delta" }} RawState
 * @typedef {Welcome | EventsMessage | PongMessage | ErrorMessage | MovedMessage | RawState} TextMessage
 */

/** @type {Record<string, (value: any) => boolean>} */
const IS = {
  text: (value) => typeof value === "string",
  "text or null": (value) => value === null || typeof value === "string",
  number: Number.isFinite,
  count: isCount,
  "count or null": (value) => value === null || isCount(value),
  rate: (value) => isCount(value) && value >= 1 && value <= 1000,
  boolean: (value) => typeof value === "boolean",
  "socket url": (value) => typeof value === "string" && /^wss?:\/\/[^\s/]+/.test(value),
  object: isObject,
  array: Array.isArray,
};

/** What each message must hold; more may stand beside it, so that a newer server can add. @type {Record<string, Record<string, string>>} */
export const ENVELOPES = {
  welcome: {
    game: "text", room: "text", code: "text or null", seat: "count or null", name: "text", token: "text or null", resumed: "boolean",
    schema: "object", schema_hash: "text", tick_rate: "rate", send_every: "rate", tick: "count or null", ack: "count",
    event: "count", room_ms: "number", limits: "object",
  },
  events: { list: "array" },
  pong: { client_ms: "number", room_ms: "number", late_ms: "number" },
  error: { code: "text", message: "text" },
  moved: { url: "socket url" },
};

const LIMITS = { input_queue_len_max: "count", dead_after_s: "number" };
const EVENT = { number: "count", tick: "count", name: "text" };

/** @param {unknown} value @returns {value is number} whether it is an unsigned 32-bit integer */
export function isCount(value) {
  return /** @type {any} */ (value) >>> 0 === value;
}

/** @param {unknown} value @returns {value is Record<string, unknown>} */
export function isObject(value) {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** @param {string} text @returns {unknown} */
export function parseJson(text) {
  try {
    return JSON.parse(text);
  } catch {
    throw new ProtocolError("not JSON");
  }
}

/**
 * Parse a text frame and check its envelope.
 *
 * @param {string} text
 * @param {typeof ENVELOPES} [envelopes] of the messages that may be text
 * @returns {TextMessage}
 */
export function parseText(text, envelopes = ENVELOPES) {
  const message = parseJson(text);
  if (!isObject(message) || !Object.hasOwn(envelopes, /** @type {string} */ (message.type))) {
    throw new ProtocolError("unknown message");
  }
  const type = /** @type {string} */ (message.type);
  check(type, message, envelopes[type]);
  if (type === "welcome") check("limits", message.limits, LIMITS);
  if (type === "events") for (const event of /** @type {unknown[]} */ (message.list)) check("event", event, EVENT);
  return /** @type {any} */ (message);
}

/** @param {string} name @param {unknown} value @param {Record<string, string>} envelope */
function check(name, value, envelope) {
  if (!isObject(value)) throw new ProtocolError(`${name} not an object`);
  for (const [key, kind] of Object.entries(envelope)) {
    if (!IS[kind](value[key])) throw new ProtocolError(`${name}.${key} not a ${kind}`);
  }
}
