// @ts-check
/**
 * How a bullet begins and where its shooter's screen shows it: rules that the server and the browser share.
 *
 * Made from game_server/games/arena/shots.py: change that, and make this anew with
 * `python -m game_server.translate game_server.games.arena.shots`.
 */

import { onGrid, sinCos } from "../../client/exact.js";

/**
 * Where a ship is, how it moves, and where it looks.
 * @typedef {object} Course
 * @property {number} x
 * @property {number} y
 * @property {number} vx
 * @property {number} vy
 * @property {number} heading
 */

export const MUZZLE = 24.0;
export const BULLET_SPEED = 680.0;
export const BULLET_INHERIT = 0.4;
export const HIT_RADIUS = 21.0;
export const OFFSET_STEPS = 6;

/**
 * Python's max().
 * @param {number} a
 * @param {number} b
 */
const max = (a, b) => (b > a ? b : a);

/**
 * Return where a ship's shots begin, and their direction: (x, y, dx, dy).
 * @param {Course} ship
 * @returns {readonly [number, number, number, number]}
 */
export function muzzleOf(ship) {
  const [sine, cosine] = sinCos(ship.heading);
  return [ship.x + cosine * MUZZLE, ship.y + sine * MUZZLE, cosine, sine];
}

/**
 * Return the (x, y, vx, vy) of a bullet that a ship fires now, on the wire's grid.
 * @param {Course} ship
 * @returns {readonly [number, number, number, number]}
 */
export function bulletOf(ship) {
  const [x, y, dx, dy] = muzzleOf(ship);
  return [onGrid(x, 0.0, 0.0625, 16.0, 65536), onGrid(y, 0.0, 0.0625, 16.0, 65536),
    onGrid(dx * BULLET_SPEED + ship.vx * BULLET_INHERIT, -2048.0, 0.0625, 16.0, 65536),
    onGrid(dy * BULLET_SPEED + ship.vy * BULLET_INHERIT, -2048.0, 0.0625, 16.0, 65536)];
}

/**
 * Return by how many ticks the ships that a bullet of this age meets lie in the past.
 * @param {number} offset
 * @param {number} age
 * @returns {number}
 */
export function offsetAt(offset, age) {
  return offset * max(0.0, 1.0 - age / OFFSET_STEPS);
}

/**
 * Return a bullet's age on its shooter's screen, `since` ticks of the picture after the one it was fired in.
 * @param {number} since
 * @param {number} offset
 * @returns {number}
 */
export function ageOnScreen(since, offset) {
  const age = since / (1.0 + offset / OFFSET_STEPS);
  return age < OFFSET_STEPS ? age : since - offset;
}
