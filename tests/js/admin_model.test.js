/** What the status page knows: following the feed's changes leads to what a newcomer would be told. */
import assert from "node:assert/strict";
import { test } from "node:test";

import { HISTORY_LEN_MAX, Model, RoomModel } from "/static/admin/model.js";
import { compare } from "/static/admin/tables.js";

const HELLO = {
  type: "hello",
  role: "operator",
  server: { node: "a1", pid: 1, python: "3", games: [], connections_max: 10 },
  process: { at_s: 10, players: 1 },
  counters: { joins: 5 },
  closes: {},
  rooms: { r1: { game: "swarm", taken: 1 } },
  acts: [],
  verdict: null,
  troubles: [],
  crashes: [],
  bans: [],
  facts: { log_level: "info", draining: false, bans_max: 3 },
};

/** @param {number} at @param {Record<string, any>} more */
const update = (at, more = {}) => ({
  type: "update", count: at, second: { at_s: at, players: at }, process: { at_s: at }, counters: {}, closes: {}, rooms: {}, gone: [], ...more,
});

/** @param {Record<string, any>} more */
const room = (more = {}) => ({ type: "room", room: "r1", tick: 1, at_s: 10, omitted: 0, set: {}, gone: [], events: [], ticks: [], ...more });

test("what is not told again stays as it was", () => {
  const model = new Model();
  model.apply(HELLO);
  model.apply(update(11, { process: { at_s: 11 }, rooms: { r1: { taken: 2 }, r2: { game: "arena", taken: 0 } } }));

  assert.equal(model.process.players, 1);
  assert.deepEqual(model.rooms.get("r1"), { id: "r1", game: "swarm", taken: 2 });
  assert.deepEqual([...model.rooms.keys()], ["r1", "r2"]);
  model.apply(update(12, { gone: ["r1"] }));
  assert.deepEqual([...model.rooms.keys()], ["r2"]);
});

test("a counter's rate is its growth by the server's clock", () => {
  const model = new Model();
  model.apply(HELLO);
  model.apply(update(12, { counters: { joins: 11 } }));

  assert.equal(model.rates.joins, 3);
});

test("history comes behind the first seconds and takes its place before them", () => {
  const model = new Model();
  model.apply(HELLO);
  model.apply(update(13));
  model.apply({ type: "history", count: 3, columns: { at_s: [11, 12, 13], players: [7, 8, 13] } });
  model.apply({ type: "history", count: 3, columns: { cpu_percent: [1, 2, 3] } });
  model.apply(update(14, { second: { at_s: 14, players: 14, cpu_percent: 4, close_kicked: 1 } }));

  assert.deepEqual(model.history.at_s, [11, 12, 13, 14]);
  assert.deepEqual(model.history.players, [7, 8, 13, 14]);
  assert.deepEqual(model.history.cpu_percent, [1, 2, 3, 4]);
  assert.deepEqual(model.history.close_kicked, [0, 0, 0, 1]);
});

test("history is bounded, and all columns are of one length", () => {
  const model = new Model();
  model.apply(HELLO);
  for (let at = 1; at <= HISTORY_LEN_MAX + 50; at += 1) {
    model.apply(update(at, { second: { at_s: at, ...(at > 700 ? { close_idle: 1 } : {}) } }));
  }

  assert.deepEqual(Object.values(model.history).map((column) => column.length), [HISTORY_LEN_MAX, HISTORY_LEN_MAX]);
  assert.equal(model.history.at_s?.[0], 51);
});

test("a seat's rates need two looks, and a seat of which nothing is told has none", () => {
  const watch = new RoomModel("r1");
  const set = { 0: { seat: 0, name: "Ann", bytes_out: 100, inputs: 5 }, 1: { seat: 1, name: "Bo", bytes_out: 7, inputs: 0 } };
  watch.apply(room({ full: true, set }));
  assert.equal(watch.seats.get("0")?.bytes_out_s, null);
  watch.apply(room({ at_s: 12, set: { 0: { bytes_out: 300, inputs: 35 } } }));

  assert.deepEqual([watch.seats.get("0")?.bytes_out_s, watch.seats.get("0")?.inputs_s, watch.seats.get("1")?.bytes_out_s], [100, 15, 0]);
  assert.equal(watch.seats.get("0")?.name, "Ann");
  watch.apply(room({ at_s: 13, gone: ["1"] }));
  assert.deepEqual([...watch.seats.keys()], ["0"]);
});

test("what changes in the state is fresh until the next message; a whole state is not", () => {
  const watch = new RoomModel("r1");
  const fields = { Ship: [{ name: "x", to: "all" }] };
  watch.apply(room({ full: true, state: { fields, counts: { Ship: 2 }, types: { Ship: { set: { 1: { x: 1 }, 2: { x: 2 } }, gone: [] } } } }));
  assert.equal(watch.fresh.size, 0);
  watch.apply(room({ state: { counts: { Ship: 1 }, types: { Ship: { set: { 1: { x: 9 } }, gone: ["2"] } } } }));

  assert.deepEqual([...watch.fresh], ["Ship 1 x"]);
  assert.deepEqual([...(watch.state.get("Ship") ?? [])], [["1", { x: 9 }]]);
  watch.apply(room());
  assert.equal(watch.fresh.size, 0);
});

test("a message about another room is passed over", () => {
  const model = new Model();
  model.apply(HELLO);
  model.lookInto("r2");
  model.apply(room({ full: true, set: { 0: { seat: 0, name: "Ann" } } }));

  assert.equal(model.watch.seats.size, 0);
});

test("missing values come first, numbers by size, text as people sort it", () => {
  assert.deepEqual([3, null, 10, undefined, 2].sort(compare), [null, 2, 3, 10, undefined]);
  assert.deepEqual(["room 10", "room 9"].sort(compare), ["room 9", "room 10"]);
});

test("a sum that a dead process has left is no rate below nothing", () => {
  const model = new Model();
  model.apply(HELLO);
  model.apply(update(11, { counters: { joins: 2 } }));

  assert.equal(model.counters.joins, 2);
  assert.equal(model.rates.joins, 0);
});

test("there is something to tell apart with two processes, or with two machines", () => {
  const nodes = ["a1", "b2"].map((node) => ({ node, url: `ws://${node}/ws`, load: 0, players: 0, rooms: 0, is_here: node === "a1" }));
  /** @param {Record<string, any>} more */
  const isFleet = (more) => {
    const model = new Model();
    model.apply({ ...HELLO, ...more });
    return model.isFleet;
  };

  assert.equal(isFleet({ workers: null, machines: null }), false);
  assert.equal(isFleet({ workers: [{ node: "a1", state: "up" }] }), false);
  assert.equal(isFleet({ workers: [{ node: "a1", state: "up" }, { node: "b2", state: "gone" }] }), true);
  assert.equal(isFleet({ workers: [{ node: "a1", state: "up" }], machines: { is_up: true, nodes } }), true);
});
