/**
 * What the SDK's tests share: a seeded generator, a schema with every kind of field, a writer of server messages, and a
 * socket and timers that live in memory.
 */

import { KIND, OP } from "../../static/client/protocol.js";
import { compileSchema } from "../../static/client/schema.js";
import { ByteWriter, writeValue } from "../../static/client/written.js";

/** mulberry32: the same numbers for the same seed. @param {number} seed @returns {() => number} from 0 to under 1 */
export function seeded(seed) {
  return () => {
    seed = (seed + 0x6d2b79f5) | 0;
    let mixed = Math.imul(seed ^ (seed >>> 15), 1 | seed);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4294967296;
  };
}

export const SCHEMA = {
  game: "test",
  room: { fields: [{ name: "left_s", kind: "fixed", min: 0, max: 600, step: 0.125, bytes: 2, to: "all" }, { name: "phase", kind: "text", len_max: 8, to: "all" }] },
  types: [
    {
      name: "Ship",
      fields: [
        { name: "x", kind: "fixed", min: 0, max: 4096, step: 0.0625, bytes: 2, to: "all" },
        { name: "y", kind: "fixed", min: 0, max: 4096, step: 0.0625, bytes: 2, to: "all" },
        { name: "heading", kind: "angle", bytes: 2, step: (2 * Math.PI) / 65536, to: "all" },
        { name: "vx", kind: "fixed", min: -512, max: 512, step: 1 / 64, bytes: 2, to: "owner" },
        { name: "hp", kind: "uint8", min: 0, max: 200, to: "all" },
      ],
    },
    {
      name: "Thing",
      fields: [
        { name: "a", kind: "uint16", min: 0, max: 65535, to: "all" },
        { name: "b", kind: "uint32", min: 0, max: 4294967295, to: "all" },
        { name: "c", kind: "int8", min: -5, max: 5, to: "all" },
        { name: "d", kind: "int16", min: -32768, max: 32767, to: "all" },
        { name: "e", kind: "int32", min: -2147483648, max: 2147483647, to: "all" },
        { name: "f", kind: "float32", to: "all" },
        { name: "g", kind: "flag", to: "all" },
        { name: "h", kind: "text", len_max: 12, to: "all" },
        { name: "i", kind: "list", of: { kind: "int8", min: -128, max: 127 }, len_max: 5, to: "all" },
        { name: "j", kind: "map", of: { kind: "uint16", min: 0, max: 65535 }, len_max: 4, to: "all" },
        { name: "k", kind: "json", bytes_max: 200, to: "owner" },
      ],
    },
  ],
  input: {
    name: "Steer",
    fields: [
      { name: "turn", kind: "int8", min: -1, max: 1, to: "all", default: 0 },
      { name: "fire", kind: "flag", to: "all", default: false },
      { name: "aim", kind: "angle", bytes: 1, step: (2 * Math.PI) / 256, to: "all", default: 0 },
    ],
  },
};

export const compiled = compileSchema(SCHEMA);

/**
 * @typedef {{ op: keyof typeof OP, type: number, ids?: number[], fields?: string[], rows?: any[][], mode?: number }} GroupSpec
 */

/** Write one group as the server would. @param {ByteWriter} writer @param {GroupSpec} group @param {import("../../static/client/schema.js").Schema} [schema] */
export function writeGroup(writer, { op, type, ids = [0], fields, rows = [], mode }, schema = compiled) {
  const entityType = schema.types[type];
  writer.uint(OP[op] | (type << 2));
  const chosen = op === "spawn" ? entityType.publicFields : op === "update" ? entityType.fields.filter((field) => fields?.includes(field.name)) : [];
  if (op === "update") {
    const mask = new Uint8Array(Math.ceil(entityType.fields.length / 8));
    for (const field of chosen) mask[field.slot >> 3] |= 1 << (field.slot & 7);
    writer.raw(mask);
  }
  if (type > 0) writeIds(writer, ids, mode);
  for (const row of rows) chosen.forEach((field, i) => writeValue(field, row[i], writer));
}

/** @param {ByteWriter} writer @param {number[]} ids @param {number} [mode] absent: the smallest that fits */
export function writeIds(writer, ids, mode) {
  const span = ids[ids.length - 1] - ids[0];
  mode ??= span === ids.length - 1 ? 0 : span < 256 ? 1 : span < 65536 ? 2 : 3;
  writer.varint(ids.length * 4 + mode);
  writer.varint(ids[0]);
  if (mode > 0) for (const id of ids) writer.uint(id - ids[0], mode === 3 ? 4 : mode);
}

/** @param {{ tick: number, ack?: number, inputs?: number, groups?: GroupSpec[] }} message */
export function fullFrame({ tick, ack = 0, inputs = 0, groups = [] }) {
  const writer = new ByteWriter();
  writer.uint(KIND.full);
  writer.uint(tick, 4);
  writer.uint(ack, 4);
  writer.uint(inputs);
  for (const group of groups) writeGroup(writer, group);
  return writer.finish();
}

/** @param {{ advance?: number, ackAdvance?: number, inputs?: number, checked?: { tick: number, checksum: number }, groups?: GroupSpec[] }} message */
export function deltaFrame({ advance = 1, ackAdvance = 0, inputs = 0, checked, groups = [] }) {
  const writer = new ByteWriter();
  writer.uint(checked ? KIND.checkedDelta : KIND.delta);
  writer.varint(advance);
  writer.varint(ackAdvance);
  writer.uint(inputs);
  if (checked) {
    writer.uint(checked.tick, 4);
    writer.uint(checked.checksum, 4);
  }
  for (const group of groups) writeGroup(writer, group);
  return writer.finish();
}

