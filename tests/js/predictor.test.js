/** Prediction and reconciliation of the own entity: predictor.js. */
import assert from "node:assert/strict";
import test from "node:test";

import { between, difference } from "../../static/client/blend.js";
import { round } from "../../static/client/fields.js";
import { Predictor } from "../../static/client/predictor.js";
import { compiled, seeded } from "./support.js";

const SHIP = compiled.types[1];
const RATE = 20;
const FIELDS = ["x", "y", "heading", "vx"];

/** A rule with nothing exact about it before rounding. @param {any} state @param {any} input @param {number} dt */
function rule(state, input, dt) {
  state.heading += input.turn * dt * 1.7;
  state.vx = state.vx * 0.98 + input.turn * 3.3;
  state.x += state.vx * dt;
  state.y += state.heading * dt * 10;
}

/** An input as the page makes it. @param {any} fields @param {number} [seq] */
const numbered = (fields, seq = 1) => ({ seq, fields, madeAtMs: 0 });

/** What the server does with the same rule. @param {any} state @param {any} input */
function serverStep(state, input, stepRule = rule) {
  const next = { ...state };
  stepRule(next, input, 1 / RATE);
  for (const field of SHIP.fields) if (FIELDS.includes(field.name)) next[field.name] = round(field, next[field.name]);
  return next;
}

const START = { id: 1, x: 100, y: 100, heading: 0, vx: 0, hp: 100 };
const create = (options = {}) => new Predictor(SHIP, { type: "Ship", step: rule, fields: FIELDS, ...options }, RATE);

/** @param {number} lag steps from input to state @param {typeof rule} stepRule the server's */
function play(lag, stepRule = rule, steps = 300) {
  const random = seeded(21);
  const predictor = create();
  predictor.reconcile(START, 0, []);
  let server = START;
  /** @type {ReturnType<typeof numbered>[]} */
  const unacked = [];
  for (let seq = 1; seq <= steps; seq++) {
    const fields = { turn: Math.floor(random() * 3) - 1, fire: false };
    unacked.push(numbered(fields, seq));
    predictor.step(unacked[unacked.length - 1]);
    predictor.show(0.5, seq * 50);
    if (unacked.length <= lag) continue;
    const consumed = /** @type {ReturnType<typeof numbered>} */ (unacked.shift());
    server = serverStep(server, consumed.fields, stepRule);
    predictor.reconcile(server, consumed.seq, unacked);
  }
  return { predictor, server };
}

test("where both sides run the same rule, there is never a correction", () => {
  for (const lag of [0, 1, 5, 20]) assert.equal(play(lag).predictor.corrections, 0, `lag ${lag}`);
});

test("inputs are replayed on a mismatch only", () => {
  let runs = 0;
  const predictor = create({ step: (/** @type {any} */ state) => void (state.x += 2, runs++) });
  predictor.reconcile(START, 0, []);
  const inputs = [1, 2, 3, 4].map((seq) => numbered({}, seq));
  for (const each of inputs) predictor.step(each);
  assert.equal(predictor.reconcile({ ...START, x: 102 }, 1, inputs.slice(1)), null);
  assert.equal(predictor.reconcile({ ...START, x: 104 }, 2, inputs.slice(2)), null);
  assert.equal(runs, 4, "the states that were kept are the server's");
  const correction = predictor.reconcile({ ...START, x: 107 }, 3, inputs.slice(3));
  assert.deepEqual([runs, predictor.state.x, correction?.errors.x, correction?.size], [5, 109, -1 - 0, 1]);
});

test("a step that the server took without an input is a mismatch, though it acknowledges nothing new", () => {
  const predictor = create({ step: (/** @type {any} */ state) => void (state.x += 2) });
  predictor.reconcile(START, 0, []);
  const inputs = [1, 2].map((seq) => numbered({}, seq));
  for (const each of inputs) predictor.step(each);
  predictor.reconcile({ ...START, x: 102 }, 1, inputs.slice(1));
  assert.ok(predictor.reconcile({ ...START, x: 104 }, 1, inputs.slice(1)));
  assert.equal(predictor.state.x, 106);
});

test("where the rules differ, the simulated state is the server's as soon as nothing is under way", () => {
  const { predictor, server } = play(0, (state, input, dt) => rule(state, { turn: input.turn * 1.1 }, dt));
  assert.ok(predictor.corrections > 100);
  assert.deepEqual(predictor.state, server);
});

