// @ts-check
/** The status page: wires the feed to the model, the model to what is drawn, and what is clicked to acts. */
import { byId } from "/static/shared/dom.js";
import { Acts } from "/static/admin/acts.js";
import { Charts } from "/static/admin/charts.js";
import { roomColumns } from "/static/admin/columns.js";
import { Feed } from "/static/admin/feed.js";
import { Model } from "/static/admin/model.js";
import { Panels } from "/static/admin/panels.js";
import { RoomView, countText, fits } from "/static/admin/room_view.js";
import { Table } from "/static/admin/tables.js";

const STATUS_TEXT = { connecting: "connecting", live: "live", lost: "reconnecting" };

const model = new Model();
const feed = new Feed(receive, showStatus);
const acts = new Acts(feed);
const charts = new Charts();
const panels = new Panels({ look, unban: (ban) => void acts.unban(ban), drain: (url, players) => void acts.drainMachine(url, players) });
const filter = byId("rooms-filter", HTMLInputElement);
const rooms = new Table(byId("rooms", HTMLTableElement), {
  caption: "Rooms, sortable by the buttons in the header",
  columns: roomColumns(model, (room) => look(room.id)),
  keyOf: (room) => room.id,
  sort: "taken",
  isDown: true,
  onOpen: (room) => look(room.id),
  isOpen: (room) => room.id === model.watch.room,
});
const roomView = new RoomView(model, acts, feed, () => {
  if (model.watch.room === null) return;
  watch();
  roomView.draw();
});

/** @param {Record<string, any>} message */
function receive(message) {
  model.apply(message);
  if (message.type === "hello") {
    document.body.dataset.role = model.role;
    byId("role", HTMLElement).hidden = model.role === "operator";
    if (model.watch.room !== null) watch();
  } else if (message.type === "room") {
    roomView.draw();
  } else if (message.type === "update") {
    document.body.toggleAttribute("data-fleet", model.isFleet);
    panels.draw(model);
    charts.draw(model);
    drawRooms();
    if (model.watch.room !== null && !model.rooms.has(model.watch.room)) roomView.draw();
  }
}

/** @param {import("./feed.js").Status} status */
function showStatus(status) {
  byId("live", HTMLElement).dataset.state = status;
  byId("live-text", HTMLElement).textContent = STATUS_TEXT[status];
  document.body.classList.toggle("is-stale", status !== "live");
}

function drawRooms() {
  const all = [...model.rooms.values()];
  const wanted = filter.value.trim();
  const shown = wanted ? all.filter((room) => fits(wanted, `${room.game} ${room.id} ${room.code ?? ""} ${room.machine ?? ""}`)) : all;
  rooms.update(shown);
  byId("rooms-count", HTMLElement).textContent = countText(shown.length, all.length);
  const empty = byId("rooms-empty", HTMLElement);
  empty.hidden = shown.length > 0;
  empty.textContent = all.length ? "No room fits the filter." : "No rooms. One appears as soon as somebody plays.";
}

/** Tell the server what is wanted of the room that is looked into. */
function watch() {
  feed.watch(model.watch.room, roomView.wantsState);
}

/** Look into a room, or stop with null. @param {string | null} room @param {number} [seat] to mark */
function look(room, seat) {
  if (room !== model.watch.room) {
    model.lookInto(room);
    watch();
  }
  byId("room", HTMLElement).hidden = room === null;
  drawRooms();
  if (room === null) {
    roomView.close();
    return;
  }
  roomView.open(seat ?? null);
  const heading = byId("room-heading", HTMLElement);
  heading.focus({ preventScroll: true });
  heading.scrollIntoView({ block: "start", behavior: "smooth" });
}

async function logOut() {
  await fetch("/admin/logout", { method: "POST" });
  location.assign("/admin");
}

filter.addEventListener("input", drawRooms);
byId("room-back", HTMLButtonElement).addEventListener("click", () => {
  look(null);
  filter.focus();
});
byId("notice-all", HTMLButtonElement).addEventListener("click", () => void acts.notice(null));
byId("log-level", HTMLButtonElement).addEventListener("click", () => void acts.logLevel(model.facts.log_level));
byId("drain", HTMLButtonElement).addEventListener("click", () => void acts.drain(model.process.players ?? 0, model.workers?.length ?? 1));
byId("log-out", HTMLButtonElement).addEventListener("click", () => void logOut());
feed.connect();
