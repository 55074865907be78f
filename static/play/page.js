// @ts-check
/**
 * The play page of games that bring none: shows any game by its schema alone, and makes controls of its input.
 *
 * The one module here that knows both the network and the page. What it knows of a game came with the welcome message.
 */

import { BadLine } from "../client/bad_line.js";
import { GameClient } from "../client/index.js";
import { byId } from "../shared/dom.js";
import { NetGraph } from "../shared/net_graph.js";
import { readName } from "../shared/player_name.js";
import { reloadOnce } from "../shared/reload.js";
import { readWish, roomAddress } from "../shared/wish.js";
import { Banner } from "./banner.js";
import { Controls } from "./controls.js";
import { bind } from "./keys.js";
import { Log, eventText } from "./log.js";
import { Panel, setText } from "./panel.js";
import { Picture } from "./picture.js";
import { planOf } from "./plan.js";

/** @typedef {import("./plan.js").SchemaInfo} SchemaInfo */

const FIGURES_EVERY_MS = 500;

const figures = {
  ping: byId("stat-ping", HTMLElement),
  tick: byId("stat-tick", HTMLElement),
  in: byId("stat-in", HTMLElement),
  out: byId("stat-out", HTMLElement),
};
const place = byId("place", HTMLParagraphElement);
const empty = byId("empty", HTMLParagraphElement);

const wish = readWish(window.location.search);
/** What was asked for at first: the address says since then which room it led to. @type {string} */
const arrival = window.history.state?.arrival ?? window.location.search;
const firstWish = readWish(arrival);
const net = new URLSearchParams(window.location.search).get("net");
const line = new BadLine();
const client = new GameClient({
  WebSocket: line.WebSocket,
  ...wish,
  url: `${window.location.protocol === "https:" ? "wss" : "ws"}://${window.location.host}/ws`,
  game: document.body.dataset.game ?? "",
  name: wish.name ?? firstWish.name ?? readName(),
  schemaHash: document.body.dataset.schemaHash,
  storage: storageOrNull(),
});
const still = window.matchMedia("(prefers-reduced-motion: reduce)").matches;
const picture = new Picture(byId("picture", HTMLCanvasElement), still);
const panel = new Panel(byId("state", HTMLDivElement));
const controls = new Controls(byId("controls", HTMLDivElement), (input) => client.setInput(input));
const log = new Log({ send: (text) => client.chat(text), opened: () => controls.release() });
const banner = new Banner(() => client.connect());
const netGraph = new NetGraph(client, line, { button: "net", box: "net-graph", net });

/** Room and schema that controls, panel and picture are made for. */
let shownPlace = "";
let figuresMs = -Infinity;

function storageOrNull() {
  try {
    return window.sessionStorage;
  } catch {
    return null;
  }
}

/** @param {number} bytes a second */
function shownRate(bytes) {
  return bytes < 1000 ? `${Math.round(bytes)} B/s` : `${(bytes / 1000).toFixed(1)} kB/s`;
}

/** @param {number} timeMs */
function showFigures(timeMs) {
  if (timeMs - figuresMs < FIGURES_EVERY_MS) return;
  figuresMs = timeMs;
  const { rttMs, tick, bytesInPerSecond, bytesOutPerSecond } = client.stats;
  setText(figures.ping, `${Math.round(rttMs)} ms`);
  setText(figures.tick, String(tick));
  setText(figures.in, shownRate(bytesInPerSecond));
  setText(figures.out, shownRate(bytesOutPerSecond));
}

/** @param {number} timeMs */
function drawPicture(timeMs) {
  window.requestAnimationFrame(drawPicture);
  const view = client.frame();
  netGraph.frame(performance.now());
  if (!view || !client.replica) return;
  picture.draw(view, timeMs);
  panel.update(client.replica, timeMs);
  showFigures(timeMs);
}

client.on("welcome", (welcome) => {
  const schema = /** @type {SchemaInfo} */ (/** @type {unknown} */ (welcome.schema));
  const plan = planOf(schema);
  const shown = `${welcome.room} ${welcome.schema_hash}`;
  if (shown !== shownPlace) {
    shownPlace = shown;
    controls.show(bind(welcome.spectator ? [] : schema.input.fields));
    panel.show(schema, plan);
    picture.show(plan);
  }
  empty.hidden = plan.drawn.length > 0;
  log.limit(welcome.limits.chat_len_max);
  const where = welcome.code ? `Private room, code ${welcome.code}` : `Room ${welcome.room.slice(-4)}`;
  place.textContent = welcome.spectator ? `Watching ${where}, ${welcome.delay_s} s behind` : where;
  document.body.classList.toggle("watching", welcome.spectator !== undefined);
  // a ticket stays in the address: it is good for a reload
  if (!wish.ticket) window.history.replaceState({ arrival }, "", roomAddress(window.location.pathname, welcome, net));
  if (!welcome.resumed) log.note(welcome.spectator ? "You are watching." : `You are ${welcome.name}.`);
});
client.on("status", (detail) => {
  const isGone = detail.status === "closed" && detail.name === "room_not_found";
  // a room that nobody asked for by name, as after a restart of the server: another will do
  if (isGone && wish.room && !firstWish.room) window.location.replace(window.location.pathname + arrival);
  else banner.show(detail);
});
client.on("reload", reloadOnce);
client.on("error", ({ message }) => log.note(message, "trouble"));
client.on("event", ({ name, data }) => {
  const said = /** @type {any} */ (data);
  if (name === "chat") log.chat(String(said.name), String(said.text));
  else if (name === "notice" && typeof said.left_s === "number") banner.shutdown.tell(said.left_s);
  else if (name === "notice") log.note(String(said.text));
  else log.note(eventText(name, data), "event");
});
byId("leave", HTMLAnchorElement).addEventListener("click", () => client.leave());

client.connect();
window.requestAnimationFrame(drawPicture);
