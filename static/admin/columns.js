// @ts-check
/** The columns of both tables: what each shows, sorts by, and from when on it is marked. */
import { make } from "/static/shared/dom.js";
import { bytesText, duration, ms, whole } from "/static/admin/format.js";
import { processOf } from "/static/admin/model.js";

/** @typedef {import("./model.js").Model} Model */
/** @typedef {import("./model.js").Room} Room */
/** @typedef {import("./model.js").Seat} Seat */
/** @template R @typedef {import("./tables.js").Column<R>} Column */

const RTT_STRAINED_MS = 250;
const JITTER_STRAINED_MS = 60;
const BEHIND_STRAINED_MS = 1000;
const LATE_STRAINED_MS = 15;

/** @param {Room} room */
function markTick(room) {
  if (room.tick_ms_p99 === null || room.budget_ms === null || room.tick_ms_p99 <= room.budget_ms) return "";
  return (room.tick_ms_p50 ?? 0) > room.budget_ms ? "bad" : "strained";
}

/** The end of a room's id: what tells it apart within this process. @param {string} id */
export function shortId(id) {
  return id.length > 13 ? `…${id.slice(-7)}` : id;
}

/** @param {Room} room */
function stateOf(room) {
  const states = [];
  if (room.code) states.push(room.code);
  if (room.locked) states.push("locked");
  if (room.taken && room.connected === 0) states.push("asleep");
  if (room.over > 1) states.push(`over budget: ${room.over_phase}`);
  return states.join(", ");
}

/** @param {Room} room */
function whereOf(room) {
  return room.machine ? `at ${hostOf(room.machine)}` : processOf(room);
}

