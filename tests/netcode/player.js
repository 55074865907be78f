/**
 * The browser's side of the harness: the real SDK with the real prediction of the arena, one line of JSON for each thing that happens.
 *
 * Python holds the clock: every line carries `now`, on this client's own clock, and what happens then. The answer says what was
 * sent, when a timer is due next, and after a frame what the picture shows. Nothing here waits or reads a clock, so a run is the
 * same each time.
 */
import { createInterface } from "node:readline";

import { GameClient } from "/static/client/index.js";
import { Ghosts } from "/static/client/ghosts.js";
import { predictShip } from "/static/games/arena/predict.js";
import { seeded } from "../js/support.js";
import { Marksman } from "./marksman.js";

let nowMs = 0;
/** @type {any[]} */
let sent = [];
/** @type {any[]} */
let corrections = [];
/** @type {{ run: () => void, everyMs: number, dueMs: number } | null} */
let interval = null;
/** @type {any} */
let socket = null;

class Socket {
  /** @type {((event: any) => void) | null} */
  onopen = null;
  /** @type {((event: any) => void) | null} */
  onmessage = null;
  /** @type {((event: any) => void) | null} */
  onclose = null;

  /** @param {string} _url @param {string[]} protocols */
  constructor(_url, protocols) {
    this.protocol = protocols[0];
    socket = this;
    sent.push({ open: true });
  }

  /** @param {string | Uint8Array} data */
  send(data) {
    sent.push(typeof data === "string" ? { text: data } : { bytes: Buffer.from(data).toString("base64") });
  }

  close() {
    sent.push({ close: true });
  }
}

const seed = Number(process.argv[2]);
const marksman = process.argv[3] === "marksman" ? new Marksman() : null;
const client = new GameClient({
  url: "ws://virtual/ws",
  game: "arena",
  name: "Ann",
  WebSocket: Socket,
  now: () => nowMs,
  random: seeded(seed),
  timers: {
    setInterval: (run, everyMs) => (interval = { run, everyMs, dueMs: nowMs + everyMs }),
    clearInterval: () => void (interval = null),
  },
  predict: marksman ? { ...predictShip, spawn: new Ghosts(marksman.prediction) } : predictShip,
});
client.on("correction", (correction) => corrections.push(correction));

/** @returns {any} what is seen */
function picture() {
  const view = client.frame();
  if (!view || view.tick === 0) return null;
  const own = view.all("Ship").find((ship) => client.own.has(ship.id)) ?? null;
  const others = view.all("Ship").filter((ship) => ship !== own);
  if (marksman) client.setInput(marksman.steer(view, own));
  return {
    tick: view.tick,
    hits: marksman?.hits(view.ghosts) ?? [],
    others: others.map((ship) => [ship.id, /** @type {any} */ (ship).x, /** @type {any} */ (ship).y]),
    own: own && [own.id, /** @type {any} */ (own).x, /** @type {any} */ (own).y, /** @type {any} */ (own).heading],
    roomMs: client.roomMs(),
    stats: client.stats,
  };
}

/** @type {Record<string, (line: any) => any>} */
const happenings = {
  connect: () => void client.connect(),
  accept: () => socket.onopen?.({}),
  text: ({ data }) => socket.onmessage?.({ data }),
  bytes: ({ data }) => {
    const bytes = Buffer.from(data, "base64");
    socket.onmessage?.({ data: bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.byteLength) });
  },
  close: ({ code }) => socket.onclose?.({ code, reason: "" }), // the socket may be an older one, which nobody hears
  input: ({ fields }) => client.setInput(fields),
  timer: () => {
    if (!interval) return;
    interval.dueMs += interval.everyMs;
    interval.run();
  },
  frame: picture,
};

for await (const text of createInterface({ input: process.stdin })) {
  const line = JSON.parse(text);
  nowMs = line.now;
  sent = [];
  corrections = [];
  const shown = happenings[line.happens](line) ?? null;
  process.stdout.write(`${JSON.stringify({ sent, corrections, shown, timer: interval?.dueMs ?? null })}\n`);
}
