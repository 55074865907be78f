/** What a client sends, applies and tells while it plays: client.js, session.js. */
import assert from "node:assert/strict";
import test from "node:test";

import { ByteReader } from "../../static/client/bytes.js";
import { JsonCodec } from "../../static/client/json_codec.js";
import { BinaryCodec } from "../../static/client/codec.js";
import { KIND } from "../../static/client/protocol.js";
import { Replica } from "../../static/client/replica.js";
import { compileSchema } from "../../static/client/schema.js";
import { SCHEMA, deltaFrame, fullFrame, seeded, welcomeMessage } from "./support.js";
import { ByteWriter } from "../../static/client/written.js";
import { SHIPS, create, play } from "./made_client.js";

test("inputs go out one a step, numbered, with what the player saw", () => {
  const { client, world } = play(create());
  client.setInput({ turn: 1 });
  for (let i = 0; i < 60; i++) {
    world.pass(1000 / 60);
    client.frame();
  }
  const inputs = world.socket.frames(KIND.input);
  assert.ok(inputs.length >= 19 && inputs.length <= 22, `${inputs.length} in a second`);
  const reader = new ByteReader(inputs[3]);
  reader.uint8();
  assert.deepEqual([reader.uint32(), reader.uint32()], [4, 100]);
  assert.deepEqual([...inputs[3].slice(11)], [1, 0, 0]);
});

/** @returns {any} a document that can be hidden */
function createPage() {
  const page = new EventTarget();
  /** @param {boolean} hidden */
  const turn = (hidden) => {
    Object.assign(page, { hidden });
    page.dispatchEvent(new Event("visibilitychange"));
  };
  return Object.assign(page, { hidden: false, turn });
}

/** Let a page play: a frame and a state each 50 ms. @param {ReturnType<typeof create>} made @param {number} ticks */
function playOn({ client, world }, ticks, draws = true) {
  for (let i = 0; i < ticks; i++) {
    world.pass(50);
    world.socket.push(deltaFrame({ groups: [{ op: "update", type: 1, ids: [2], fields: ["x"], rows: [[client.stats.tick + 1]] }] }));
    if (draws) client.frame();
  }
}

test("a hidden page sends one last input that wants nothing, then acks and pings alone", () => {
  const page = createPage();
  const made = create({ page });
  const { client, world } = play(made);
  client.setInput({ turn: 1, fire: true });
  playOn(made, 20);
  page.turn(true);
  const inputs = world.socket.frames(KIND.input);
  assert.deepEqual([...inputs[inputs.length - 1].slice(11)], [0, 0, 0]);
  const pings = world.socket.frames(KIND.ping).length;
  playOn(made, 200, false);
  assert.equal(world.socket.frames(KIND.input).length, inputs.length);
  assert.ok(world.socket.frames(KIND.ping).length > pings + 5);
  assert.deepEqual([client.stats.isAsleep, client.replica?.tick], [true, 320], "states are still taken in");
});

test("a page that is shown again is at the present with its first frame, and sends no burst", () => {
  for (const awayTicks of [30, 2000]) {
    const page = createPage();
    const made = create({ page });
    const { client, world } = play(made);
    playOn(made, 20);
    page.turn(true);
    client.setInput({ turn: -1 });
    playOn(made, awayTicks, false);
    const before = world.socket.frames(KIND.input).length;
    page.turn(false);
    const acks = world.socket.frames(KIND.ack).map((frame) => new ByteReader(frame.slice(1)).uint32());
    assert.deepEqual([acks.length, acks.at(-1)], [awayTicks + 1, 120 + awayTicks]);
    client.frame();
    const shown = /** @type {any} */ (client.view).get(2).x;
    assert.ok(shown > 117 + awayTicks && shown <= 120 + awayTicks, `${shown}`);
    assert.ok(world.socket.frames(KIND.input).length - before <= 1);
    playOn(made, 20);
    const sent = world.socket.frames(KIND.input).slice(before);
    assert.ok(sent.length >= 18 && sent.length <= 23, `${sent.length} in 20 steps`);
    assert.equal(new Int8Array(sent[sent.length - 1])[11], -1, "what was held goes on");
  }
});

