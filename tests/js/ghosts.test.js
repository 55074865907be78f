/** What the own entity makes, before the server's comes: ghosts.js, in a whole client. */
import assert from "node:assert/strict";
import test from "node:test";

import { Ghosts } from "../../static/client/ghosts.js";
import { GameClient } from "../../static/client/index.js";
import { KIND } from "../../static/client/protocol.js";
import { FakeWorld, deltaFrame, fullFrame, seeded, welcomeMessage } from "./support.js";

/** @typedef {import("./support.js").GroupSpec} GroupSpec */

const TICK_MS = 50;

/** A client whose ship makes a Thing with each input that fires; a Thing says in its field `a` which input made it. */
function shooter() {
  const world = new FakeWorld();
  const client = new GameClient({
    url: "ws://test/ws", game: "test", name: "Ann", WebSocket: world.WebSocket, now: world.now, random: seeded(1), timers: world.timers,
    predict: {
      type: "Ship", fields: ["x"],
      step: (_, input) => input.fire,
      spawn: new Ghosts({ type: "Thing", make: (ship, _, fired) => (fired ? { x: ship.x } : null), seq: (thing) => thing.a }),
    },
  });
  client.connect();
  world.socket.accept();
  world.socket.push(welcomeMessage());
  world.socket.push(fullFrame({ tick: 100, groups: [{ op: "spawn", type: 1, ids: [1], rows: [[100, 100, 0, 100]] }, { op: "own", type: 1, ids: [1] }] }));
  let sent = 0;
  /** Let a tick pass and the server answer it. @param {GroupSpec[]} [groups] @param {number} [consumed] inputs */
  const tick = (groups = [], consumed = 0) => {
    for (let i = 0; i < 5; i++) {
      world.pass(TICK_MS / 5);
      client.frame();
    }
    sent = world.socket.frames(KIND.input).length;
    world.socket.push(deltaFrame({ ackAdvance: consumed, groups }));
  };
  return { client, world, tick, get view() { return /** @type {any} */ (client.view); }, get sent() { return sent; } };
}

/** Fire with the next input; return its number. @param {ReturnType<typeof shooter>} made */
function fire(made) {
  made.client.setInput({ fire: true });
  made.client.setInput({ fire: false });
  made.tick();
  assert.equal(made.view.ghosts.length, 1);
  return made.view.ghosts[0].seq;
}

/** @type {(seq: number, id?: number) => GroupSpec[]} */
const thing = (seq, id = 9) => [
  { op: "spawn", type: 2, ids: [id], rows: [[seq & 0xffff, 0, 0, 0, 0, 0, false, "", [], {}]] },
  { op: "own", type: 2, ids: [id] },
];

test("a ghost is there with the input, and gone in the very picture in which the server's entity appears", () => {
  const made = shooter();
  for (let i = 0; i < 5; i++) made.tick([], i ? 1 : 0);
  const seq = fire(made);
  assert.deepEqual(made.view.ghosts[0].fields, { x: 100 });
  const consumed = made.sent - 4;
  made.tick(thing(seq), consumed);
  /** @type {number[]} */
  const ages = [];
  for (let i = 0; i < 6; i++) {
    const shown = made.view.all("Thing").length;
    assert.equal(shown + made.view.ghosts.length, 1, "exactly one of both is drawn");
    ages.push(shown ? made.view.ghostOf(9).age : made.view.ghosts[0].age);
    made.tick([], 1);
  }
  assert.equal(made.view.all("Thing").length, 1);
  assert.ok(ages.every((age, i) => i === 0 || (age > ages[i - 1] && age - ages[i - 1] < 1.3)), `its age goes on: ${ages}`);
  made.tick([{ op: "despawn", type: 2, ids: [9] }], 1);
  for (let i = 0; i < 6; i++) made.tick([], 1);
  assert.deepEqual([made.view.ghostOf(9), made.view.ghosts.length], [null, 0]);
});

test("a ghost that the server made nothing of fades within 100 ms", () => {
  const made = shooter();
  for (let i = 0; i < 5; i++) made.tick([], i ? 1 : 0);
  fire(made);
  made.tick([], made.sent - 4);
  assert.ok(made.view.ghosts[0].opacity <= 1);
  made.tick([], 1);
  const { opacity } = made.view.ghosts[0];
  assert.ok(opacity > 0 && opacity < 1, `${opacity}`);
  made.tick([], 1);
  made.tick([], 1);
  assert.equal(made.view.ghosts.length, 0);
});

test("an entity of another input, or of another player, takes no ghost's place", () => {
  const made = shooter();
  for (let i = 0; i < 5; i++) made.tick([], i ? 1 : 0);
  const seq = fire(made);
  made.tick([...thing(seq - 1, 8), { op: "spawn", type: 2, ids: [9], rows: [[seq, 0, 0, 0, 0, 0, false, "", [], {}]] }]);
  for (let i = 0; i < 6; i++) made.tick();
  assert.equal(made.view.all("Thing").length, 2);
  assert.deepEqual([made.view.ghostOf(8), made.view.ghostOf(9), made.view.ghosts.length], [null, null, 1]);
});

test("a replay makes no second ghost", () => {
  const made = shooter();
  for (let i = 0; i < 5; i++) made.tick([], i ? 1 : 0);
  fire(made);
  made.tick([{ op: "update", type: 1, ids: [1], fields: ["x"], rows: [[150]] }]);
  assert.equal(made.client.stats.corrections, 1);
  assert.equal(made.view.ghosts.length, 1);
});
