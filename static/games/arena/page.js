// @ts-check
/**
 * The play page: joins what the address asks for, feeds the controls to the client, and the client's view to the renderer and the
 * numbers around it. The only module here that knows both the network and the page.
 */

import { BadLine } from "../../client/bad_line.js";
import { Ghosts } from "../../client/ghosts.js";
import { GameClient } from "../../client/index.js";
import { byId } from "../../shared/dom.js";
import { NetGraph } from "../../shared/net_graph.js";
import { readName } from "../../shared/player_name.js";
import { reloadOnce } from "../../shared/reload.js";
import { readWish, roomAddress } from "../../shared/wish.js";
import { Banner } from "./banner.js";
import { Chat } from "./chat.js";
import { Controls } from "./controls.js";
import { Feed } from "./feed.js";
import { Hud } from "./hud.js";
import { Minimap } from "./minimap.js";
import { News } from "./news.js";
import { colourOf } from "./palette.js";
import { predictShip } from "./predict.js";
import { Renderer } from "./renderer.js";
import { Scoreboard } from "./scoreboard.js";
import { Sound } from "./sound.js";
import { Touch } from "./touch.js";

const HINT_LIFE_MS = 10000;
const FIGURES_EVERY_MS = 500;
/** What a player without a ship wants; the next ship should not begin with what the last one did. */
const AT_REST = { turn: 0, thrust: 0, fire: false, boost: false, beam: false };

const canvas = byId("scene", HTMLCanvasElement);
const soundButton = byId("sound", HTMLButtonElement);
const leaveLink = byId("leave", HTMLAnchorElement);
const hint = byId("hint", HTMLParagraphElement);
const watch = byId("watch", HTMLParagraphElement);

const sound = new Sound();
const wish = readWish(window.location.search);
const line = new BadLine();
const renderer = new Renderer(canvas, {
  still: window.matchMedia("(prefers-reduced-motion: reduce)").matches,
  onHappening: (happening, own, distance) => sound.play(happening, own, distance),
});
const client = new GameClient({
  WebSocket: line.WebSocket,
  ...wish,
  url: `${window.location.protocol === "https:" ? "wss" : "ws"}://${window.location.host}/ws`,
  game: document.body.dataset.game ?? "arena",
  name: wish.name ?? readName(),
  schemaHash: document.body.dataset.schemaHash,
  storage: sessionStorageOrNull(),
  predict: { ...predictShip, spawn: new Ghosts(renderer.bullets.prediction) },
});

const minimap = new Minimap(byId("minimap", HTMLCanvasElement));
const touch = new Touch({
  zone: byId("touch-zone", HTMLDivElement),
  base: byId("stick", HTMLDivElement),
  knob: byId("knob", HTMLDivElement),
  fire: byId("touch-fire", HTMLButtonElement),
  boost: byId("touch-boost", HTMLButtonElement),
  beam: byId("touch-beam", HTMLButtonElement),
});
const controls = new Controls(canvas, touch);
const hud = new Hud();
const scoreboard = new Scoreboard();
const feed = new Feed(byId("feed", HTMLUListElement));
const chat = new Chat({ send: (text) => client.chat(text), opened: () => controls.release() });
const banner = new Banner(() => client.connect());
const net = new URLSearchParams(window.location.search).get("net");
const netGraph = new NetGraph(client, line, { button: "net", box: "net-graph", net });

/** Id of the own Player; kept while it is not in the picture. @type {number | null} */
let meId = null;
const news = new News();
let figuresMs = -Infinity;

function sessionStorageOrNull() {
  try {
    return window.sessionStorage;
  } catch {
    return null;
  }
}

/** @param {any} view */
function findMe(view) {
  const players = view.all("Player");
  const me = players.find((/** @type {any} */ player) => client.own.has(player.id));
  if (me) meId = me.id;
  return me ?? null;
}

