// @ts-check
/** The room that is looked into: its players, live state, events and ticks, each under a tab. */
import { byId, make } from "/static/shared/dom.js";
import { Chart, canDraw } from "/static/admin/chart.js";
import { hostOf, seatColumns, shortId } from "/static/admin/columns.js";
import { ms, title, whole } from "/static/admin/format.js";
import { processOf, seatKey } from "/static/admin/model.js";
import { StateView } from "/static/admin/state_view.js";
import { Table } from "/static/admin/tables.js";
import { Tabs } from "/static/admin/tabs.js";
import { WatchView } from "/static/admin/watch_view.js";

/** @typedef {import("./model.js").Model} Model */
/** @typedef {import("./model.js").Room} Room */
/** @typedef {import("./model.js").Seat} Seat */

const PHASES = ["inputs", "step", "snapshot", "encode", "send"];

/** @type {(value: number | null | undefined) => string} */
const msText = (value) => (value === null || value === undefined ? "–" : `${ms(value)} ms`);

export class RoomView {
  /**
   * @param {Model} model
   * @param {import("./acts.js").Acts} acts
   * @param {import("./feed.js").Feed} feed
   * @param {() => void} onWatch told when what is wanted of the room changes
   */
  constructor(model, acts, feed, onWatch) {
    this.model = model;
    this.watchView = new WatchView(feed);
    this.filter = byId("seats-filter", HTMLInputElement);
    /** @type {number | null} the seat that a link led to */
    this.marked = null;
    this.seats = new Table(byId("seats", HTMLTableElement), {
      caption: "Players of the room, sortable by the buttons in the header",
      columns: seatColumns({ kick: (seat) => this.withRoom((room) => acts.kick(room.id, seat)), ban: (seat) => this.withRoom((room) => acts.ban(room.id, seat)) }),
      keyOf: seatKey,
      sort: "seat",
      isOpen: (seat) => seat.seat === this.marked,
    });
    this.state = new StateView();
    this.ticks = new Chart({
      label: "Where the ticks of this room go",
      series: PHASES.map((phase) => ({ name: phase, label: title(phase), color: `--phase-${phase}` })),
      top: 0.2,
      isStacked: true,
      height: 220,
      say: msText,
      axis: (value) => `${Number(value.toFixed(2))} ms`,
    });
    this.slowest = new Chart({
      label: "Slowest ticks of this room and its budget",
      series: [
        { name: "p50", label: "p50", color: "--series-1" },
        { name: "p99", label: "p99", color: "--series-2" },
        { name: "max", label: "max", color: "--series-3" },
        { name: "budget_ms", label: "budget", color: "--series-6" },
      ],
      top: 0.2,
      height: 180,
      say: msText,
      axis: (value) => `${Number(value.toFixed(2))} ms`,
    });
    const titles = ["Where a tick goes, on average", "The slowest ticks, and the budget"];
    byId("ticks-charts", HTMLElement).append(
      ...[this.ticks, this.slowest].flatMap((chart, index) => [make("h3", "card-label", titles[index] ?? ""), chart.canvas, chart.legend]),
    );
    for (const chart of [this.ticks, this.slowest]) chart.canvas.hidden = !canDraw;
    this.tabs = new Tabs(byId("room-tabs", HTMLElement), () => onWatch());
    this.filter.addEventListener("input", () => this.drawSeats());
    this.state.filter.addEventListener("input", () => this.state.draw(this.model.watch));
    byId("room-notice", HTMLButtonElement).addEventListener("click", () => this.withRoom((room) => acts.notice(room)));
    byId("room-lock", HTMLButtonElement).addEventListener("click", () => this.withRoom((room) => acts.lockRoom(room)));
    byId("room-close", HTMLButtonElement).addEventListener("click", () => this.withRoom((room) => acts.closeRoom(room)));
  }

  get room() {
    return this.model.rooms.get(this.model.watch.room ?? "");
  }

  get wantsState() {
    return this.tabs.chosen === "state";
  }

  /** @param {(room: Room) => unknown} act */
  withRoom(act) {
    if (this.room) void act(this.room);
  }

