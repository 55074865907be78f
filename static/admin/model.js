// @ts-check
/** What the page knows: the newest figures, all rooms, and the last minutes. Takes messages of the feed; draws nothing. */

export const HISTORY_LEN_MAX = 180;

/**
 * @typedef {{
 *   id: string, game: string, code: string | null, locked: boolean, taken: number, connected: number, seats: number,
 *   tick_rate: number, began_s: number,
 *   bytes_in_s: number | null, bytes_out_s: number | null, missing_s: number | null, skipped_s: number | null,
 *   tick_ms_p50: number | null, tick_ms_p99: number | null, late_ms_p99: number | null,
 * }} Room
 * @typedef {{
 *   seat: number, name: string, state: string, codec: string, address?: string, rtt_ms?: number | null,
 *   behind_ms: number | null, queue: number, missing: number, skipped: number, bytes_in?: number, bytes_out?: number,
 *   unsent_bytes?: number, bytes_in_s: number | null, bytes_out_s: number | null,
 * }} Session
 * @typedef {Record<string, number>} Figures
 * @typedef {{level: string, text: string, room: string | null}} Reason
 * @typedef {{level: string, title: string, reasons: Reason[]}} Verdict
 * @typedef {{room: string, game: string, tick: number, seed: string, error: string, ago_s: number}} Crash
 * @typedef {{at_unix_s: number, by: string, text: string, ok: boolean}} Act
 * @typedef {{pid: number, python: string, games: string[], connections_max: number}} Server
 */

export class Model {
  constructor() {
    /** @type {Server} */
    this.server = { pid: 0, python: "", games: [], connections_max: 0 };
    this.role = "viewer";
    /** @type {Map<string, Room>} */
    this.rooms = new Map();
    /** @type {Figures} */
    this.process = {};
    /** @type {Figures} */
    this.phases = {};
    /** @type {Figures} */
    this.counters = {};
    /** @type {Figures} how much each counter grew in the last second */
    this.rates = {};
    /** @type {Figures} */
    this.closes = {};
    /** @type {Verdict} */
    this.verdict = { level: "unknown", title: "Looking…", reasons: [] };
    /** @type {Crash[]} */
    this.crashes = [];
    this.crashesAtMs = 0;
    /** @type {Act[]} */
    this.acts = [];
    /** @type {Record<string, number[]>} */
    this.history = {};
    /** @type {string | null} the room that is looked into */
    this.watched = null;
    /** @type {Session[]} */
    this.sessions = [];
    this.omitted = 0;
    this.adminPercent = 0;
    this.sessionsAtMs = 0;
  }

  /**
   * Take one message; the time is that of its arrival.
   * @param {Record<string, any>} message
   * @param {number} nowMs
   */
  apply(message, nowMs) {
    if (message.type === "hello") this.applyHello(message, nowMs);
    else if (message.type === "update") this.applyUpdate(message, nowMs);
    else if (message.type === "sessions" && message.room === this.watched) this.applySessions(message, nowMs);
  }

  /** @param {Record<string, any>} hello @param {number} nowMs */
  applyHello(hello, nowMs) {
    this.server = hello.server;
    this.role = hello.role;
    this.history = hello.history;
    this.rooms = new Map(Object.entries(hello.rooms).map(([id, row]) => [id, { ...row, id }]));
    this.acts = hello.acts;
    this.setCrashes(hello.crashes, nowMs);
    this.process = {};
    this.counters = {};
    this.rates = {};
  }

  /** @param {Record<string, any>} update @param {number} nowMs */
  applyUpdate(update, nowMs) {
    const seconds = update.process.uptime_s - (this.process.uptime_s ?? NaN);
    this.rates = {};
    for (const [name, number] of Object.entries(update.counters)) {
      const rate = (number - this.counters[name]) / seconds;
      this.rates[name] = Number.isFinite(rate) ? rate : 0;
    }
    const adminMs = update.process.admin_cpu_ms - this.process.admin_cpu_ms;
    if (seconds > 0) this.adminPercent = adminMs / seconds / 10;
    this.process = update.process;
    this.phases = update.phases;
    this.counters = update.counters;
    this.closes = update.closes;
    this.verdict = update.verdict;
    if (update.crashes) this.setCrashes(update.crashes, nowMs);
    if (update.acts) this.acts = update.acts;
    for (const [id, row] of Object.entries(update.rooms)) {
      this.rooms.set(id, { .../** @type {Room} */ (this.rooms.get(id)), ...row, id });
    }
    for (const id of update.gone) this.rooms.delete(id);
    this.remember(update.process);
  }

  /** @param {Figures} process */
  remember(process) {
    for (const [name, column] of Object.entries(this.history)) {
      column.push(name === "at_s" ? process.uptime_s : process[name]);
      if (column.length > HISTORY_LEN_MAX) column.shift();
    }
  }

  /** @param {Crash[]} crashes @param {number} nowMs */
  setCrashes(crashes, nowMs) {
    this.crashes = crashes;
    this.crashesAtMs = nowMs;
  }

  /** @param {Record<string, any>} message @param {number} nowMs */
  applySessions(message, nowMs) {
    const before = new Map(this.sessions.map((session) => [sessionKey(session), session]));
    const seconds = (nowMs - this.sessionsAtMs) / 1000;
    /** @type {(now?: number, then?: number | null) => number | null} */
    const rate = (now, then) =>
      now === undefined || then === undefined || then === null ? null : Math.max(0, Math.round((now - then) / seconds));
    // Two messages within a moment tell no rate: the one that was asked for, and that of the second.
    const isTooSoon = seconds < 0.5;
    this.sessions = message.rows.map((/** @type {Session} */ row) => {
      const known = before.get(sessionKey(row));
      if (isTooSoon) return { ...row, bytes_in_s: known?.bytes_in_s ?? null, bytes_out_s: known?.bytes_out_s ?? null };
      return {
        ...row,
        bytes_in_s: rate(row.bytes_in, known?.bytes_in),
        bytes_out_s: rate(row.bytes_out, known?.bytes_out),
      };
    });
    this.omitted = message.omitted;
    if (!isTooSoon) this.sessionsAtMs = nowMs;
  }

  /** @param {string | null} room */
  watch(room) {
    this.watched = room;
    this.sessions = [];
    this.omitted = 0;
  }

  /** How long a room has been there, in s. @param {Room} room */
  ageOf(room) {
    return Math.max(0, (this.process.uptime_s ?? 0) - room.began_s);
  }
}

/** @param {Session} session */
export function sessionKey(session) {
  return `${session.seat} ${session.name}`;
}