/** @type {Record<string, (data: any) => void>} */
const onEvent = {
  kill(data) {
    feed.add(data, meId);
    if (data.by === meId) {
      hud.say(data.streak ? `${data.victim_name} destroyed \u00b7 ${data.streak} in a row` : `${data.victim_name} destroyed`);
      renderer.effects.say(data.x, data.y, `+${data.score}`, "#ffb648");
    }
    if (data.victim === meId) hud.killer = data.by_name;
  },
  joined(data) {
    if (data.player !== meId) chat.note(`${data.name} joined`);
  },
  left(data) {
    chat.note(`${data.name} left`);
  },
  round_start() {
    scoreboard.saved = "";
    hud.say("Fight");
  },
  scores_saved(data) {
    const place = data.ranks?.[client.welcome?.name ?? ""];
    if (place) scoreboard.saved = ` \u00b7 your score is number ${place} of all time`;
  },
  chat(data) {
    const speaker = client.view?.all("Player").find((/** @type {any} */ player) => player.name === data.name);
    chat.add(data.name, data.text, colourOf(speaker?.id ?? 0, meId));
  },
  notice(data) {
    if (data.left_s === undefined) chat.note(data.text);
    else banner.shutdown.tell(data.left_s);
  },
};

/** @param {number} timeMs */
function drawPicture(timeMs) {
  window.requestAnimationFrame(drawPicture);
  const view = client.frame();
  netGraph.frame(performance.now());
  if (!view || view.tick === 0) return;
  const player = findMe(view);
  const ship = view.all("Ship").find((/** @type {any} */ other) => other.player === meId) ?? null;
  if (ship) {
    const { camera } = renderer;
    const offset = { x: (ship.x - camera.x) * camera.scale, y: (ship.y - camera.y) * camera.scale };
    client.setInput(controls.read(ship.heading, offset));
  } else client.setInput(AT_REST);
  for (const event of news.due(view.tick)) onEvent[event.name]?.(event.data);
  renderer.draw(view, meId, timeMs);
  minimap.draw(view, meId, renderer.camera);
  hud.show(view, player, ship, client.replica?.tick ?? null);
  scoreboard.show(view, meId, timeMs);
  if (timeMs - figuresMs > FIGURES_EVERY_MS) {
    figuresMs = timeMs;
    hud.showFigures(client.stats);
  }
}

/** @param {import("../../client/protocol.js").Welcome} welcome */
function showWatching({ spectator, delay_s: delayS = 0, room, code }) {
  document.body.classList.toggle("watching", spectator !== undefined);
  watch.hidden = spectator === undefined;
  const how = delayS > 0 ? `${delayS} s behind the players` : spectator === "unseen" ? "unseen" : "live";
  byId("watch-text", HTMLSpanElement).textContent = `You are watching, ${how}`;
  const query = new URLSearchParams(code ? { code } : { room });
  const join = byId("watch-join", HTMLAnchorElement);
  join.href = `${window.location.pathname}?${query}`;
  join.hidden = spectator === "unseen"; // a frame of the status page is no place to play from
}

function showSound() {
  soundButton.setAttribute("aria-pressed", String(sound.on));
}

client.on("status", (detail) => banner.show(detail));
client.on("welcome", (welcome) => {
  if (!welcome.resumed) {
    news.clear();
    meId = null;
  }
  chat.limit(welcome.limits.chat_len_max);
  // a ticket stays in the address: it is good for a reload
  if (!wish.ticket) window.history.replaceState(null, "", roomAddress(window.location.pathname, welcome, net));
  showWatching(welcome);
  if (welcome.code && !welcome.resumed) chat.note(`Private room. Its code: ${welcome.code}`);
});
client.on("event", (event) => {
  if (event.name === "chat" || event.name === "notice") onEvent[event.name](event.data);
  else news.add(event);
});
client.on("error", (error) => {
  if (error.re === "chat" || error.code === "chat_refused") chat.note(error.message);
});
client.on("reload", reloadOnce);

leaveLink.addEventListener("click", () => client.leave());
byId("talk", HTMLButtonElement).addEventListener("click", () => chat.open());
soundButton.addEventListener("click", () => {
  sound.toggle();
  showSound();
  soundButton.blur();
});
window.addEventListener("keydown", (event) => {
  if (event.code === "KeyM" && event.target === document.body && !event.ctrlKey && !event.metaKey) {
    sound.toggle();
    showSound();
  }
});
window.addEventListener("resize", () => renderer.resize());
window.setTimeout(() => hint.classList.add("gone"), HINT_LIFE_MS);

// A handle for the console and for tests in a browser; nothing on the page reads it.
Object.assign(window, { arena: { client, renderer, netGraph } });

showSound();
renderer.resize();
client.connect();
window.requestAnimationFrame(drawPicture);