test("a correction does not move the picture at once, and is gone after 100 ms", () => {
  const predictor = create();
  predictor.reconcile(START, 0, []);
  predictor.show(0, 1000);
  predictor.reconcile({ ...START, x: 116 }, 0, []);
  assert.equal(predictor.state.x, 116);
  assert.equal(predictor.show(0, 1000).x, 100 + 0, "fraction 0 shows the step before");
  const halfway = predictor.show(1, 1040).x;
  assert.ok(halfway > 100 && halfway < 116, `${halfway}`);
  assert.ok(Math.abs(predictor.show(1, 1100).x - 116) < 16 * 0.06);
  assert.ok(Math.abs(predictor.show(1, 1300).x - 116) < 0.01);
});

test("the picture is continuous through a correction while steps go on", () => {
  const predictor = create({ step: (/** @type {any} */ state) => void (state.x += 2) });
  predictor.reconcile(START, 0, []);
  const inputs = [1, 2, 3].map((seq) => numbered({}, seq));
  for (const each of inputs) predictor.step(each);
  const before = predictor.show(0.3, 1000).x;
  predictor.reconcile({ ...START, x: 140 }, 1, inputs.slice(1));
  assert.ok(Math.abs(predictor.show(0.3, 1000).x - before) < 1e-9);
  assert.equal(predictor.state.x, 144);
});

test("between two steps the picture moves evenly", () => {
  const predictor = create({ step: (/** @type {any} */ state) => void (state.x += 2) });
  predictor.reconcile(START, 0, []);
  predictor.step(numbered({}));
  assert.deepEqual([0, 0.25, 1].map((fraction) => predictor.show(fraction, 0).x), [100, 100.5, 102]);
});

test("an error above snapAbove is not smoothed", () => {
  const predictor = create({ snapAbove: 64 });
  predictor.reconcile(START, 0, []);
  predictor.show(1, 0);
  predictor.reconcile({ ...START, x: 900 }, 0, []);
  assert.equal(predictor.show(1, 0).x, 900);
});

test("an angle is corrected the short way round", () => {
  const predictor = create();
  predictor.reconcile({ ...START, heading: 0.1 }, 0, []);
  predictor.show(1, 0);
  predictor.reconcile({ ...START, heading: 2 * Math.PI - 0.1 }, 0, []);
  const { heading } = predictor.show(1, 20);
  assert.ok(heading < 0.1 || heading > 2 * Math.PI - 0.1, `${heading}`);
});

test("fields that are not predicted come from the server at once and are no correction", () => {
  const predictor = create();
  predictor.reconcile(START, 0, []);
  predictor.reconcile({ ...START, hp: 3 }, 0, []);
  assert.deepEqual([predictor.show(0, 0).hp, predictor.corrections], [3, 0]);
});

test("another entity starts afresh, none ends the prediction", () => {
  const predictor = create();
  predictor.reconcile(START, 0, []);
  predictor.reconcile({ ...START, id: 2, x: 3000 }, 0, [numbered({ turn: 0 })]);
  assert.deepEqual([predictor.show(1, 0).x, predictor.id, predictor.corrections], [3000, 2, 0]);
  predictor.reconcile(null, 1, []);
  predictor.step(numbered({ turn: 1 }));
  assert.deepEqual([predictor.id, predictor.state, predictor.show(0, 0)], [null, null, null]);
});

test("the schema says which fields are predicted when the game does not", () => {
  const type = { ...SHIP, fields: SHIP.fields.map((field) => ({ ...field, predicted: field.name === "x" })) };
  const predictor = new Predictor(type, { type: "Ship", step: (state) => void ((state.x += 0.01), (state.y += 0.01)) }, RATE);
  predictor.reconcile(START, 0, []);
  predictor.step(numbered({}));
  assert.deepEqual([predictor.state.x, predictor.state.y], [100, 100.01]);
});

test("the way between two angles is the shorter one", () => {
  const heading = SHIP.fields[2];
  assert.ok(Math.abs(difference(heading, 6, 0.2) - (0.2 + 2 * Math.PI - 6)) < 1e-12);
  assert.ok(Math.abs(between(heading, 6.2, 0.2, 0.5) - ((6.2 + 0.2 + 2 * Math.PI) / 2 - 2 * Math.PI)) < 1e-12);
  assert.equal(between(SHIP.fields[0], 6.2, 0.2, 0.5), 3.2);
});