/** A machine by its announced URL, without what is the same for all. @param {string} url */
export function hostOf(url) {
  return url.replace(/^wss?:\/\//, "").replace(/\/ws$/, "");
}

/** @param {number | null | undefined} value @param {number} limit */
function over(value, limit) {
  return (value ?? 0) > limit ? "strained" : "";
}

/**
 * @param {Model} model
 * @param {(room: Room) => void} open
 * @returns {Column<Room>[]}
 */
export function roomColumns(model, open) {
  return [
    { key: "id", label: "Room", value: (room) => room.id, make: (room) => openButton(room, open) },
    { key: "game", label: "Game", value: (room) => room.game, text: (room) => room.game },
    { key: "taken", label: "Seats", hint: "Taken, of all", isNumber: true, value: (room) => room.taken, text: (room) => `${room.taken} / ${room.seats}` },
    { key: "rate", label: "Hz", hint: "Ticks a second", isNumber: true, isMinor: true, value: (room) => room.tick_rate, text: (room) => whole(room.tick_rate) },
    { key: "p50", label: "Tick p50", hint: "Tick time in ms, lately", isNumber: true, isMinor: true, value: (room) => room.tick_ms_p50, text: (room) => ms(room.tick_ms_p50) },
    { key: "p99", label: "p99", hint: "Tick time in ms, lately; marked when over the room's budget", isNumber: true, value: (room) => room.tick_ms_p99, text: (room) => ms(room.tick_ms_p99), mark: markTick },
    { key: "late", label: "Late", hint: "How late ticks began, p99 in ms, lately", isNumber: true, value: (room) => room.late_ms_p99, text: (room) => ms(room.late_ms_p99), mark: (room) => over(room.late_ms_p99, LATE_STRAINED_MS) },
    { key: "out", label: "Out /s", isNumber: true, value: (room) => room.bytes_out_s, text: (room) => bytesText(room.bytes_out_s) },
    { key: "in", label: "In /s", isNumber: true, isMinor: true, value: (room) => room.bytes_in_s, text: (room) => bytesText(room.bytes_in_s) },
    { key: "missing", label: "Missing", hint: "Steps a second for which a player's input had not come", isNumber: true, isMinor: true, value: (room) => room.missing_s, text: (room) => whole(room.missing_s) },
    { key: "skipped", label: "Skipped", hint: "States a second that slow players were not sent", isNumber: true, isMinor: true, value: (room) => room.skipped_s, text: (room) => whole(room.skipped_s), mark: (room) => over(room.skipped_s, 0) },
    { key: "state", label: "State", hint: "Code of a private room, locked, asleep, over its budget", value: stateOf, text: stateOf, mark: (room) => (room.over > 1 ? "strained" : "") },
    { key: "age", label: "Age", isNumber: true, value: (room) => -room.began_s, text: (room) => duration(model.ageOf(room)) },
    { key: "process", label: "Process", hint: "The process that has the room; of rooms of other machines the machine", isFleet: true, value: whereOf, text: whereOf },
  ];
}

/**
 * @param {{kick: (seat: Seat) => void, ban: (seat: Seat) => void}} acts
 * @returns {Column<Seat>[]}
 */
export function seatColumns(acts) {
  return [
    { key: "seat", label: "Seat", isNumber: true, value: (seat) => seat.seat, text: (seat) => String(seat.seat) },
    { key: "name", label: "Name", value: (seat) => seat.name, text: (seat) => seat.name },
    { key: "state", label: "State", value: (seat) => seat.state, text: (seat) => seat.state, mark: (seat) => (seat.state === "dropped" ? "strained" : "") },
    { key: "rtt", label: "RTT", hint: "Round trip in ms, measured by the server", isNumber: true, value: (seat) => seat.rtt_ms, text: (seat) => ms(seat.rtt_ms), mark: (seat) => over(seat.rtt_ms, RTT_STRAINED_MS) },
    { key: "jitter", label: "Jitter", hint: "How far round trips stray, in ms", isNumber: true, isMinor: true, value: (seat) => seat.jitter_ms, text: (seat) => ms(seat.jitter_ms), mark: (seat) => over(seat.jitter_ms, JITTER_STRAINED_MS) },
    { key: "behind", label: "Behind", hint: "Age of the newest state that the player has confirmed, in ms: round trip and waiting", isNumber: true, isMinor: true, value: (seat) => seat.behind_ms, text: (seat) => whole(seat.behind_ms), mark: (seat) => over(seat.behind_ms, BEHIND_STRAINED_MS) },
    { key: "unsent", label: "Backlog", hint: "Bytes that wait for the connection", isNumber: true, value: (seat) => seat.unsent_bytes, text: (seat) => bytesText(seat.unsent_bytes), mark: (seat) => over(seat.unsent_bytes, 0) },
    { key: "queue", label: "Depth", hint: "Inputs that wait for their tick", isNumber: true, value: (seat) => seat.queue, text: (seat) => whole(seat.queue) },
    { key: "rate", label: "Inputs /s", isNumber: true, isMinor: true, value: (seat) => seat.inputs_s, text: (seat) => whole(seat.inputs_s) },
    { key: "missing", label: "Missing", hint: "Steps for which no input had come, so far", isNumber: true, value: (seat) => seat.missing, text: (seat) => whole(seat.missing) },
    { key: "discarded", label: "Discarded", hint: "Inputs too many, discarded so far", isNumber: true, isMinor: true, value: (seat) => seat.discarded, text: (seat) => whole(seat.discarded) },
    { key: "skipped", label: "Skipped", hint: "States not sent because the connection was slow, so far", isNumber: true, value: (seat) => seat.skipped, text: (seat) => whole(seat.skipped) },
    { key: "drops", label: "Drops", hint: "How often the connection was lost", isNumber: true, value: (seat) => seat.drops, text: (seat) => whole(seat.drops) },
    { key: "out", label: "Out /s", isNumber: true, value: (seat) => seat.bytes_out_s, text: (seat) => bytesText(seat.bytes_out_s) },
    { key: "in", label: "In /s", isNumber: true, isMinor: true, value: (seat) => seat.bytes_in_s, text: (seat) => bytesText(seat.bytes_in_s) },
    { key: "address", label: "Address", value: (seat) => seat.address, text: (seat) => seat.address ?? "–" },
    { key: "user", label: "User", isMinor: true, value: (seat) => seat.user, text: (seat) => seat.user ?? "–" },
    { key: "codec", label: "Codec", isMinor: true, value: (seat) => seat.codec, text: (seat) => seat.codec },
    { key: "act", label: "Acts", isOperator: true, isSticky: true, make: (seat) => seatActs(seat, acts) },
  ];
}

/** @param {Room} room @param {(room: Room) => void} open */
function openButton(room, open) {
  const button = make("button", "link number", make("span", "visually-hidden", `Look into ${room.game} room `), shortId(room.id));
  button.type = "button";
  button.title = room.id;
  button.addEventListener("click", () => open(room));
  return button;
}

/** @param {Seat} seat @param {{kick: (seat: Seat) => void, ban: (seat: Seat) => void}} acts */
function seatActs(seat, acts) {
  return make(
    "span",
    "row-acts",
    actButton("Remove", `Remove ${seat.name}`, () => acts.kick(seat)),
    actButton("Ban", `Ban ${seat.name}`, () => acts.ban(seat)),
  );
}

/** @param {string} text @param {string} label @param {() => void} act */
export function actButton(text, label, act) {
  const button = make("button", "button button-row", text);
  button.type = "button";
  button.setAttribute("aria-label", label);
  button.addEventListener("click", act);
  return button;
}
