/** The client's newest state of the world: replica.js. */
import assert from "node:assert/strict";
import test from "node:test";

import { BinaryCodec } from "../../static/client/codec.js";
import { JsonCodec } from "../../static/client/json_codec.js";
import { ProtocolError } from "../../static/client/protocol.js";
import { Replica } from "../../static/client/replica.js";
import { compileSchema } from "../../static/client/schema.js";
import { compiled, deltaFrame, fullFrame, seeded } from "./support.js";

function world() {
  const codec = new BinaryCodec(compiled, 0, 0);
  const replica = new Replica(compiled);
  return { replica, apply: (/** @type {Uint8Array} */ frame) => replica.apply(/** @type {any} */ (codec.decode(frame))) };
}

/** @typedef {import("./support.js").GroupSpec} GroupSpec */
/** @type {(ids: number[]) => GroupSpec} */
const ships = (ids) => ({ op: "spawn", type: 1, ids, rows: ids.map((id) => [id, id, 0, 100]) });

test("apply tells what spawned, changed and went, and keeps an entity's object", () => {
  const { replica, apply } = world();
  const first = apply(fullFrame({ tick: 1, groups: [ships([1, 2])] }));
  assert.deepEqual(first.spawn.map(({ id }) => id), [1, 2]);
  const ship = replica.get(2);
  const second = apply(deltaFrame({ groups: [{ op: "despawn", type: 1, ids: [1] }, ships([7]), { op: "update", type: 1, ids: [2], fields: ["x"], rows: [[9]] }] }));
  assert.deepEqual([second.despawn, second.spawn, second.update].map((rows) => rows.map(({ id }) => id)), [[1], [7], [2]]);
  assert.equal(replica.get(2), ship);
  assert.equal(ship?.x, 9);
  assert.equal(replica.get(1), null);
  assert.deepEqual([...replica.all("Ship")].map(({ id }) => id), [2, 7]);
  assert.equal(replica.tick, 2);
});

test("an id despawned and spawned in one delta is a new entity", () => {
  const { replica, apply } = world();
  apply(fullFrame({ tick: 1, groups: [ships([1]), { op: "own", type: 1, ids: [1] }] }));
  const before = replica.get(1);
  const changes = apply(deltaFrame({ groups: [{ op: "despawn", type: 1, ids: [1] }, ships([1])] }));
  assert.notEqual(replica.get(1), before);
  assert.deepEqual([changes.despawn.length, changes.spawn.length], [1, 1]);
  assert.deepEqual([...replica.own], [], "what was owned is gone with it");
});

test("a full state replaces everything, and those that stay keep their objects", () => {
  const { replica, apply } = world();
  apply(fullFrame({ tick: 1, groups: [{ op: "spawn", type: 0, rows: [[5, "go"]] }, ships([1, 2]), { op: "own", type: 1, ids: [1] }] }));
  apply(deltaFrame({ groups: [{ op: "update", type: 1, ids: [1], fields: ["vx"], rows: [[4]] }] }));
  const ship = replica.get(1);
  const changes = apply(fullFrame({ tick: 9, groups: [ships([1, 3])] }));
  assert.deepEqual([changes.despawn, changes.spawn, changes.update].map((rows) => rows.map(({ id }) => id)), [[2], [3], [1]]);
  assert.equal(replica.get(1), ship);
  assert.equal(ship?.vx, 0, "what only the owner saw is forgotten");
  assert.equal(replica.room.phase, "");
  assert.deepEqual([...replica.own], []);
});

test("a full state may give an id to another type", () => {
  const { replica, apply } = world();
  apply(fullFrame({ tick: 1, groups: [ships([1])] }));
  apply(fullFrame({ tick: 2, groups: [{ op: "spawn", type: 2, ids: [1], rows: [[1, 2, 3, 4, 5, 6, true, "", [], {}]] }] }));
  assert.deepEqual([[...replica.all("Ship")].length, [...replica.all("Thing")].length, replica.get(1)?.e], [0, 1, 5]);
});

