// @ts-check
/**
 * How a ship moves in one step: a pure function, run by the server for every ship and by the browser for its own.
 *
 * Made from game_server/games/arena/movement.py: change that, and make this anew with
 * `python -m game_server.translate game_server.games.arena.movement`.
 */

import { onGrid, sinCos, turnOnGrid } from "../../client/exact.js";
import { rocksAt } from "./field.js";

/**
 * The fields of a ship that movement reads and writes.
 * @typedef {object} Moving
 * @property {number} x
 * @property {number} y
 * @property {number} vx
 * @property {number} vy
 * @property {number} heading
 * @property {number} energy
 * @property {number} cooldown
 * @property {number} charge
 * @property {number} rapid
 * @property {boolean} boosting
 */

/**
 * One step's intent. `turn` and `thrust` in hundredths, from -100 to 100.
 * @typedef {object} Steering
 * @property {number} turn
 * @property {number} thrust
 * @property {boolean} fire
 * @property {boolean} boost
 * @property {boolean} beam
 */

const WORLD_SIZE = 4096.0; // of game_server.games.arena.field
export const SHIP_RADIUS = 18.0;
export const TURN_RATE = 4.2;
export const THRUST = 390.0;
export const REVERSE_SHARE = 0.55;
export const BOOST_FACTOR = 1.9;
export const KEEP_SPEED = 0.97;
export const WALL_BOUNCE = 0.5;
export const ROCK_BOUNCE = 0.45;
export const ENERGY_MAX = 120;
export const ENERGY_BOOST = 3;
export const ENERGY_REGAIN = 1;
export const ENERGY_TO_START = 24;
export const FIRE_STEPS = 8;
export const FIRE_STEPS_RAPID = 4;
export const BEAM_STEPS = 75;
export const BEAM_ENERGY = 40;
export const NOTHING = 0;
export const SHOT = 1;
export const BEAM = 2;
export const POSITION_STEP = 0.0625;
export const POSITION_INVERSE = 16.0;
export const POSITION_COUNT = 65536;
export const VELOCITY_MIN = -1024.0;
export const VELOCITY_STEP = 0.03125;
export const VELOCITY_INVERSE = 32.0;
export const VELOCITY_COUNT = 65536;
export const HEADING_STEP = 9.587379924285257e-05; // TAU / 65536
export const HEADING_INVERSE = 10430.378350470453; // 1 / HEADING_STEP
export const HEADING_COUNT = 65536;

/**
 * Advance a ship by one step of `dt` seconds; return what it fired in this step: NOTHING, a SHOT or a BEAM.
 * @param {Moving} ship
 * @param {Steering} steer
 * @param {number} dt
 * @returns {number}
 */
export function move(ship, steer, dt) {
  const heading =
    turnOnGrid(ship.heading + steer.turn * 0.01 * TURN_RATE * dt, HEADING_STEP, HEADING_INVERSE, HEADING_COUNT);
  const [sine, cosine] = sinCos(heading);
  const power = _power(ship, steer);
  let vx = (ship.vx + cosine * power * dt) * KEEP_SPEED;
  let vy = (ship.vy + sine * power * dt) * KEEP_SPEED;
  let x = ship.x + vx * dt;
  let y = ship.y + vy * dt;
  [x, y, vx, vy] = _offRocks(..._offWalls(x, y, vx, vy));
  ship.x = onGrid(x, 0.0, POSITION_STEP, POSITION_INVERSE, POSITION_COUNT);
  ship.y = onGrid(y, 0.0, POSITION_STEP, POSITION_INVERSE, POSITION_COUNT);
  ship.vx = onGrid(vx, VELOCITY_MIN, VELOCITY_STEP, VELOCITY_INVERSE, VELOCITY_COUNT);
  ship.vy = onGrid(vy, VELOCITY_MIN, VELOCITY_STEP, VELOCITY_INVERSE, VELOCITY_COUNT);
  ship.heading = heading;
  return _trigger(ship, steer);
}

