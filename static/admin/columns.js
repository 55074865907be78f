// @ts-check
/** The columns of both tables: what each shows, sorts by, and from when on it is marked. */
import { make } from "/static/shared/dom.js";
import { bytesText, duration, ms, whole } from "/static/admin/format.js";

/** @typedef {import("./model.js").Model} Model */
/** @typedef {import("./model.js").Room} Room */
/** @typedef {import("./model.js").Session} Session */
/** @template R @typedef {import("./tables.js").Column<R>} Column */

/** Share of its tick period that a room needs. @param {Room} room */
export function shareOf(room) {
  return room.tick_ms_p99 === null ? null : (room.tick_ms_p99 * room.tick_rate) / 1000;
}

/** @param {number | null} share */
function markShare(share) {
  if (share === null || share <= 0.7) return "";
  return share > 1 ? "bad" : "strained";
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
  if (room.taken && !room.connected) states.push("asleep");
  return states.join(", ");
}

/**
 * @param {Model} model
 * @param {{open: (room: Room) => void, close: (room: Room) => void}} acts
 * @returns {Column<Room>[]}
 */
export function roomColumns(model, acts) {
  return [
    { key: "id", label: "Room", value: (room) => room.id, make: (room) => openButton(room, acts.open) },
    { key: "game", label: "Game", value: (room) => room.game, text: (room) => room.game },
    { key: "taken", label: "Seats", hint: "Taken, of all", isNumber: true, value: (room) => room.taken, text: (room) => `${room.taken} / ${room.seats}` },
    { key: "rate", label: "Hz", hint: "Ticks a second", isNumber: true, isMinor: true, value: (room) => room.tick_rate, text: (room) => whole(room.tick_rate) },
    { key: "p50", label: "Tick p50", hint: "Tick time in ms, lately", isNumber: true, isMinor: true, value: (room) => room.tick_ms_p50, text: (room) => ms(room.tick_ms_p50) },
    { key: "p99", label: "Tick p99", hint: "Tick time in ms, lately", isNumber: true, value: (room) => room.tick_ms_p99, text: (room) => ms(room.tick_ms_p99), mark: (room) => markShare(shareOf(room)) },
    { key: "late", label: "Late p99", hint: "How late ticks began, in ms, lately", isNumber: true, value: (room) => room.late_ms_p99, text: (room) => ms(room.late_ms_p99), mark: (room) => ((room.late_ms_p99 ?? 0) > 15 ? "strained" : "") },
    { key: "out", label: "Out /s", isNumber: true, value: (room) => room.bytes_out_s, text: (room) => bytesText(room.bytes_out_s) },
    { key: "in", label: "In /s", isNumber: true, isMinor: true, value: (room) => room.bytes_in_s, text: (room) => bytesText(room.bytes_in_s) },
    { key: "missing", label: "Missing", hint: "Steps a second for which a player's input had not come", isNumber: true, isMinor: true, value: (room) => room.missing_s, text: (room) => whole(room.missing_s) },
    { key: "skipped", label: "Skipped", hint: "States a second that slow players were not sent", isNumber: true, isMinor: true, value: (room) => room.skipped_s, text: (room) => whole(room.skipped_s), mark: (room) => ((room.skipped_s ?? 0) > 0 ? "strained" : "") },
    { key: "state", label: "State", hint: "Code of a private room, locked, asleep", value: stateOf, text: stateOf },
    { key: "age", label: "Age", isNumber: true, value: (room) => -room.began_s, text: (room) => duration(model.ageOf(room)) },
    { key: "act", label: "Acts", make: (room) => actButton("Close", `Close room ${room.id}`, () => acts.close(room)) },
  ];
}

/** @param {(session: Session) => void} kick @returns {Column<Session>[]} */
export function sessionColumns(kick) {
  return [
    { key: "seat", label: "Seat", isNumber: true, value: (session) => session.seat, text: (session) => String(session.seat) },
    { key: "name", label: "Name", value: (session) => session.name, text: (session) => session.name },
    { key: "state", label: "State", value: (session) => session.state, text: (session) => session.state, mark: (session) => (session.state === "dropped" ? "strained" : "") },
    { key: "behind", label: "Behind ms", hint: "Age of the newest state that the player has confirmed: round trip and waiting", isNumber: true, value: (session) => session.behind_ms, text: (session) => whole(session.behind_ms), mark: (session) => ((session.behind_ms ?? 0) > 1000 ? "strained" : "") },
    { key: "rtt", label: "RTT ms", isNumber: true, isMinor: true, value: (session) => session.rtt_ms, text: (session) => whole(session.rtt_ms) },
    { key: "queue", label: "Queue", hint: "Inputs that wait", isNumber: true, value: (session) => session.queue, text: (session) => whole(session.queue) },
    { key: "missing", label: "Missing", hint: "Steps for which no input had come", isNumber: true, value: (session) => session.missing, text: (session) => whole(session.missing) },
    { key: "skipped", label: "Skipped", hint: "States not sent because the connection was slow", isNumber: true, value: (session) => session.skipped, text: (session) => whole(session.skipped) },
    { key: "unsent", label: "Unsent", hint: "Bytes that wait for the connection", isNumber: true, isMinor: true, value: (session) => session.unsent_bytes, text: (session) => bytesText(session.unsent_bytes), mark: (session) => ((session.unsent_bytes ?? 0) > 0 ? "strained" : "") },
    { key: "out", label: "Out /s", isNumber: true, value: (session) => session.bytes_out_s, text: (session) => bytesText(session.bytes_out_s) },
    { key: "in", label: "In /s", isNumber: true, value: (session) => session.bytes_in_s, text: (session) => bytesText(session.bytes_in_s) },
    { key: "address", label: "Address", value: (session) => session.address, text: (session) => session.address ?? "–" },
    { key: "codec", label: "Codec", isMinor: true, value: (session) => session.codec, text: (session) => session.codec },
    { key: "act", label: "Acts", make: (session) => actButton("Remove", `Remove ${session.name}`, () => kick(session)) },
  ];
}

/** @param {Room} room @param {(room: Room) => void} open */
function openButton(room, open) {
  const button = make("button", "link number", shortId(room.id));
  button.type = "button";
  button.title = room.id;
  button.setAttribute("aria-label", `Look into ${room.game} room ${room.id}`);
  button.addEventListener("click", () => open(room));
  return button;
}

/** @param {string} text @param {string} label @param {() => void} act */
function actButton(text, label, act) {
  const button = make("button", "button button-row operator", text);
  button.type = "button";
  button.setAttribute("aria-label", label);
  button.addEventListener("click", act);
  return button;
}
