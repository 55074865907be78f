/** A client over a socket and a clock that live in memory, as the tests of client.js make and play it. */
import { GameClient } from "../../static/client/index.js";
import { FakeWorld, fullFrame, seeded, welcomeMessage } from "./support.js";

/** @param {Partial<import("../../static/client/client_types.js").Options>} [options] */
export function create(options = {}, world = new FakeWorld()) {
  const client = new GameClient({
    url: "ws://test/ws", game: "test", name: "Ann", WebSocket: world.WebSocket, now: world.now, random: seeded(1),
    timers: world.timers, storage: world.storage, ...options,
  });
  /** @type {[string, any][]} */
  const seen = [];
  for (const name of /** @type {const} */ (["status", "welcome", "state", "event", "error", "reload", "spawn", "despawn", "sleep", "wake"])) {
    client.on(name, (detail) => void seen.push([name, detail]));
  }
  const statuses = () => seen.filter(([name]) => name === "status").map(([, { status }]) => status);
  const named = (/** @type {string} */ name) => seen.filter(([seenName]) => seenName === name).map(([, detail]) => detail);
  return { client, world, seen, statuses, named };
}

/** @typedef {import("./support.js").GroupSpec} GroupSpec */
/** @type {GroupSpec[]} */
export const SHIPS = [
  { op: "spawn", type: 1, ids: [1, 2], rows: [[100, 100, 0, 100], [200, 200, 0, 100]] },
  { op: "update", type: 1, ids: [1], fields: ["vx"], rows: [[0]] },
  { op: "own", type: 1, ids: [1] },
];

/** Connect and be welcomed. @param {ReturnType<typeof create>} made @param {Record<string, unknown>} [changes] */
export function play(made, changes) {
  made.client.connect();
  made.world.socket.accept();
  made.world.socket.push(welcomeMessage(changes));
  made.world.socket.push(fullFrame({ tick: 100, groups: SHIPS }));
  return made;
}
