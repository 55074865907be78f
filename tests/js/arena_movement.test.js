// @ts-check
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";

import { TAU, sinCos } from "../../static/client/exact.js";
import { ROCKS, WORLD_SIZE } from "../../static/games/arena/field.js";
import { move } from "../../static/games/arena/movement.js";

const read = (/** @type {string} */ name) =>
  JSON.parse(readFileSync(new URL(`../vectors/${name}.json`, import.meta.url), "utf-8"));

/** Numerical Recipes' linear congruential generator, as in tests/games/arena_vectors.py. */
class Generator {
  /** @param {number} seed */
  constructor(seed) {
    this.state = seed;
  }

  /** @param {number} limit */
  below(limit) {
    this.state = (Math.imul(this.state, 1664525) + 1013904223) >>> 0;
    return (this.state >>> 16) % limit;
  }
}

/** @param {number} caseNumber */
function startOf(caseNumber) {
  const generator = new Generator(caseNumber * 7919 + 1);
  let x = generator.below(65536);
  let y = generator.below(65536);
  if (caseNumber % 3 === 0) {
    const [rockX, rockY, radius] = ROCKS[caseNumber % ROCKS.length];
    x = Math.floor((rockX - radius - 40.0) * 16) + generator.below(400);
    y = Math.floor(rockY * 16) + generator.below(400) - 200;
  }
  const ship = {
    x: x * 0.0625,
    y: y * 0.0625,
    vx: -1024.0 + (generator.below(32768) + 16384) * 0.03125,
    vy: -1024.0 + (generator.below(32768) + 16384) * 0.03125,
    heading: generator.below(65536) * (TAU / 65536),
    energy: generator.below(121),
    cooldown: generator.below(9),
    charge: generator.below(76),
    rapid: generator.below(200),
    boosting: generator.below(2) === 1,
  };
  return { ship, generator };
}

/**
 * @param {import("../../static/games/arena/movement.js").Steering} steer
 * @param {Generator} generator
 */
function nextSteer(steer, generator) {
  if (generator.below(12) > 0) return steer;
  const turn = generator.below(201) - 100;
  const thrust = [100, 100, 100, 0, -100, 35][generator.below(6)];
  const fire = generator.below(2) === 1;
  const boost = generator.below(3) === 0;
  const beam = generator.below(4) === 0;
  return { turn, thrust, fire, boost, beam };
}

/** @param {import("../../static/games/arena/movement.js").Moving} ship */
function rowOf(ship) {
  return [
    Math.floor(ship.x * 16 + 0.5),
    Math.floor(ship.y * 16 + 0.5),
    Math.floor((ship.vx + 1024) * 32 + 0.5),
    Math.floor((ship.vy + 1024) * 32 + 0.5),
    Math.floor(ship.heading * (1 / (TAU / 65536)) + 0.5),
    ship.energy,
    ship.cooldown + 256 * ship.rapid,
    Number(ship.boosting) + 2 * ship.charge,
  ];
}

test("sine and cosine agree with Python to the last bit", () => {
  for (const [angle, sine, cosine] of read("exact").sin_cos) {
    assert.deepEqual(sinCos(angle), [sine, cosine]);
  }
});

test("the field is Python's field", () => {
  const vectors = read("arena_movement");
  assert.deepEqual(ROCKS, vectors.rocks);
  assert.equal(WORLD_SIZE, vectors.world_size);
});

test("movement agrees with Python on every quantised integer of every step", () => {
  const vectors = read("arena_movement");
  for (const [caseNumber, expected] of vectors.cases.entries()) {
    const { ship, generator } = startOf(caseNumber);
    /** @type {import("../../static/games/arena/movement.js").Steering} */
    let steer = { turn: 0, thrust: 0, fire: false, boost: false, beam: false };
    let folded = 2166136261;
    let fired = 0;
    for (let step = 1; step <= vectors.steps; step += 1) {
      steer = nextSteer(steer, generator);
      fired += move(ship, steer, 1 / vectors.tick_rate);
      for (const number of rowOf(ship)) folded = Math.imul(folded ^ number, 16777619) >>> 0;
    }
    assert.deepEqual([folded, fired, ...rowOf(ship)], expected, `case ${caseNumber}`);
  }
});
