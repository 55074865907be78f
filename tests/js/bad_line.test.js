/** A socket over a bad line: bad_line.js. */
import assert from "node:assert/strict";
import test from "node:test";

import { BadLine } from "../../static/client/bad_line.js";
import { parseConditions } from "../../static/client/conditions.js";
import { GameClient } from "../../static/client/index.js";
import { FakeWorld, deltaFrame, fullFrame, seeded, welcomeMessage } from "./support.js";

/** A world whose sockets are reached over a line of these conditions. @param {string} conditions */
function create(conditions) {
  const world = new FakeWorld();
  const line = new BadLine(parseConditions(conditions), { WebSocket: openable(world.WebSocket), now: world.now, timers: world.timers, seed: 3 });
  return { world, line };
}

/** @param {any} Base @returns {any} a socket that says whether it is open */
const openable = (Base) => class extends Base {
  readyState = 1;
};

/** @param {ReturnType<typeof create>} made */
function connect({ world, line }) {
  const socket = new line.WebSocket("ws://test/ws", ["game.v1.binary"]);
  /** @type {[number, string, any?][]} */
  const seen = [];
  socket.onopen = () => void seen.push([world.nowMs, "open"]);
  socket.onmessage = (/** @type {any} */ { data }) => void seen.push([world.nowMs, "message", data]);
  socket.onclose = (/** @type {any} */ { code }) => void seen.push([world.nowMs, "close", code]);
  return { socket, seen };
}

test("each message takes its time each way, the opening both", () => {
  const made = create("up.delay:40,down.delay:80");
  const { world } = made;
  const { socket, seen } = connect(made);
  world.socket.accept();
  world.pass(119);
  assert.deepEqual(seen, []);
  world.pass(1);
  assert.deepEqual(seen, [[1120, "open"]]);
  socket.send("up");
  world.socket.push("down");
  world.pass(39);
  assert.deepEqual(world.socket.sent, []);
  world.pass(41);
  assert.deepEqual(world.socket.sent, ["up"]);
  assert.deepEqual(seen[1], [1200, "message", "down"]);
});

test("a line of no conditions delays nothing", () => {
  const made = create("");
  const { socket, seen } = connect(made);
  made.world.socket.accept();
  socket.send("up");
  made.world.socket.push("down");
  assert.deepEqual([seen.map(([, what]) => what), made.world.socket.sent], [["open", "message"], ["up"]]);
});

test("conditions can change while messages are under way, and their order stays", () => {
  const made = create("delay:500");
  const { socket } = connect(made);
  made.world.socket.accept();
  socket.send("first");
  made.world.pass(10);
  made.line.set(parseConditions("delay:20"));
  socket.send("second");
  made.world.pass(19);
  assert.deepEqual(made.world.socket.sent, []);
  made.world.pass(1);
  assert.deepEqual(made.world.socket.sent, ["first", "second"]);
  assert.equal(made.line.conditions.up.delayMs, 20);
});

test("a close of either side comes behind what was sent before it", () => {
  const made = create("delay:30");
  const { seen } = connect(made);
  made.world.socket.accept();
  made.world.pass(60);
  made.world.socket.push("last words");
  made.world.socket.end(4011);
  made.world.pass(30);
  assert.deepEqual(seen.slice(1), [[1090, "message", "last words"], [1090, "close", 4011]]);
  const other = connect(made);
  made.world.socket.accept();
  other.socket.send("mine");
  other.socket.close(1000, "done");
  made.world.pass(30);
  assert.deepEqual([made.world.socket.sent, made.world.socket.closedWith], [["mine"], [1000, "done"]]);
});

test("a cut loses what is under way, and nobody is reached until it is over", () => {
  const made = create("delay:20,drop:800/4000");
  const { world, line } = made;
  const { socket, seen } = connect(made);
  world.socket.accept();
  while (!seen.some(([, what]) => what === "close")) {
    socket.send("x");
    world.pass(10);
  }
  const sent = world.socket.sent.length;
  assert.equal(/** @type {any} */ (seen.at(-1))[2], 1006);
  world.pass(100);
  assert.equal(world.socket.sent.length, sent);
  const sockets = world.sockets.length;
  const refused = connect(made);
  world.pass(100);
  assert.deepEqual([refused.seen.map(([, what, code]) => [what, code]), world.sockets.length], [[["close", 1006]], sockets]);
  world.pass(700);
  connect(made);
  assert.equal(world.sockets.length, sockets + 1);
  assert.ok(line.conditions.dropEveryMs);
});

test("a cut that strikes while somebody is being refused ends that try, and the line goes on", () => {
  const made = create("drop:990/1000");
  /** @type {ReturnType<typeof connect>["seen"][]} */
  const tries = [];
  for (let i = 0; i < 250; i++) {
    const reached = made.world.sockets.length;
    tries.push(connect(made).seen);
    if (made.world.sockets.length > reached) made.world.socket.accept();
    made.world.pass(10);
  }
  made.world.pass(1000);
  const ends = tries.map((seen) => seen.filter(([, what]) => what === "close").length);
  assert.deepEqual(new Set(ends), new Set([1]), "each heard of its end once");
});

test("a client plays over it, and measures what it is", () => {
  const made = create("delay:60");
  const { world, line } = made;
  const client = new GameClient({ url: "ws://test/ws", game: "test", WebSocket: line.WebSocket, now: world.now, random: seeded(1), timers: world.timers });
  client.connect();
  world.socket.accept();
  world.pass(120);
  assert.equal(client.status, "connecting");
  world.pass(60);
  assert.equal(world.socket.texts[0].type, "join");
  world.socket.push(welcomeMessage());
  world.socket.push(fullFrame({ tick: 100 }));
  world.pass(60);
  assert.equal(client.status, "playing");
  for (let i = 0; i < 40; i++) {
    world.pass(50);
    world.socket.push(deltaFrame({}));
    client.frame();
  }
  assert.equal(client.stats.rttMs, 120);
});
