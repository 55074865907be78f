/** Frames to messages and back: codec.js, state_binary.js, state_json.js. */
import assert from "node:assert/strict";
import test from "node:test";

import { BinaryCodec } from "../../static/client/codec.js";
import { JsonCodec } from "../../static/client/json_codec.js";
import { KIND, ProtocolError, parseText } from "../../static/client/protocol.js";
import { Replica } from "../../static/client/replica.js";
import { SCHEMA, compiled, deltaFrame, fullFrame, seeded, welcomeMessage, writeIds } from "./support.js";
import { ByteWriter } from "../../static/client/written.js";

/** @param {number} tick */
const binary = (tick) => new BinaryCodec(compiled, tick, 10);
/** @param {Uint8Array} bytes */
const hex = (bytes) => Buffer.from(bytes).toString("hex");

const THING = [1, 2, -3, -4, -5, 1.5, true, "ünï", [1, -1], { k: 9 }];

test("a full state is read as drawn", () => {
  const bytes = Buffer.from("11" + "29000000" + "07000000" + "62" + "05" + "04" + "01" + "c800" + "0005" + "0040" + "64" + "07" + "04" + "01", "hex");
  const message = /** @type {any} */ (binary(0).decode(bytes));
  assert.deepEqual([message.type, message.tick, message.ack, message.depth, message.missing], ["full", 41, 7, 2, 3]);
  const replica = new Replica(compiled);
  replica.apply(message);
  assert.deepEqual({ ...replica.get(1) }, { id: 1, x: 12.5, y: 80, heading: Math.PI / 2, vx: 0, hp: 100 });
  assert.deepEqual([...replica.own], [1]);
});

test("a delta counts from the state before it, a checked one says where it ends", () => {
  const codec = binary(100);
  const first = /** @type {any} */ (codec.decode(deltaFrame({ advance: 3, ackAdvance: 200 })));
  assert.deepEqual([first.type, first.tick, first.ack, first.checksum], ["delta", 103, 210, null]);
  const second = /** @type {any} */ (codec.decode(deltaFrame({ advance: 2, ackAdvance: 1, checked: { tick: 105, checksum: 0xdeadbeef } })));
  assert.deepEqual([second.tick, second.ack, second.checksum], [105, 211, 0xdeadbeef]);
  assert.throws(() => codec.decode(deltaFrame({ advance: 1, checked: { tick: 107, checksum: 0 } })), ProtocolError);
});

test("ids come back in every mode", () => {
  const lists = [[7], [1, 2, 3], [5, 9, 260], [5, 4000, 65540], [1, 70000, 4294967295]];
  for (const ids of lists) {
    const codec = binary(0);
    const message = /** @type {any} */ (codec.decode(deltaFrame({ groups: [{ op: "despawn", type: 1, ids }] })));
    assert.deepEqual([...message.groups[0].ids], ids);
  }
  const wide = /** @type {any} */ (binary(0).decode(deltaFrame({ groups: [{ op: "despawn", type: 1, ids: [3, 4], mode: 3 }] })));
  assert.deepEqual([...wide.groups[0].ids], [3, 4]);
});

test("ids that do not ascend, are 0, or are more than a page can bear are refused", () => {
  /** @param {(writer: ByteWriter) => void} write */
  const frame = (write) => {
    const writer = new ByteWriter();
    writer.raw(Uint8Array.of(KIND.delta, 1, 0, 0, 2 | (1 << 2)));
    write(writer);
    return writer.finish();
  };
  for (const write of /** @type {((writer: ByteWriter) => void)[]} */ ([
    (writer) => writeIds(writer, [5, 5], 1),
    (writer) => writeIds(writer, [0, 1], 0),
    (writer) => (writer.varint(4 * 2 ** 29), writer.varint(1)),
    (writer) => (writer.varint(2 * 4), writer.varint(4294967295)),
    (writer) => (writer.varint(0), writer.varint(1)),
  ])) {
    assert.throws(() => binary(0).decode(frame(write)), ProtocolError);
  }
});

