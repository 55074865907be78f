// @ts-check
/** What the page knows: the newest figures, all rooms, and the last minutes. Takes messages of the feed; draws nothing. */

export const HISTORY_LEN_MAX = 900;
export const TICKS_LEN_MAX = 300;
const EVENTS_LEN_MAX = 100;

/**
 * @typedef {{
 *   id: string, game: string, code: string | null, locked: boolean, taken: number, connected: number | null, seats: number,
 *   machine?: string | null, tick_rate: number | null, began_s: number, budget_ms: number | null, over: number, over_phase: string,
 *   bytes_in_s: number | null, bytes_out_s: number | null, missing_s: number | null, skipped_s: number | null,
 *   tick_ms_p50: number | null, tick_ms_p99: number | null, tick_ms_max: number | null, late_ms_p99: number | null,
 * }} Room machine: the URL of the one that it is on, when that is another than this page's
 * @typedef {{
 *   seat: number, name: string, user?: string | null, state: string, codec: string, address?: string | null,
 *   rtt_ms?: number | null, jitter_ms?: number | null, behind_ms: number | null, queue: number, inputs: number,
 *   missing: number, discarded: number, skipped: number, drops: number, bytes_in?: number | null,
 *   bytes_out?: number | null, unsent_bytes?: number | null,
 *   bytes_in_s: number | null, bytes_out_s: number | null, inputs_s: number | null,
 * }} Seat
 * @typedef {Record<string, number | null>} Figures
 * @typedef {{level: string, text: string, room: string | null}} Reason
 * @typedef {{level: string, title: string, reasons: Reason[]}} Verdict
 * @typedef {{score: number, room: string, game: string, seat: number, name: string, why: string}} Trouble
 * @typedef {{room: string, game: string, tick: number, seed: string, error: string, at_unix_s: number}} Crash
 * @typedef {{at_unix_s: number, by: string, act: string, text: string, ok: boolean}} Act
 * @typedef {{key: string, by: string, who: string, name: string, reason: string, admin: string, until_unix_s: number}} Ban
 * @typedef {{node: string, pid: number, python: string, games: string[], connections_max: number}} Server
 * @typedef {{
 *   node: string, state: "up" | "draining" | "silent" | "gone", pid?: number, is_here?: boolean, players?: number,
 *   rooms?: number, connections?: number, cpu_percent?: number, memory_bytes?: number, late_ms_p99?: number | null,
 * }} Worker one of several processes of this machine; of one that does not answer nothing more is known
 * @typedef {{node: string, url: string, load: number, players: number, rooms: number, is_here: boolean}} Node
 * @typedef {{is_up: boolean, nodes: Node[]}} Machines processes of all machines that share a Redis
 * @typedef {{log_level: string, draining: boolean, bans_max: number, connections_max?: number}} Facts
 * @typedef {{number: number, tick: number, name: string, to: number | null, data: string}} RoomEvent
 * @typedef {{name: string, to: string}} Field
 */

export class Model {
  constructor() {
    /** @type {Server} */
    this.server = { node: "", pid: 0, python: "", games: [], connections_max: 0 };
    this.role = "viewer";
    /** @type {Map<string, Room>} */
    this.rooms = new Map();
    /** @type {Figures} */
    this.process = {};
    /** @type {Figures} */
    this.counters = {};
    /** @type {Figures} how much each counter grew in the last second */
    this.rates = {};
    /** @type {Figures} */
    this.closes = {};
    /** @type {Verdict} */
    this.verdict = { level: "unknown", title: "Looking…", reasons: [] };
    /** @type {Trouble[]} */
    this.troubles = [];
    /** @type {Crash[]} */
    this.crashes = [];
    /** @type {Act[]} */
    this.acts = [];
    /** @type {Ban[]} */
    this.bans = [];
    /** @type {Machines | null} */
    this.machines = null;
    /** @type {Worker[] | null} */
    this.workers = null;
    /** @type {Facts} */
    this.facts = { log_level: "info", draining: false, bans_max: 0 };
    /** @type {Record<string, (number | null)[]>} a column for each figure, all of one length, oldest first */
    this.history = { at_s: [] };
    this.adminPercent = 0;
    this.watch = new RoomModel(null);
  }

