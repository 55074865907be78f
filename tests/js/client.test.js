/** The facade over a socket and a clock that live in memory: client.js, connection.js, seat.js, session.js. */
import assert from "node:assert/strict";
import test from "node:test";

import { ByteReader } from "../../static/client/bytes.js";
import { GameClient } from "../../static/client/index.js";
import { JsonCodec } from "../../static/client/json_codec.js";
import { BinaryCodec } from "../../static/client/codec.js";
import { CLOSE_CODES, KIND } from "../../static/client/protocol.js";
import { Replica } from "../../static/client/replica.js";
import { compileSchema } from "../../static/client/schema.js";
import { FakeWorld, SCHEMA, deltaFrame, fullFrame, seeded, welcomeMessage } from "./support.js";
import { ByteWriter } from "../../static/client/written.js";

/** @param {Partial<import("../../static/client/client_types.js").Options>} [options] */
function create(options = {}, world = new FakeWorld()) {
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
const SHIPS = [
  { op: "spawn", type: 1, ids: [1, 2], rows: [[100, 100, 0, 100], [200, 200, 0, 100]] },
  { op: "update", type: 1, ids: [1], fields: ["vx"], rows: [[0]] },
  { op: "own", type: 1, ids: [1] },
];

/** Connect and be welcomed. @param {ReturnType<typeof create>} made @param {Record<string, unknown>} [changes] */
function play(made, changes) {
  made.client.connect();
  made.world.socket.accept();
  made.world.socket.push(welcomeMessage(changes));
  made.world.socket.push(fullFrame({ tick: 100, groups: SHIPS }));
  return made;
}

test("joining is one message, and the welcome makes it playing", () => {
  const made = create({ room: "n1-1", schemaHash: "cafe" });
  const { client, world, statuses } = made;
  assert.equal(client.status, "closed");
  assert.equal(client.frame(), null);
  play(made);
  assert.deepEqual(world.socket.protocols, ["game.v1.binary"]);
  assert.deepEqual(world.socket.texts[0], { type: "join", version: 1, game: "test", name: "Ann", room: "n1-1", schema_hash: "cafe" });
  assert.deepEqual(statuses(), ["connecting", "playing"]);
  assert.deepEqual([client.replica?.get(2)?.x, [...client.own], client.welcome?.seat], [200, [1], 0]);
});

test("a lost connection is resumed with token, tick and event, and goes on from there", () => {
  const { client, world, statuses, named } = play(create());
  world.socket.push({ type: "events", list: [{ number: 17, tick: 99, name: "chat", data: { text: "hi" } }] });
  const ship = client.replica?.get(2);
  world.socket.end(1006);
  world.pass(300);
  assert.equal(world.sockets.length, 2);
  world.socket.accept();
  assert.deepEqual(world.socket.texts, [{ type: "resume", version: 1, token: "t1", tick: 100, event: 17, schema_hash: "0123456789abcdef" }]);
  world.socket.push(welcomeMessage({ resumed: true, token: "t2", tick: 100, ack: 0, event: 17 }));
  world.socket.push({ type: "events", list: [{ number: 17, tick: 99, name: "chat", data: {} }, { number: 19, tick: 101, name: "kill", data: {} }] });
  world.socket.push(deltaFrame({ advance: 7, groups: [{ op: "update", type: 1, ids: [2], fields: ["x"], rows: [[300]] }] }));
  assert.deepEqual([client.replica?.tick, ship?.x], [107, 300], "the same object, moved on");
  assert.deepEqual(named("event").map(({ number }) => number), [17, 19], "an event seen before is not seen twice");
  assert.deepEqual(statuses(), ["connecting", "playing", "reconnecting", "reconnecting", "playing"]);
});

test("a client that came to the wrong server goes to the right one by itself, at once, with what it was given", () => {
  const { client, world, statuses } = create({ room: "n2-1" });
  client.connect();
  world.socket.accept();
  world.socket.push({ type: "moved", url: "ws://other/ws", placement: "p1" });
  world.socket.end(4022, "go to ws://other/ws");
  world.pass(100);
  assert.deepEqual([world.sockets.length, world.socket.url], [2, "ws://other/ws"]);
  world.socket.accept();
  assert.deepEqual([world.socket.texts[0].type, world.socket.texts[0].room, world.socket.texts[0].placement], ["join", "n2-1", "p1"]);
  world.socket.push(welcomeMessage());
  world.socket.push(fullFrame({ tick: 100, groups: SHIPS }));
  assert.equal(client.status, "playing");
  world.socket.end(1006);
  world.passUntilNextSocket();
  assert.equal(world.socket.url, "ws://test/ws", "a server that was lost may be gone: the first one knows where to go now");
  world.socket.accept();
  assert.deepEqual([world.socket.texts[0].type, world.socket.texts[0].placement], ["resume", undefined]);
  assert.equal(statuses().at(-1), "reconnecting");
});

test("an address that the browser refuses, such as ws:// from an https:// page, is as one that cannot be reached", () => {
  const world = new FakeWorld();
  const { WebSocket } = world;
  class Strict extends WebSocket {
    /** @param {string} url @param {string[]} protocols */
    constructor(url, protocols) {
      if (url.includes("plain")) throw new DOMException("An insecure WebSocket connection may not be initiated", "SecurityError");
      super(url, protocols);
    }
  }
  const { client, named } = create({ WebSocket: Strict }, world);
  client.connect();
  world.socket.accept();
  world.socket.push({ type: "moved", url: "ws://plain/ws" });
  world.socket.end(4022);
  world.passUntilNextSocket();
  assert.equal(world.socket.url, "ws://test/ws");
  assert.ok(named("status").some(({ reason }) => reason.includes("insecure")), "the page can say why");
  assert.throws(() => create({ WebSocket: Strict, url: "ws://plain/ws" }).client.connect(), DOMException, "the page's own address is its own mistake");
});

test("a socket that tells of its errors as an event emitter does, such as that of the ws package in Node, ends no process", () => {
  const { client, world, statuses } = create();
  client.connect();
  assert.equal(typeof world.socket.onerror, "function", "an error that nobody listens to is thrown there");
  world.socket.onerror?.({ message: "connect ECONNREFUSED" });
  world.socket.end(1006);
  assert.deepEqual(statuses(), ["connecting", "connecting"]);
});

test("servers that send a client in a circle do not keep it busy", () => {
  const { client, world } = create();
  client.connect();
  for (let i = 0; i < 12; i++) {
    world.socket.accept();
    world.socket.push({ type: "moved", url: `ws://s${i}/ws` });
    world.socket.end(4022);
    world.pass(100);
  }
  assert.ok(world.sockets.length < 8, `${world.sockets.length} sockets within a second`);
});

test("waits between tries grow, differ by chance, and are told", () => {
  const { client, world, named } = create();
  client.connect();
  for (let i = 0; i < 9; i++) {
    world.socket.end(1006);
    world.passUntilNextSocket();
  }
  const waits = named("status").map(({ retryInMs }) => retryInMs).filter((wait) => wait !== null);
  assert.equal(world.sockets.length, 10);
  for (let i = 0; i < 9; i++) {
    const longest = Math.min(15_000, 250 * 2 ** i);
    assert.ok(waits[i] >= longest / 2 && waits[i] <= longest, `try ${i} after ${waits[i]} ms`);
  }
  assert.ok(new Set(waits.map((wait, i) => wait / 2 ** i)).size > 5);
  assert.equal(client.status, "connecting");
});

test("while the seat is held, no wait is longer than two seconds", () => {
  const { world, named } = play(create());
  world.socket.end(1006);
  for (let tries = 0; tries < 40; tries++) {
    world.pass(named("status").at(-1).retryInMs + 200);
    world.socket.end(1006);
  }
  const waits = named("status").filter(({ retryInMs }) => retryInMs !== null).map(({ retryInMs }) => retryInMs);
  let lostForMs = 0;
  for (const waitMs of waits) {
    if (lostForMs < 59_000) assert.ok(waitMs <= 2_000, `${waitMs} ms after ${lostForMs} ms`);
    lostForMs += waitMs + 200;
  }
  assert.ok(Math.max(...waits) > 7_000, "once the seat is gone there is no hurry");
});

/** Lose sockets until so much time has passed. @param {ReturnType<typeof create>} made @param {number} ms */
function beAway({ world, named }, ms) {
  const untilMs = world.now() + ms;
  while (world.now() < untilMs) {
    world.socket.end(1006);
    world.pass(named("status").at(-1).retryInMs + 200);
  }
}

test("a client that is told after a long absence that its seat is gone asks for a new one at once, then patiently", () => {
  const made = play(create());
  made.world.pass(6_000);
  beAway(made, 120_000);
  made.world.socket.accept();
  assert.equal(made.world.socket.texts[0].type, "resume");
  made.world.socket.end(4015);
  const waits = [];
  for (let tries = 0; tries < 9; tries++) {
    waits.push(made.named("status").at(-1).retryInMs);
    made.world.passUntilNextSocket();
    made.world.socket.accept();
    assert.equal(made.world.socket.texts[0].type, "join");
    made.world.socket.end(4016);
  }
  assert.ok(waits[0] >= 125 && waits[0] <= 250, `${waits[0]} ms`);
  assert.ok(Math.max(...waits) > 7_000, "a service that is going away is not asked in a hurry");
  for (let i = 1; i < 6; i++) assert.ok(waits[i] >= 125 * 2 ** i, `${waits}`);
});

test("so does one whose page was loaded anew while the server was away", () => {
  const { world } = play(create({ room: "n1-1" }));
  const reloaded = create({ room: "n1-1" }, world);
  reloaded.client.connect();
  beAway(reloaded, 60_000);
  world.socket.accept();
  assert.equal(world.socket.texts[0].type, "resume");
  world.socket.end(4015);
  assert.ok(reloaded.named("status").at(-1).retryInMs <= 250);
});

test("a server that takes each seat away as soon as it is given is not asked in a hurry", () => {
  const made = play(create());
  for (let times = 0; times < 8; times++) {
    made.world.socket.end(4015);
    made.world.passUntilNextSocket();
    made.world.socket.accept();
    made.world.socket.push(welcomeMessage());
  }
  made.world.socket.end(4015);
  assert.ok(made.named("status").at(-1).retryInMs >= 1_000);
});

test("a join carries the token that says who plays, fetched anew each time, and a resume does not", async () => {
  let fetched = 0;
  const { client, world } = create({ identity: async () => `token-${++fetched}` });
  client.connect();
  world.socket.accept();
  assert.equal(world.socket.texts.length, 0);
  await Promise.resolve();
  await Promise.resolve();
  assert.equal(world.socket.texts[0].identity, "token-1");
  world.socket.push(welcomeMessage());
  world.socket.end(1006);
  world.pass(300);
  world.socket.accept();
  assert.deepEqual([world.socket.texts[0].type, world.socket.texts[0].identity], ["resume", undefined]);
  world.socket.end(4015);
  world.pass(600);
  world.socket.accept();
  await Promise.resolve();
  await Promise.resolve();
  assert.deepEqual([world.socket.texts[0].type, world.socket.texts[0].identity], ["join", "token-2"]);
});

test("a token that cannot be had is told, and nothing is sent without it", async () => {
  const { client, world, named } = create({ identity: () => Promise.reject(new Error("log in first")) });
  client.connect();
  world.socket.accept();
  await Promise.resolve();
  await Promise.resolve();
  assert.equal(world.socket.texts.length, 0);
  assert.equal(named("error")[0].code, "identity_failed");
});

test("connect while waiting tries at once", () => {
  const { client, world } = play(create());
  world.socket.end(1006);
  client.connect();
  assert.equal(world.sockets.length, 2);
});

test("every close code does what the table says", () => {
  for (const [text, { action }] of Object.entries(CLOSE_CODES)) {
    const code = Number(text);
    const { client, world, named } = play(create({ room: "n1-1" }));
    world.socket.end(code, "because");
    world.pass(1000);
    const status = named("status").filter(({ code: seen }) => seen === code)[0];
    assert.deepEqual([status.reason, status.name], ["because", CLOSE_CODES[code].name]);
    if (action === "resume" || action === "join") {
      world.socket.accept();
      assert.equal(world.socket.texts[0].type, action, text);
    } else {
      assert.deepEqual([world.sockets.length, client.status, world.timersRunning], [1, "closed", 0], text);
      assert.equal(named("reload").length, action === "reload" ? 1 : 0, text);
    }
  }
});

test("a seat that is gone is asked for again in the same room, not in another new one", () => {
  const { world } = play(create({ create: true, options: { bots: 3 } }), { code: "QXKZ" });
  assert.deepEqual(world.sockets[0].texts[0].options, { bots: 3 });
  world.socket.end(4015);
  world.pass(300);
  world.socket.accept();
  assert.deepEqual(world.socket.texts[0], { type: "join", version: 1, game: "test", name: "Ann", code: "QXKZ", schema_hash: "0123456789abcdef" });
});

test("a page reload takes the seat again, another wish does not", () => {
  const { world } = play(create({ room: "n1-1" }));
  const reloaded = create({ room: "n1-1" }, world);
  reloaded.client.connect();
  world.socket.accept();
  assert.deepEqual([world.socket.texts[0].type, world.socket.texts[0].token, world.socket.texts[0].tick], ["resume", "t1", null]);
  const other = create({ room: "n1-2" }, world);
  other.client.connect();
  world.socket.accept();
  assert.equal(world.socket.texts[0].type, "join");
});

test("a reload under an address that names the joined room takes the seat again", () => {
  for (const [wish, code, address] of /** @type {[any, string | null, any][]} */ ([
    [{}, null, { room: "n1-1" }],
    [{ create: true, options: { bots: 3 } }, null, { room: "n1-1" }],
    [{ create: true, private: true }, "QXKZ", { code: "QXKZ" }],
  ])) {
    const { world } = play(create(wish), { code });
    const opening = (/** @type {any} */ other) => {
      create(other, world).client.connect();
      world.socket.accept();
      return world.socket.texts[0];
    };
    assert.deepEqual([opening(address).type, opening(address).token], ["resume", "t1"]);
    assert.equal(opening({ room: "n1-2" }).type, "join");
  }
});

test("who asks for a new room again gets a new one", () => {
  const wish = { create: true, options: { bots: 3 } };
  const { world } = play(create(wish));
  create(wish, world).client.connect();
  world.socket.accept();
  assert.equal(world.socket.texts[0].type, "join");
});

test("leave gives the seat up for good", () => {
  const { client, world, statuses } = play(create());
  client.leave();
  assert.deepEqual(world.socket.texts.slice(-1), [{ type: "leave" }]);
  assert.deepEqual([world.socket.closedWith?.[0], client.status, world.timersRunning, statuses().slice(-1)], [1000, "closed", 0, ["closed"]]);
  const again = create({}, world);
  again.client.connect();
  world.socket.accept();
  assert.equal(world.socket.texts[0].type, "join");
});

test("a storage that throws is as good as none", () => {
  const broken = () => {
    throw new Error("forbidden");
  };
  const { client } = play(create({ storage: { getItem: broken, setItem: broken, removeItem: broken } }));
  assert.equal(client.status, "playing");
});

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