test("both codecs leave the same world and the same checksum", () => {
  const spawn = fullFrame({
    tick: 5,
    groups: [
      { op: "spawn", type: 0, rows: [[12.25, "göö"]] },
      { op: "spawn", type: 1, ids: [1, 2], rows: [[1, 2, 3, 100], [4, 5, 6, 50]] },
      { op: "spawn", type: 2, ids: [9], rows: [THING] },
      { op: "update", type: 1, ids: [2], fields: ["vx"], rows: [[-3.5]] },
      { op: "own", type: 1, ids: [2] },
    ],
  });
  const update = deltaFrame({ groups: [{ op: "despawn", type: 1, ids: [1] }, { op: "update", type: 2, ids: [9], fields: ["c", "h"], rows: [[5, "zz"]] }] });
  const packed = new Replica(compiled);
  const codec = binary(0);
  packed.apply(/** @type {any} */ (codec.decode(spawn)));
  packed.apply(/** @type {any} */ (codec.decode(update)));

  const [a, b, c, d, e, f, g, h, i, j] = THING;
  const written = new Replica(compiled);
  const json = new JsonCodec(compiled, null, 0);
  for (const message of [
    { type: "full", tick: 5, ack: 0, depth: 0, missing: 0, room: { left_s: 12.25, phase: "göö" },
      spawn: { Ship: { 1: { x: 1, y: 2, heading: 3, hp: 100 }, 2: { x: 4, y: 5, heading: 6, hp: 50 } }, Thing: { 9: { a, b, c, d, e, f, g, h, i, j } } },
      update: { Ship: { 2: { vx: -3.5 } } }, own: [2] },
    { type: "delta", tick: 6, baseline: 5, ack: 0, depth: 0, missing: 0, despawn: [1], update: { Thing: { 9: { c: 5, h: "zz" } } } },
  ]) written.apply(/** @type {any} */ (json.decode(JSON.stringify(message))));

  for (const type of ["Ship", "Thing"]) assert.deepEqual([...written.all(type)], [...packed.all(type)]);
  assert.deepEqual(written.room, packed.room);
  assert.equal(written.checksum(), packed.checksum());
  assert.deepEqual([...written.own], [2]);
});

test("inputs, acks, pings and resyncs are written as drawn", () => {
  const codec = binary(0);
  const fields = { turn: -1, fire: true, aim: Math.PI };
  assert.equal(hex(/** @type {Uint8Array} */ (codec.encodeInput(7, 812, 1.5, fields))), "01" + "07000000" + "2c030000" + "8001" + "ff" + "01" + "80");
  assert.equal(hex(/** @type {Uint8Array} */ (codec.encodeInput(7, 812, 1e9, {}))).slice(18, 22), "ffff");
  assert.equal(hex(/** @type {Uint8Array} */ (codec.encodeAck(812))), "022c030000");
  assert.equal(hex(/** @type {Uint8Array} */ (codec.encodePing(1234.5))), "0300000000004a9340");
  assert.equal(hex(/** @type {Uint8Array} */ (codec.encodeResync())), "04");
});

test("the JSON codec sends the same messages as text", () => {
  const codec = new JsonCodec(compiled, null, 0);
  assert.deepEqual(JSON.parse(/** @type {string} */ (codec.encodeInput(7, 812, 1.5, { turn: 1 }))), { type: "input", seq: 7, ack: 812, lag: 1.5, turn: 1 });
  assert.deepEqual(JSON.parse(/** @type {string} */ (codec.encodeAck(3))), { type: "ack", ack: 3 });
  assert.deepEqual(JSON.parse(/** @type {string} */ (codec.encodePing(3.5))), { type: "ping", client_ms: 3.5 });
  assert.deepEqual(JSON.parse(/** @type {string} */ (codec.encodeResync())), { type: "resync" });
});

test("a pong is read in both codecs", () => {
  const writer = new ByteWriter();
  writer.uint(KIND.pong);
  writer.float64(1234.5);
  writer.float64(27066.7);
  writer.float64(0.4);
  const expected = { type: "pong", client_ms: 1234.5, room_ms: 27066.7, late_ms: 0.4 };
  assert.deepEqual(binary(0).decode(writer.finish()), expected);
  assert.deepEqual(new JsonCodec(compiled, null, 0).decode(JSON.stringify(expected)), expected);
});

const RICH = fullFrame({
  tick: 5,
  groups: [
    { op: "spawn", type: 0, rows: [[12.25, "go"]] },
    { op: "spawn", type: 1, ids: [1, 2, 300], rows: [[1, 2, 3, 100], [4, 5, 6, 50], [7, 8, 9, 1]] },
    { op: "spawn", type: 2, ids: [9], rows: [THING] },
    { op: "update", type: 2, ids: [9], fields: ["k"], rows: [[{ a: [1, 2] }]] },
    { op: "own", type: 1, ids: [2] },
  ],
});

/** Decode and apply; anything but ProtocolError is a fault of ours. @param {BinaryCodec} codec @param {any} data */
function survive(codec, data) {
  try {
    const message = codec.decode(data);
    if (message.type === "full" || message.type === "delta") new Replica(compiled).apply(message);
    return true;
  } catch (error) {
    if (!(error instanceof ProtocolError)) throw error;
    return false;
  }
}

test("a frame chopped anywhere within a group raises ProtocolError and nothing else", () => {
  let refused = 0;
  for (let length = 0; length < RICH.length; length++) if (!survive(binary(0), RICH.slice(0, length))) refused++;
  assert.ok(refused > RICH.length - 8, `only ends of groups are fine: ${refused} of ${RICH.length} refused`);
  assert.ok(survive(binary(0), RICH));
});