test("frames that stop without a word are sleep as well, and a socket that died in it is replaced at once", () => {
  const made = create();
  const { client, world, named } = play(made);
  playOn(made, 20);
  playOn(made, 40, false);
  assert.equal(client.stats.isAsleep, true);
  world.socket.end(1006);
  const waiting = world.sockets.length;
  client.frame();
  assert.equal(world.sockets.length, waiting + 1, "not after the wait for the next try");
  assert.deepEqual([client.stats.isAsleep, named("sleep").length, named("wake").length], [false, 1, 1]);
});

test("a machine whose clock stood still in its sleep is at the present with the first state", () => {
  const made = create();
  const { client, world } = play(made);
  playOn(made, 40);
  const slept = 72_000; // an hour of ticks
  world.socket.push(deltaFrame({ advance: slept, groups: [{ op: "update", type: 1, ids: [2], fields: ["x"], rows: [[77]] }] }));
  client.frame();
  world.pass(50);
  world.socket.push(deltaFrame({}));
  client.frame();
  assert.ok(Math.abs(/** @type {any} */ (client.view).tick - (140 + slept)) < 3, `${client.view?.tick}`);
  assert.equal(client.stats.clockResets, 2);
  const inputs = world.socket.frames(KIND.input).length;
  playOn(made, 20);
  assert.ok(world.socket.frames(KIND.input).length - inputs <= 23);
});

test("a bot that never draws sends inputs and pings as states arrive", () => {
  const { world } = play(create());
  for (let i = 0; i < 40; i++) {
    world.nowMs += 50; // its timers do not run
    world.socket.push(deltaFrame({}));
  }
  assert.ok(world.socket.frames(KIND.input).length > 25);
  assert.ok(world.socket.frames(KIND.ping).length >= 5);
});

test("pings are quick at first, then one a second, and answers set clock and RTT", () => {
  const { client, world } = play(create());
  const startedMs = world.nowMs;
  let answered = 0;
  for (let i = 1; i <= 2000; i++) { // so long that the start, which took no time, is forgotten
    world.pass(10);
    const roomMs = 5000 + world.nowMs - startedMs;
    // each way takes 15 ms, and the server reads at once
    for (const ping of world.socket.frames(KIND.ping).slice(answered)) {
      const sentMs = new ByteReader(ping.slice(1)).float64();
      if (world.nowMs - sentMs < 30) break;
      answered++;
      const pong = new ByteWriter();
      pong.uint(KIND.pong);
      pong.float64(sentMs);
      pong.float64(roomMs - 15);
      pong.float64(0.75);
      world.socket.push(pong.finish());
    }
    if (roomMs % 50 === 20) world.socket.push(deltaFrame({ advance: Math.floor(roomMs / 50) - client.stats.tick }));
  }
  const pings = world.socket.frames(KIND.ping).map((ping) => new ByteReader(ping.slice(1)).float64() - startedMs);
  assert.ok(pings.filter((atMs) => atMs < 1000).length >= 5, `${pings}`);
  assert.ok(pings.length >= 20 && pings.length <= 35, `${pings.length} pings in twenty seconds`);
  assert.ok(Math.abs(client.stats.rttMs - 30) <= 10, `${client.stats.rttMs}`);
  assert.ok(Math.abs(client.roomMs() - 25_000) < 6, `${client.roomMs()}`);
  assert.deepEqual([client.stats.tick, client.stats.serverLateMs], [499, 0.75]);
  assert.ok(client.stats.bytesInPerSecond > 50 && client.stats.statesPerSecond > 10);
});

test("a silent server is left and looked for again", () => {
  const { client, world } = play(create());
  world.pass(4900);
  assert.equal(client.status, "playing");
  world.pass(600);
  assert.equal(world.sockets[0].closedWith?.[0], 1000);
  assert.equal(client.status, "reconnecting");
  world.pass(300);
  assert.equal(world.sockets.length, 2);
});

test("a socket that never opens is given up", () => {
  const { client, world } = create();
  client.connect();
  world.pass(11_000);
  assert.equal(world.sockets.length, 2);
});

test("a checksum that disagrees asks for a full state, not with every delta", () => {
  const { client, world } = play(create());
  const sum = /** @type {number} */ (client.replica?.checksum());
  world.socket.push(deltaFrame({ checked: { tick: 101, checksum: sum } }));
  assert.equal(world.socket.frames(KIND.resync).length, 0);
  for (let tick = 102; tick < 120; tick++) {
    world.pass(50);
    world.socket.push(deltaFrame({ checked: { tick, checksum: sum ^ 1 } }));
  }
  assert.deepEqual([world.socket.frames(KIND.resync).length, client.stats.resyncs, client.status], [1, 1, "playing"]);
  world.socket.push(fullFrame({ tick: 130, groups: SHIPS }));
  assert.equal(client.replica?.tick, 130);
});