test("a delta that does not fit what is held raises ProtocolError", () => {
  /** @type {GroupSpec[]} */
  const groups = [
    ships([1]),
    { op: "despawn", type: 1, ids: [5] },
    { op: "update", type: 1, ids: [5], fields: ["x"], rows: [[1]] },
    { op: "update", type: 2, ids: [1], fields: ["a"], rows: [[1]] },
    { op: "own", type: 1, ids: [5] },
  ];
  for (const group of groups) {
    const { apply } = world();
    apply(fullFrame({ tick: 1, groups: [ships([1])] }));
    assert.throws(() => apply(deltaFrame({ groups: [group] })), ProtocolError, JSON.stringify(group));
  }
});

test("the checksum is that of a hand-computed example", () => {
  // Ship 1, type 1, x = 12.5 (q 200), owner-only v = -1 (word 2^32 - 1); the room, one uint8 of 3.
  const schema = compileSchema({
    room: { fields: [{ name: "phase", kind: "uint8", min: 0, max: 255, to: "all" }] },
    types: [{ name: "Ship", fields: [
      { name: "x", kind: "fixed", min: 0, max: 4096, step: 0.0625, bytes: 2, to: "all" },
      { name: "v", kind: "int16", min: -9, max: 9, to: "owner" },
    ] }],
  }); // prettier-ignore
  const replica = new Replica(schema);
  const codec = new JsonCodec(schema, null, 0);
  const state = { type: "full", tick: 1, ack: 0, room: { phase: 3 }, spawn: { Ship: { 1: { x: 12.5 } } } };
  replica.apply(/** @type {any} */ (codec.decode(JSON.stringify(state))));
  const room = (3 * 16777619) % 2 ** 32;
  const ship = 2303997928; // (2654435761 xor 1 = 2654435760; xor 200 = 2654435704) * 16777619 modulo 2^32
  assert.equal(replica.checksum(), (room + ship) % 2 ** 32);
  replica.apply(/** @type {any} */ (codec.decode(JSON.stringify({ ...state, update: { Ship: { 1: { v: -1 } } }, own: [1] }))));
  const owned = 3182128733; // (2654435760 xor 2147483648 = 506952112; xor 4294967295 = 3788015183) * 16777619 modulo 2^32
  assert.equal(replica.checksum(), (room + ship + owned) % 2 ** 32);
});

test("however a world is reached, its checksum is the same", () => {
  const random = seeded(5);
  const { replica, apply } = world();
  const kept = new Map();
  apply(fullFrame({ tick: 0 }));
  for (let tick = 1; tick < 200; tick++) {
    /** @type {GroupSpec[]} */
    const groups = [];
    const gone = [...kept.keys()].filter(() => random() < 0.1);
    if (gone.length) groups.push({ op: "despawn", type: 1, ids: gone });
    for (const id of gone) kept.delete(id);
    const row = [Math.floor(random() * 4096), Math.floor(random() * 4096), 0, 7];
    groups.push({ op: "spawn", type: 1, ids: [tick], rows: [row] });
    kept.set(tick, row);
    for (const id of [...kept.keys()].filter(() => random() < 0.3)) {
      const y = Math.floor(random() * 4096);
      groups.push({ op: "update", type: 1, ids: [id], fields: ["y"], rows: [[y]] });
      kept.set(id, [kept.get(id)[0], y, 0, 7]);
    }
    apply(deltaFrame({ groups }));
  }
  const fresh = world();
  fresh.apply(fullFrame({ tick: 199, groups: [{ op: "spawn", type: 1, ids: [...kept.keys()], rows: [...kept.values()] }] }));
  assert.equal(replica.checksum(), fresh.replica.checksum());
  apply(deltaFrame({ groups: [{ op: "update", type: 1, ids: [199], fields: ["hp"], rows: [[8]] }] }));
  assert.notEqual(replica.checksum(), fresh.replica.checksum());
});

test("a type that is not in the schema is the caller's mistake", () => {
  assert.throws(() => world().replica.all("Boat"), RangeError);
});