  /** Take one message. @param {Record<string, any>} message */
  apply(message) {
    if (message.type === "hello") this.applyHello(message);
    else if (message.type === "update") this.applyUpdate(message);
    else if (message.type === "history") this.applyHistory(message);
    else if (message.type === "room" && message.room === this.watch.room) this.watch.apply(message);
  }

  /** @param {Record<string, any>} hello */
  applyHello(hello) {
    this.server = hello.server;
    this.role = hello.role;
    this.history = { at_s: [] };
    this.rooms = new Map(Object.entries(hello.rooms).map(([id, row]) => [id, { ...row, id }]));
    this.process = hello.process;
    this.counters = hello.counters;
    this.closes = hello.closes;
    this.rates = {};
    this.acts = hello.acts;
    this.applyParts(hello);
  }

  /** @param {Record<string, any>} message parts that are told as a whole, when they changed */
  applyParts(message) {
    if (message.verdict) this.verdict = message.verdict;
    if (message.troubles) this.troubles = message.troubles;
    if (message.crashes) this.crashes = message.crashes;
    if (message.bans) this.bans = message.bans;
    if (message.machines) this.machines = message.machines;
    if (message.workers) this.workers = message.workers;
    if (message.facts) this.facts = message.facts;
    if (message.acts) this.acts = message.acts;
  }

  /** @param {Record<string, any>} update */
  applyUpdate(update) {
    const before = this.process;
    const counters = this.counters;
    this.process = { ...before, ...update.process };
    this.counters = { ...counters, ...update.counters };
    this.closes = { ...this.closes, ...update.closes };
    const seconds = (this.process.at_s ?? 0) - (before.at_s ?? NaN);
    this.rates = {};
    for (const [name, number] of Object.entries(/** @type {Record<string, number>} */ (update.counters))) {
      const rate = (number - (counters[name] ?? NaN)) / seconds;
      // Of several processes one may have died, and its part of the sum with it.
      this.rates[name] = Number.isFinite(rate) ? Math.max(rate, 0) : 0;
    }
    const adminMs = (this.process.admin_cpu_ms ?? 0) - (before.admin_cpu_ms ?? NaN);
    if (seconds > 0 && Number.isFinite(adminMs)) this.adminPercent = adminMs / seconds / 10;
    this.applyParts(update);
    for (const [id, row] of Object.entries(update.rooms)) {
      this.rooms.set(id, { .../** @type {Room} */ (this.rooms.get(id)), ...row, id });
    }
    for (const id of update.gone) this.rooms.delete(id);
    this.remember(update.second);
  }

  /** @param {Figures} second */
  remember(second) {
    const length = this.history.at_s?.length ?? 0;
    for (const name of Object.keys(second)) {
      // A reason for closing that occurs for the first time was 0 before.
      this.history[name] ??= new Array(length).fill(name.startsWith("close_") ? 0 : null);
    }
    for (const [name, column] of Object.entries(this.history)) {
      column.push(second[name] ?? null);
      if (column.length > HISTORY_LEN_MAX) column.shift();
    }
  }

  /** @param {Record<string, any>} message columns up to the newest second, which came just before */
  applyHistory(message) {
    const columns = /** @type {Record<string, (number | null)[]>} */ (message.columns);
    const length = Math.max(...Object.values(columns).map((column) => column.length));
    const known = this.history.at_s?.length ?? 0;
    if (known < length) {
      for (const [name, column] of Object.entries(this.history)) {
        this.history[name] = [...new Array(length - known).fill(null), ...column];
      }
    }
    Object.assign(this.history, columns);
  }

  /** Whether there is more than one process to tell apart. */
  get isFleet() {
    return (this.workers?.length ?? 0) > 1 || (this.machines?.nodes.length ?? 0) > 1;
  }

  /** Look into a room, or into none. @param {string | null} room */
  lookInto(room) {
    this.watch = new RoomModel(room);
  }

  /** How long a room has been there, in s. @param {Room} room */
  ageOf(room) {
    return Math.max(0, (this.process.at_s ?? 0) - room.began_s);
  }
}