test("a world that has gone wrong is found out, asked for anew and healed, once", () => {
  const { client, world } = play(create());
  const truth = new Replica(compileSchema(SCHEMA));
  truth.apply(/** @type {any} */ (new BinaryCodec(truth.schema, null, 0).decode(fullFrame({ tick: 100, groups: SHIPS }))));
  // what the server never meant: from here on the client holds another world
  world.socket.push(deltaFrame({ groups: [{ op: "update", type: 1, ids: [2], fields: ["x"], rows: [[999]] }, { op: "despawn", type: 1, ids: [1] }] }));
  assert.deepEqual([client.replica?.get(2)?.x, client.replica?.size], [999, 1]);
  world.socket.push(deltaFrame({ checked: { tick: 102, checksum: truth.checksum() } }));
  assert.equal(world.socket.frames(KIND.resync).length, 1);
  world.socket.push(fullFrame({ tick: 103, groups: SHIPS }));
  assert.deepEqual([client.replica?.get(2)?.x, client.replica?.size, [...client.own]], [200, 2, [1]]);
  assert.equal(client.replica?.checksum(), truth.checksum());
  world.pass(3000);
  world.socket.push(deltaFrame({ checked: { tick: 104, checksum: truth.checksum() } }));
  assert.deepEqual([world.socket.frames(KIND.resync).length, client.stats.resyncs, client.status], [1, 1, "playing"]);
});

test("a server that breaks the protocol is closed, tried again from a full state, and given up", () => {
  const { client, world, named } = play(create());
  world.socket.push(Uint8Array.of(0x7f));
  assert.equal(world.socket.closedWith?.[0], 3002);
  assert.equal(named("error")[0].code, "protocol_error");
  world.pass(1000);
  world.socket.accept();
  assert.equal(world.socket.texts[0].tick, null, "what was half applied is no baseline");
  world.socket.push(welcomeMessage({ resumed: true, token: "t2" }));
  world.socket.push(fullFrame({ tick: 7, groups: SHIPS.slice(0, 1) }));
  assert.equal(client.replica?.tick, 7);
  for (let i = 0; i < 2; i++) {
    world.socket.push("}{");
    world.passUntilNextSocket();
    world.socket.accept();
  }
  world.socket.push("}{");
  world.pass(60_000);
  assert.deepEqual([client.status, world.sockets.length], ["closed", 4]);
});

test("garbage at any time never throws out of the client nor leaves it hanging", () => {
  const random = seeded(13);
  for (let round = 0; round < 300; round++) {
    const { client, world } = create();
    client.connect();
    for (let i = 0; i < 12 && client.status !== "closed"; i++) {
      const roll = random();
      if (roll < 0.2) world.socket.accept();
      else if (roll < 0.4) world.socket.push(welcomeMessage({ tick: random() < 0.5 ? null : 3, schema: random() < 0.8 ? SCHEMA : { types: [{}] } }));
      else if (roll < 0.6) world.socket.push(Uint8Array.from({ length: Math.floor(random() * 30) }, () => Math.floor(random() * 256)));
      else if (roll < 0.7) world.socket.push(JSON.stringify([null, 1, {}, { type: "full" }, { type: "pong" }][Math.floor(random() * 5)]));
      else if (roll < 0.8) world.socket.end(1006);
      world.pass(random() * 3000);
      client.frame();
    }
    assert.ok(["connecting", "playing", "reconnecting", "closed"].includes(client.status));
  }
});

test("the own ship answers to input at once and agrees with the server later", () => {
  const step = (/** @type {any} */ state, /** @type {any} */ input, /** @type {number} */ dt) => void (state.x += input.turn * 100 * dt);
  const { client, world } = play(create({ predict: { type: "Ship", step, fields: ["x"] } }));
  client.setInput({ turn: 1 });
  for (let i = 0; i < 10; i++) {
    world.pass(25);
    client.frame();
  }
  const view = /** @type {any} */ (client.view);
  const drawn = view.get(1).x;
  assert.ok(drawn > 110, `${drawn}`);
  assert.ok(view.all("Ship").includes(view.get(1)));
  const sent = world.socket.frames(KIND.input).length;
  world.socket.push(deltaFrame({ advance: 5, ackAdvance: sent, groups: [{ op: "update", type: 1, ids: [1], fields: ["x"], rows: [[100 + 5 * sent]] }] }));
  assert.equal(client.stats.corrections, 0);
  world.socket.push(deltaFrame({ groups: [{ op: "despawn", type: 1, ids: [1] }] }));
  client.frame();
  assert.deepEqual([view.get(1), view.all("Ship").length], [null, 1], "gone at once, not after the others' delay");
});