test("garbage and flipped bytes raise ProtocolError or are read, and take no time", () => {
  const random = seeded(3);
  const startedMs = performance.now();
  let read = 0;
  for (let round = 0; round < 20000; round++) {
    const bytes = round % 2 ? RICH.slice() : Uint8Array.from({ length: Math.floor(random() * 60) }, () => Math.floor(random() * 256));
    if (round % 4 === 2) bytes[0] = [KIND.full, KIND.delta, KIND.checkedDelta, KIND.pong][Math.floor(random() * 4)];
    if (round % 2) for (let i = 0; i < 3; i++) bytes[Math.floor(random() * bytes.length)] = Math.floor(random() * 256);
    if (survive(binary(0), bytes)) read++;
  }
  assert.ok(read > 50 && read < 15000, `${read} of 20000 were read`);
  assert.ok(performance.now() - startedMs < 10000);
});

test("any JSON raises ProtocolError or is read", () => {
  const random = seeded(4);
  const texts = [
    JSON.stringify({ type: "full", tick: 5, ack: 0, room: { left_s: 1 }, spawn: { Ship: { 1: { x: 1 } }, Thing: { 2: { i: [1], j: { a: 1 }, k: null } } }, own: [1] }),
    JSON.stringify({ type: "events", list: [{ number: 1, tick: 2, name: "chat", data: {} }] }),
    JSON.stringify(welcomeMessage()),
  ];
  const pieces = ["null", "[]", "{}", "-1", "1e400", '"x"', "true", "4294967296", '{"__proto__":1}'];
  for (let round = 0; round < 6000; round++) {
    const text = texts[round % 3];
    const tokens = text.match(/"[^"]*"|[\d.]+|[[\]{}:,]|\w+/g) ?? [];
    tokens[Math.floor(random() * tokens.length)] = pieces[Math.floor(random() * pieces.length)];
    survive(new JsonCodec(compiled, 4, 0), tokens.join(""));
  }
});

test("what the protocol does not allow is refused", () => {
  const json = new JsonCodec(compiled, 4, 0);
  const state = { type: "delta", tick: 5, baseline: 4, ack: 0 };
  for (const message of [
    { ...state, baseline: 3 }, { ...state, update: { Boat: {} } }, { ...state, update: { Ship: { 0: {} } } }, { ...state, spawn: { Ship: { 1: { z: 1 } } } },
    { ...state, spawn: { Ship: { 1: { x: "1" } } } }, { ...state, despawn: [1.5] }, { ...state, depth: -1 }, { ...state, tick: 2 ** 32 }, { type: "constructor" },
  ]) assert.throws(() => json.decode(JSON.stringify(message)), ProtocolError, JSON.stringify(message));
  assert.throws(() => json.decode(RICH), ProtocolError, "binary under JSON");
  assert.throws(() => binary(4).decode(JSON.stringify(state)), ProtocolError, "a state as text under binary");
  assert.throws(() => new BinaryCodec(compiled, null, 0).decode(deltaFrame({})), ProtocolError, "no baseline");
});

test("a welcome without what the client relies on is refused", () => {
  for (const key of ["token", "schema", "tick_rate", "limits", "room_ms", "ack"]) {
    assert.throws(() => parseText(JSON.stringify(welcomeMessage({ [key]: undefined }))), ProtocolError, key);
  }
  for (const change of [{ tick_rate: 0 }, { tick_rate: 1e9 }, { send_every: 0 }, { seat: -1 }, { limits: { dead_after_s: 1 } }]) {
    assert.throws(() => parseText(JSON.stringify(welcomeMessage(change))), ProtocolError);
  }
  assert.equal(/** @type {any} */ (parseText(JSON.stringify(welcomeMessage()))).schema.game, SCHEMA.game);
});

test("500 entities of a type are decoded and applied within the budget", (t) => {
  const codec = binary(0);
  const replica = new Replica(compiled);
  const ids = Array.from({ length: 500 }, (_, i) => i + 1);
  replica.apply(/** @type {any} */ (codec.decode(fullFrame({ tick: 0, groups: [{ op: "spawn", type: 1, ids, rows: ids.map(() => [1, 2, 3, 4]) }] }))));
  const frame = deltaFrame({ groups: [{ op: "update", type: 1, ids, fields: ["x", "y"], rows: ids.map((id) => [id, id + 1]) }] });
  const run = () => replica.apply(/** @type {any} */ (codec.decode(frame)));
  for (let i = 0; i < 500; i++) run();
  const startedMs = performance.now();
  for (let i = 0; i < 500; i++) run();
  const meanMs = (performance.now() - startedMs) / 500;
  assert.ok(meanMs < 1, `${meanMs} ms; usually under 0.1, and this bound is for busy machines`);
  t.diagnostic(`decode and apply of 500 entities: ${meanMs.toFixed(4)} ms`);
});