/** The one room that is looked into. */
export class RoomModel {
  /** @param {string | null} room */
  constructor(room) {
    this.room = room;
    this.tick = 0;
    /** @type {Map<string, Seat>} */
    this.seats = new Map();
    this.omitted = 0;
    /** @type {Record<string, any>[]} a sample a second: mean of each phase, p50, p99, max, budget_ms */
    this.ticks = [];
    /** @type {RoomEvent[]} newest last */
    this.events = [];
    /** @type {Record<string, Field[]>} */
    this.fields = {};
    /** @type {Record<string, number>} */
    this.counts = {};
    /** @type {Map<string, Map<string, Record<string, any>>>} type name -> entity id -> row */
    this.state = new Map();
    /** @type {Set<string>} what changed with the newest message: "Type id field" */
    this.fresh = new Set();
    this.hasState = false;
    /** the server's clock at the newest look, for rates */
    this.atS = 0;
  }

  /** @param {Record<string, any>} message */
  apply(message) {
    if (message.full) {
      this.seats.clear();
      this.events = [];
      this.ticks = [];
      this.state.clear();
    }
    this.tick = message.tick;
    this.omitted = message.omitted;
    this.applySeats(message);
    this.events = [...this.events, ...message.events].slice(-EVENTS_LEN_MAX);
    this.ticks = [...this.ticks, ...message.ticks].slice(-TICKS_LEN_MAX);
    this.fresh.clear();
    if (message.state) this.applyState(message.state, Boolean(message.full));
  }

  /** @param {Record<string, any>} message */
  applySeats(message) {
    const seconds = message.at_s - this.atS;
    const tellsRate = !message.full && seconds > 0;
    this.atS = message.at_s;
    for (const key of message.gone) this.seats.delete(key);
    for (const [key, row] of Object.entries(/** @type {Record<string, any>} */ (message.set))) {
      this.seats.set(key, { .../** @type {Seat} */ (this.seats.get(key)), ...this.rates(key, row, tellsRate ? seconds : 0), ...row });
    }
    if (tellsRate) {
      for (const [key, seat] of this.seats) {
        if (!(key in message.set)) this.seats.set(key, { ...seat, bytes_in_s: 0, bytes_out_s: 0, inputs_s: 0 });
      }
    }
  }

  /** @param {string} key @param {Record<string, any>} row @param {number} seconds 0: no rates yet */
  rates(key, row, seconds) {
    const before = this.seats.get(key);
    /** @type {(name: "bytes_in" | "bytes_out" | "inputs") => number | null} */
    const rate = (name) => {
      const [now, then] = [row[name] ?? before?.[name], before?.[name]];
      return typeof now === "number" && typeof then === "number" ? Math.max(0, Math.round((now - then) / seconds)) : null;
    };
    if (!seconds) return { bytes_in_s: null, bytes_out_s: null, inputs_s: null };
    return { bytes_in_s: rate("bytes_in"), bytes_out_s: rate("bytes_out"), inputs_s: rate("inputs") };
  }

  /** @param {Record<string, any>} state @param {boolean} isWhole */
  applyState(state, isWhole) {
    this.hasState = true;
    this.counts = state.counts;
    if (state.fields) this.fields = state.fields;
    for (const [type, change] of Object.entries(/** @type {Record<string, any>} */ (state.types))) {
      const rows = this.state.get(type) ?? new Map();
      this.state.set(type, rows);
      for (const [id, row] of Object.entries(/** @type {Record<string, any>} */ (change.set))) {
        if (!isWhole) for (const name of Object.keys(row)) this.fresh.add(`${type} ${id} ${name}`);
        rows.set(id, { ...rows.get(id), ...row });
      }
      for (const id of change.gone) rows.delete(id);
    }
  }
}

/** The process that has a room: its name stands in front of the room's. @param {Room} room */
export function processOf(room) {
  return room.id.split("-", 1)[0] ?? "";
}

/** @param {Seat} seat */
export function seatKey(seat) {
  return `${seat.seat} ${seat.name}`;
}