/**
 * Return place and velocity after bouncing off the walls of the world.
 * @param {number} x
 * @param {number} y
 * @param {number} vx
 * @param {number} vy
 * @returns {readonly [number, number, number, number]}
 */
function _offWalls(x, y, vx, vy) {
  const edge = WORLD_SIZE - SHIP_RADIUS;
  if (x < SHIP_RADIUS) {
    x = SHIP_RADIUS;
    vx = -vx * WALL_BOUNCE;
  } else if (x > edge) {
    x = edge;
    vx = -vx * WALL_BOUNCE;
  }
  if (y < SHIP_RADIUS) {
    y = SHIP_RADIUS;
    vy = -vy * WALL_BOUNCE;
  } else if (y > edge) {
    y = edge;
    vy = -vy * WALL_BOUNCE;
  }
  return [x, y, vx, vy];
}

/**
 * Return place and velocity after bouncing off the rocks.
 * @param {number} x
 * @param {number} y
 * @param {number} vx
 * @param {number} vy
 * @returns {readonly [number, number, number, number]}
 */
function _offRocks(x, y, vx, vy) {
  for (const [rockX, rockY, rockRadius] of rocksAt(x, y)) {
    let dx = x - rockX;
    let dy = y - rockY;
    const reach = rockRadius + SHIP_RADIUS;
    const square = dx * dx + dy * dy;
    if (square < reach * reach) {
      let distance = Math.sqrt(square);
      if (distance < 1.0) {
        dx = 1.0;
        dy = 0.0;
        distance = 1.0;
      }
      dx = dx / distance;
      dy = dy / distance;
      x = rockX + dx * reach;
      y = rockY + dy * reach;
      let inward = vx * dx + vy * dy;
      if (inward < 0.0) {
        inward = inward * (1.0 + ROCK_BOUNCE);
        vx = vx - inward * dx;
        vy = vy - inward * dy;
      }
    }
  }
  return [x, y, vx, vy];
}

/**
 * Spend or regain energy; return the acceleration along the heading.
 * @param {Moving} ship
 * @param {Steering} steer
 * @returns {number}
 */
function _power(ship, steer) {
  const wants = steer.boost && steer.thrust > 0;
  const needed = ship.boosting ? ENERGY_BOOST : ENERGY_TO_START;
  if (wants && ship.energy >= needed) {
    ship.boosting = true;
    ship.energy = ship.energy - ENERGY_BOOST;
    return steer.thrust * 0.01 * THRUST * BOOST_FACTOR;
  }
  ship.boosting = false;
  if (ship.energy < ENERGY_MAX) {
    ship.energy = ship.energy + ENERGY_REGAIN;
  }
  if (steer.thrust < 0) {
    return steer.thrust * 0.01 * THRUST * REVERSE_SHARE;
  }
  return steer.thrust * 0.01 * THRUST;
}

/**
 * Count the guns' timers down; return what fires.
 * @param {Moving} ship
 * @param {Steering} steer
 * @returns {number}
 */
function _trigger(ship, steer) {
  if (ship.rapid > 0) {
    ship.rapid = ship.rapid - 1;
  }
  if (ship.cooldown > 0) {
    ship.cooldown = ship.cooldown - 1;
  }
  if (ship.charge > 0) {
    ship.charge = ship.charge - 1;
  }
  if (steer.beam && ship.charge === 0 && ship.energy >= BEAM_ENERGY) {
    ship.charge = BEAM_STEPS;
    ship.energy = ship.energy - BEAM_ENERGY;
    ship.cooldown = FIRE_STEPS;
    return BEAM;
  }
  if (!steer.fire || ship.cooldown > 0) {
    return NOTHING;
  }
  ship.cooldown = ship.rapid > 0 ? FIRE_STEPS_RAPID : FIRE_STEPS;
  return SHOT;
}
