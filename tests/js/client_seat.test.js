/** How a client gets its seat, keeps it and comes back to it: client.js, connection.js, seat.js. */
import assert from "node:assert/strict";
import test from "node:test";

import { CLOSE_CODES } from "../../static/client/protocol.js";
import { FakeWorld, deltaFrame, fullFrame, welcomeMessage } from "./support.js";
import { SHIPS, create, play } from "./made_client.js";

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
