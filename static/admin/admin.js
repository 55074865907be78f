// @ts-check
/** The status page: wires the feed to the model and the model to what is drawn, and asks for acts. */
import { byId } from "/static/shared/dom.js";
import { roomColumns, sessionColumns, shortId } from "/static/admin/columns.js";
import { confirm } from "/static/admin/confirm.js";
import { Feed } from "/static/admin/feed.js";
import { Model, sessionKey } from "/static/admin/model.js";
import { Panels } from "/static/admin/panels.js";
import { ROWS_DRAWN_MAX, Table } from "/static/admin/tables.js";

/** @typedef {import("./model.js").Room} Room */
/** @typedef {import("./model.js").Session} Session */

const TOAST_MS = 5000;
const STATUS_TEXT = { connecting: "connecting", live: "live", lost: "reconnecting" };

const model = new Model();
const feed = new Feed(receive, showStatus);
const panels = new Panels(look);
const roomsFilter = byId("rooms-filter", HTMLInputElement);
const sessionsFilter = byId("sessions-filter", HTMLInputElement);
let toastTimer = 0;

const rooms = new Table(byId("rooms", HTMLTableElement), {
  caption: "Rooms, sortable by the buttons in the header",
  columns: roomColumns(model, { open: (room) => look(room.id), close: (room) => void closeRoom(room) }),
  keyOf: (room) => room.id,
  sort: "taken",
  isDown: true,
  onOpen: (room) => look(room.id),
});
const sessions = new Table(byId("sessions", HTMLTableElement), {
  caption: "Players of the room, sortable by the buttons in the header",
  columns: sessionColumns((session) => void kick(session)),
  keyOf: sessionKey,
  sort: "seat",
});

/** @param {Record<string, any>} message */
function receive(message) {
  const nowMs = performance.now();
  model.apply(message, nowMs);
  if (message.type === "sessions") {
    drawRoom();
    return;
  }
  if (message.type === "hello") {
    document.body.dataset.role = model.role;
    if (model.watched !== null) feed.watch(model.watched);
    return;
  }
  panels.draw(model, nowMs);
  drawRooms();
  if (model.watched !== null && !model.rooms.has(model.watched)) drawRoom();
}

/** @param {import("./feed.js").Status} status */
function showStatus(status) {
  byId("live", HTMLElement).dataset.state = status;
  byId("live-text", HTMLElement).textContent = STATUS_TEXT[status];
  document.body.classList.toggle("is-stale", status !== "live");
}

/** @param {string} words @param {string} text whether every word occurs */
function fits(words, text) {
  const lower = text.toLowerCase();
  return words.toLowerCase().split(/\s+/).every((word) => lower.includes(word));
}

function drawRooms() {
  const all = [...model.rooms.values()];
  const wanted = roomsFilter.value.trim();
  const shown = wanted ? all.filter((room) => fits(wanted, `${room.game} ${room.id} ${room.code ?? ""}`)) : all;
  rooms.update(shown);
  for (const [key, row] of rooms.drawn) row.classList.toggle("is-open", key === model.watched);
  byId("rooms-count", HTMLElement).textContent = countText(shown.length, all.length);
  const empty = byId("rooms-empty", HTMLElement);
  empty.hidden = shown.length > 0;
  empty.textContent = all.length ? "No room fits the filter." : "No rooms. One appears as soon as somebody plays.";
}

/** @param {number} shown @param {number} all */
function countText(shown, all) {
  const drawn = Math.min(shown, ROWS_DRAWN_MAX);
  return drawn === all ? String(all) : `${drawn} of ${all}`;
}

/** Look into a room, or stop with null. @param {string | null} room */
function look(room) {
  const isNew = room !== model.watched;
  if (isNew) {
    model.watch(room);
    feed.watch(room);
    sessionsFilter.value = "";
  }
  byId("room", HTMLElement).hidden = room === null;
  drawRooms();
  if (room === null) return;
  drawRoom();
  const heading = byId("room-heading", HTMLElement);
  heading.focus({ preventScroll: true });
  heading.scrollIntoView({ block: "nearest", behavior: "smooth" });
}

function drawRoom() {
  const room = model.rooms.get(model.watched ?? "");
  const wanted = sessionsFilter.value.trim();
  const shown = model.sessions.filter((session) => !wanted || fits(wanted, `${session.name} ${session.address ?? ""}`));
  sessions.update(room ? shown : []);
  byId("room-heading", HTMLElement).textContent = room ? `${room.game} ${shortId(room.id)}` : "Room";
  byId("room-count", HTMLElement).textContent = room ? countText(shown.length, model.sessions.length + model.omitted) : "";
  byId("room-close", HTMLButtonElement).disabled = !room;
  const empty = byId("sessions-empty", HTMLElement);
  empty.hidden = Boolean(room) && shown.length > 0;
  empty.textContent = room ? "Nobody here fits." : "This room is no more.";
}

/** @param {Room} room */
async function closeRoom(room) {
  const now = model.rooms.get(room.id) ?? room;
  const players = now.taken === 1 ? "Its player is" : `Its ${now.taken} players are`;
  const reason = await confirm({
    title: `Close ${room.game} ${shortId(room.id)}?`,
    text: `${players} put out at once, and the room's state is gone.`,
    yes: "Close room",
  });
  if (reason !== null) await act({ act: "close", room: room.id, reason });
}

/** @param {Session} session */
async function kick(session) {
  const room = model.watched;
  const reason = await confirm({
    title: `Remove ${session.name}?`,
    text: `Seat ${session.seat} becomes free at once. The player may join again.`,
    yes: "Remove player",
  });
  if (reason !== null) await act({ act: "kick", room, seat: session.seat, name: session.name, reason });
}

/** @param {Record<string, any>} request */
async function act(request) {
  const { ok, text } = await feed.act(request);
  const toast = byId("toast", HTMLElement);
  toast.textContent = text;
  toast.dataset.mark = ok ? "" : "bad";
  toast.hidden = false;
  clearTimeout(toastTimer);
  toastTimer = setTimeout(() => (toast.hidden = true), TOAST_MS);
}

async function logOut() {
  await fetch("/admin/logout", { method: "POST" });
  location.assign("/admin");
}

roomsFilter.addEventListener("input", drawRooms);
sessionsFilter.addEventListener("input", drawRoom);
byId("room-back", HTMLButtonElement).addEventListener("click", () => {
  look(null);
  roomsFilter.focus();
});
byId("room-close", HTMLButtonElement).addEventListener("click", () => {
  const room = model.rooms.get(model.watched ?? "");
  if (room) void closeRoom(room);
});
byId("log-out", HTMLButtonElement).addEventListener("click", () => void logOut());
feed.connect();