/** @param {Record<string, unknown>} [changes] */
export function welcomeMessage(changes = {}) {
  return {
    type: "welcome", version: 1, game: "test", room: "n1-1", code: null, seat: 0, name: "Ann", token: "t1", resumed: false,
    schema: SCHEMA, schema_hash: "0123456789abcdef", tick_rate: 20, send_every: 1, tick: null, ack: 0, event: 0, partial: false,
    room_ms: 5000, seat_hold_s: 60,
    limits: { message_bytes_max: 4096, chat_len_max: 200, name_len_max: 16, input_queue_len_max: 8, dead_after_s: 5 },
    ...changes,
  };
}

/** Time that passes only when told, with intervals and sockets that run in it. */
export class FakeWorld {
  nowMs = 1000;
  /** @type {FakeSocket[]} */
  sockets = [];
  /** @type {Map<number, { run: () => void, everyMs: number, dueMs: number }>} */
  #intervals = new Map();
  #lastTimer = 0;
  /** @type {Map<string, string>} */
  #stored = new Map();

  now = () => this.nowMs;

  timers = {
    /** @param {() => void} run @param {number} everyMs */
    setInterval: (run, everyMs) => {
      this.#intervals.set(++this.#lastTimer, { run, everyMs, dueMs: this.nowMs + everyMs });
      return this.#lastTimer;
    },
    /** @param {number} timer */
    clearInterval: (timer) => void this.#intervals.delete(timer),
    /** @param {() => void} run @param {number} afterMs */
    setTimeout: (run, afterMs) => {
      const timer = ++this.#lastTimer;
      const once = () => {
        this.#intervals.delete(timer);
        run();
      };
      this.#intervals.set(timer, { run: once, everyMs: 0, dueMs: this.nowMs + afterMs });
      return timer;
    },
    /** @param {number} timer */
    clearTimeout: (timer) => void this.#intervals.delete(timer),
  };

  storage = {
    /** @param {string} key */
    getItem: (key) => this.#stored.get(key) ?? null,
    /** @param {string} key @param {string} value */
    setItem: (key, value) => void this.#stored.set(key, value),
    /** @param {string} key */
    removeItem: (key) => void this.#stored.delete(key),
  };

  get timersRunning() {
    return this.#intervals.size;
  }

  get WebSocket() {
    const { sockets } = this;
    return class extends FakeSocket {
      /** @param {string} url @param {string[]} protocols */
      constructor(url, protocols) {
        super(url, protocols);
        sockets.push(this);
      }
    };
  }

  get socket() {
    return this.sockets[this.sockets.length - 1];
  }

  passUntilNextSocket() {
    const count = this.sockets.length;
    while (this.sockets.length === count) this.pass(100);
  }

  /** @param {number} durationMs */
  pass(durationMs) {
    const end = this.nowMs + durationMs;
    for (;;) {
      const due = [...this.#intervals.values()].sort((a, b) => a.dueMs - b.dueMs)[0];
      if (!due || due.dueMs > end) break;
      this.nowMs = due.dueMs;
      due.dueMs += due.everyMs;
      due.run();
    }
    this.nowMs = end;
  }
}

export class FakeSocket {
  binaryType = "blob";
  protocol = "";
  /** @type {((event: any) => void) | null} */
  onopen = null;
  /** @type {((event: any) => void) | null} */
  onmessage = null;
  /** @type {((event: any) => void) | null} */
  onclose = null;
  /** @type {((event: any) => void) | null} */
  onerror = null;
  /** @type {any[]} */
  sent = [];
  /** @type {[number | undefined, string | undefined] | null} */
  closedWith = null;

  /** @param {string} url @param {string[]} protocols */
  constructor(url, protocols) {
    this.url = url;
    this.protocols = protocols;
  }

  /** @param {any} data */
  send(data) {
    this.sent.push(data);
  }

  /** @param {number} [code] @param {string} [reason] */
  close(code, reason) {
    if (code !== undefined && code !== 1000 && !(code >= 3000 && code < 5000)) throw new Error(`a browser refuses ${code}`);
    if (new TextEncoder().encode(reason ?? "").length > 123) throw new Error("a browser refuses so long a reason");
    this.closedWith = [code, reason];
  }

  /** The server accepts. */
  accept() {
    this.protocol = this.protocols[0];
    this.onopen?.({});
  }

  /** The server sends. @param {object | string | Uint8Array} data */
  push(data) {
    if (data instanceof Uint8Array) data = /** @type {any} */ (data.buffer.slice(data.byteOffset, data.byteOffset + data.byteLength));
    else if (typeof data !== "string") data = JSON.stringify(data);
    this.onmessage?.({ data });
  }

  /** The server closes. @param {number} code @param {string} [reason] */
  end(code, reason = "") {
    this.onclose?.({ code, reason });
  }

  /** Text messages that were sent, parsed. @returns {any[]} */
  get texts() {
    return this.sent.filter((data) => typeof data === "string").map((text) => JSON.parse(text));
  }

  /** Binary frames of one kind that were sent. @param {number} kind @returns {Uint8Array[]} */
  frames(kind) {
    return this.sent.filter((data) => typeof data !== "string" && data[0] === kind);
  }
}