  /** Nobody looks any more. */
  close() {
    this.watchView.show(null);
  }

  /** Begin with another room. @param {number | null} seat to mark */
  open(seat) {
    this.marked = seat;
    this.filter.value = "";
    if (seat !== null) this.tabs.choose(0);
    this.draw();
  }

  draw() {
    const { room } = this;
    const watch = this.model.watch;
    byId("room-heading", HTMLElement).textContent = room ? `${room.game} ${shortId(room.id)}` : "Room";
    byId("room-facts", HTMLElement).textContent = room ? factsOf(room, watch.tick, this.model.isFleet) : "This room is no more.";
    for (const id of ["room-notice", "room-lock", "room-close"]) byId(id, HTMLButtonElement).disabled = !room;
    byId("room-lock", HTMLButtonElement).textContent = room?.locked ? "Unlock" : "Lock";
    this.drawSeats();
    const tab = this.tabs.chosen;
    this.watchView.show(tab === "watch" && room ? room : null);
    if (tab === "state") this.state.draw(watch);
    if (tab === "events") this.drawEvents();
    if (tab === "ticks") this.drawTicks();
  }

  drawSeats() {
    const { room } = this;
    const wanted = this.filter.value.trim();
    const all = [...this.model.watch.seats.values()];
    const shown = all.filter((seat) => !wanted || fits(wanted, `${seat.name} ${seat.address ?? ""} ${seat.user ?? ""}`));
    this.seats.update(room ? shown : []);
    byId("seats-count", HTMLElement).textContent = countText(shown.length, all.length + this.model.watch.omitted);
    const empty = byId("seats-empty", HTMLElement);
    empty.hidden = Boolean(room) && shown.length > 0;
    empty.textContent = !room ? "This room is no more." : all.length ? "Nobody here fits." : "Nobody holds a seat.";
  }

  drawEvents() {
    const list = byId("events", HTMLElement);
    const { events } = this.model.watch;
    byId("events-empty", HTMLElement).hidden = events.length > 0;
    const known = new Map([...list.children].map((item) => [item.getAttribute("data-number"), item]));
    const items = [...events].reverse().map((event) => known.get(String(event.number)) ?? makeEvent(event));
    if (items.length !== list.children.length || items.some((item, index) => list.children[index] !== item)) list.replaceChildren(...items);
  }

  drawTicks() {
    const { ticks } = this.model.watch;
    const newest = ticks[ticks.length - 1];
    const offset = Date.now() / 1000 - (newest?.at_s ?? 0);
    const atS = ticks.map((tick) => tick.at_s + offset);
    for (const chart of [this.ticks, this.slowest]) {
      chart.show(atS, chart.series.map((series) => ticks.map((tick) => tick[series.name] ?? null)));
    }
    byId("ticks-empty", HTMLElement).hidden = ticks.length > 0;
  }
}

/** @param {Room} room @param {number} tick @param {boolean} isFleet */
function factsOf(room, tick, isFleet) {
  const facts = [`${room.taken} of ${room.seats} seats`, `tick ${whole(tick)}`];
  if (room.tick_rate !== null) facts.push(`${room.tick_rate} Hz`);
  if (room.locked) facts.push("locked");
  if (isFleet) facts.push(`process ${processOf(room)}`);
  if (room.machine) facts.push(`at ${hostOf(room.machine)}, as of each second`);
  return facts.join(" · ");
}

/** @param {import("./model.js").RoomEvent} event */
function makeEvent(event) {
  const to = event.to === null ? "" : ` · to seat ${event.to} only`;
  const item = make("li", "", make("p", "log-head", make("strong", "", event.name), make("span", "log-facts number", ` tick ${whole(event.tick)}${to}`)), make("code", "", event.data));
  item.dataset.number = String(event.number);
  return item;
}

/** @param {string} words @param {string} text whether every word occurs */
export function fits(words, text) {
  const lower = text.toLowerCase();
  return words.toLowerCase().split(/\s+/).every((word) => lower.includes(word));
}

/** @param {number} shown @param {number} all */
export function countText(shown, all) {
  return shown === all ? String(all) : `${shown} of ${all}`;
}