test("after a reload, inputs are numbered above all that the server may have queued", () => {
  const { client, world } = play(create(), { resumed: true, ack: 500 });
  world.pass(100);
  client.frame();
  world.pass(100);
  client.frame();
  const first = new ByteReader(world.socket.frames(KIND.input)[0].slice(1)).uint32();
  assert.equal(first, 509);
});

test("a client of a game without inputs sends acks", () => {
  const { world } = play(create(), { schema: { ...SCHEMA, input: undefined } });
  assert.deepEqual(world.socket.frames(KIND.ack).map((frame) => new ByteReader(frame.slice(1)).uint32()), [100]);
});

test("refusals, chat and commands go their ways", () => {
  const { client, world, named } = play(create());
  client.chat("hello");
  client.command("pick", { slot: 2 });
  assert.deepEqual(world.socket.texts.slice(-2), [{ type: "chat", text: "hello" }, { type: "command", name: "pick", data: { slot: 2 } }]);
  world.socket.push({ type: "error", code: "chat_refused", message: "too long", re: "chat" });
  assert.deepEqual(named("error").map(({ code }) => code), ["chat_refused"]);
  assert.equal(client.status, "playing");
});

test("the JSON codec plays the same", () => {
  const { client, world } = create({ codec: JsonCodec });
  client.connect();
  world.socket.accept();
  world.socket.push(welcomeMessage());
  world.socket.push({ type: "full", tick: 41, ack: 0, depth: 0, missing: 0, spawn: { Ship: { 1: { x: 12.5, y: 80, heading: 0, hp: 1 } } }, own: [1] });
  world.socket.push({ type: "delta", tick: 42, baseline: 41, ack: 1, depth: 0, missing: 0, update: { Ship: { 1: { x: 13 } } } });
  assert.deepEqual([client.replica?.get(1)?.x, [...client.own]], [13, [1]]);
  world.pass(120);
  client.frame();
  world.pass(120);
  client.frame();
  assert.ok(world.socket.texts.some(({ type, seq }) => type === "input" && seq === 1));
});

test("a handler that throws stops neither the others nor the client", (t) => {
  /** @type {(() => void)[]} */
  const later = [];
  t.mock.method(globalThis, "queueMicrotask", (/** @type {() => void} */ run) => void later.push(run));
  const made = create();
  made.client.on("welcome", () => {
    throw new Error("a mistake of the game");
  });
  play(made);
  assert.equal(made.client.replica?.tick, 100);
  assert.equal(later.length, 1);
  assert.throws(later[0], /a mistake of the game/, "and it surfaces on its own");
});

test("a spectator acks, sends no input, keeps nothing for a reload, and joins the same room again", () => {
  const made = create({ spectate: true });
  const { client, world } = made;
  world.storage.setItem("seat:test", JSON.stringify({ wishes: ['[null,null,false,false,null]'], token: "t9", event: 3 }));
  play(made, { seat: null, name: "", token: null, spectator: "public", delay_s: 3 });
  assert.deepEqual(world.socket.texts[0], { type: "join", version: 1, game: "test", name: "Ann", spectate: true });
  client.setInput({ turn: 1 });
  for (let i = 0; i < 40; i++) {
    world.pass(50);
    client.frame();
  }
  assert.equal(world.socket.frames(KIND.input).length, 0);
  assert.ok(world.socket.frames(KIND.ack).length > 0);
  assert.equal(client.replica?.get(2)?.x, 200);
  world.socket.end(1006);
  world.pass(300);
  world.socket.accept();
  const again = /** @type {any} */ (world.socket.texts[0]);
  assert.deepEqual([again.type, again.room, again.spectate], ["join", "n1-1", true]);
  assert.equal(JSON.parse(world.storage.getItem("seat:test") ?? "").token, "t9");
});
