/** What the page of games that bring none makes of a schema: what is drawn, which key does what, what an address asks for. */
import assert from "node:assert/strict";
import { test } from "node:test";

import { Frame } from "/static/play/frame.js";
import { bind, inputOf } from "/static/play/keys.js";
import { planOf } from "/static/play/plan.js";
import { readWish, roomAddress } from "/static/shared/wish.js";

const place = (/** @type {number} */ max) =>
  ["x", "y"].map((name) => ({ name, kind: "fixed", to: "all", min: 0, max, step: 0.5 }));
const field = (/** @type {string} */ name, /** @type {string} */ kind, more = {}) => ({ name, kind, to: "all", ...more });
const axis = (/** @type {string} */ name, most = 1) => field(name, "int8", { min: -most, max: most, default: 0 });
const schema = (/** @type {any[]} */ types) => ({ room: { fields: [] }, types, input: { fields: [] } });

/** @param {any[]} fields */
const keysOf = (fields) =>
  Object.fromEntries(bind(fields).keys.map(({ cap, field: name, value }) => [cap, `${name} ${value}`]));

test("types with an x and a y are drawn, those with a name above the others", () => {
  const player = { name: "Player", fields: [...place(100), field("name", "text"), field("score", "uint16")] };
  const coin = { name: "Coin", fields: [...place(200), field("facing", "angle"), field("radius", "uint8")] };
  const team = { name: "Team", fields: [field("title", "text"), field("points", "int32")] };
  const plan = planOf(schema([player, coin, team]));
  assert.deepEqual(plan.drawn.map((type) => type.name), ["Coin", "Player"]);
  assert.deepEqual([plan.drawn[0].angle, plan.drawn[0].size, plan.drawn[1].label], ["facing", "radius", "name"]);
  assert.deepEqual(plan.ranked.map((type) => [type.name, type.score]), [["Player", "score"], ["Team", "points"]]);
  assert.deepEqual([plan.x, plan.y], [{ min: 0, max: 200 }, { min: 0, max: 200 }]);
});

test("a world without declared ends grows with what is seen in it", () => {
  const plan = planOf(schema([{ name: "Star", fields: [field("x", "float32"), field("y", "float32")] }]));
  assert.deepEqual([plan.x, plan.y], [null, null]);
  const frame = new Frame();
  frame.show(plan);
  frame.see(-150, 20);
  frame.see(250, 20);
  frame.fit(436, 436);
  assert.deepEqual([frame.scale, frame.left(50), frame.left(250), frame.gridStep], [1, 218, 418, 50]);
});

test("a declared world is drawn whole, in the middle", () => {
  const frame = new Frame();
  frame.show(planOf(schema([{ name: "Ship", fields: place(100) }])));
  frame.fit(436, 236);
  assert.deepEqual([frame.scale, frame.left(0), frame.left(100), frame.top(0), frame.top(100)], [2, 118, 318, 18, 218]);
});

test("axes go to arrows by their names, flags to space and letters", () => {
  assert.deepEqual(keysOf([axis("dy"), axis("dx"), field("dash", "flag"), field("jump", "flag")]), {
    "\u2190": "dx -1", "\u2192": "dx 1", "\u2191": "dy -1", "\u2193": "dy 1", Space: "dash true", E: "jump true",
  });
  assert.deepEqual(keysOf([axis("turn", 100), axis("thrust", 100)]), {
    "\u2190": "turn -100", "\u2192": "turn 100", "\u2191": "thrust 100", "\u2193": "thrust -100",
  });
  assert.deepEqual(keysOf([axis("first"), axis("second")]), {
    "\u2190": "first -1", "\u2192": "first 1", "\u2191": "second 1", "\u2193": "second -1",
  });
});

test("numbers that are no pair of keys are sliders over their range", () => {
  const { keys, sliders } = bind([
    field("power", "uint8", { min: 0, max: 9, default: 3 }), field("aim", "angle", { step: 0.1, default: 0 }),
    axis("dx"), axis("dy"), axis("dz"),
  ]); // prettier-ignore
  assert.equal(keys.length, 4);
  assert.deepEqual(sliders.map((slider) => [slider.field, slider.min, slider.max, slider.value]), [
    ["power", 0, 9, 3], ["aim", 0, 2 * Math.PI, 0], ["dz", -1, 1, 0],
  ]);
});

test("what is held makes the input, and opposite keys cancel out", () => {
  const { keys } = bind([axis("dx"), axis("dy"), field("dash", "flag")]);
  const held = (/** @type {string[]} */ ...caps) => inputOf(keys, new Set(keys.filter((key) => caps.includes(key.cap))));
  assert.deepEqual(held(), { dx: 0, dy: 0, dash: false });
  assert.deepEqual(held("\u2190", "\u2193", "Space"), { dx: -1, dy: 1, dash: true });
  assert.deepEqual(held("\u2190", "\u2192"), { dx: 0, dy: 0, dash: false });
});

test("an address says which room, and options in two ways", () => {
  assert.deepEqual(readWish(""), {});
  assert.deepEqual(readWish("?room=a-1&name=Ann&opt.bots=3&opt.mode=free"), {
    room: "a-1", name: "Ann", options: { bots: 3, mode: "free" },
  });
  assert.deepEqual(readWish("?create=1&private=1&options=%7B%22bots%22%3A0%7D&opt.fast=true"), {
    create: true, private: true, options: { bots: 0, fast: true },
  });
  assert.deepEqual(readWish("?options=nonsense&create=0"), {});
  assert.equal(roomAddress("/play/x", { room: "a-1", code: null }), "/play/x?room=a-1");
  assert.equal(roomAddress("/play/x", { room: "a-1", code: "QXKZ" }), "/play/x?code=QXKZ");
});
