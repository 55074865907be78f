// @ts-check
/**
 * The beam: a ray that hits at once, whatever is first in its way.
 *
 * Made from game_server/games/arena/beam.py: change that, and make this anew with
 * `python -m game_server.translate game_server.games.arena.beam`.
 */

import { ROCKS } from "./field.js";

const WORLD_SIZE = 4096.0; // of game_server.games.arena.field
export const BEAM_RANGE = 950.0;
export const BEAM_RADIUS = 20.0;

/**
 * Python's min().
 * @param {number} a
 * @param {number} b
 */
const min = (a, b) => (b < a ? b : a);

/**
 * Python's max().
 * @param {number} a
 * @param {number} b
 */
const max = (a, b) => (b > a ? b : a);

/**
 * Return how far a ray from (x, y) gets before a rock or a wall, at most `reach`.
 * @param {number} x
 * @param {number} y
 * @param {number} dx
 * @param {number} dy
 * @param {number} reach
 * @returns {number}
 */
export function clearWay(x, y, dx, dy, reach) {
  for (const [rockX, rockY, rockRadius] of ROCKS) {
    const entry = wayTo(x, y, dx, dy, rockX, rockY, rockRadius);
    if (0.0 <= entry && entry < reach) {
      reach = entry;
    }
  }
  if (dx > 0.0) {
    reach = min(reach, (WORLD_SIZE - x) / dx);
  } else if (dx < 0.0) {
    reach = min(reach, x / -dx);
  }
  if (dy > 0.0) {
    reach = min(reach, (WORLD_SIZE - y) / dy);
  } else if (dy < 0.0) {
    reach = min(reach, y / -dy);
  }
  return max(reach, 0.0);
}

/**
 * Return how far along a ray from (x, y) it enters a circle, 0 from inside; -1 when it never does.
 * @param {number} x
 * @param {number} y
 * @param {number} dx
 * @param {number} dy
 * @param {number} middleX
 * @param {number} middleY
 * @param {number} radius
 * @returns {number}
 */
export function wayTo(x, y, dx, dy, middleX, middleY, radius) {
  const toX = middleX - x;
  const toY = middleY - y;
  const along = toX * dx + toY * dy;
  const square = toX * toX + toY * toY;
  if (square <= radius * radius) {
    return 0.0;
  }
  const half = radius * radius - (square - along * along);
  if (along <= 0.0 || half <= 0.0) {
    return -1.0;
  }
  return along - Math.sqrt(half);
}

/**
 * Return whether all of a ship of this radius is behind rocks, seen from (x, y): its middle and both its edges.
 * @param {number} x
 * @param {number} y
 * @param {number} toX
 * @param {number} toY
 * @param {number} radius
 * @returns {boolean}
 */
export function isCovered(x, y, toX, toY, radius) {
  const wayX = toX - x;
  const wayY = toY - y;
  const distance = Math.sqrt(wayX * wayX + wayY * wayY);
  if (distance < 1.0) {
    return false;
  }
  const edgeX = -wayY / distance * radius;
  const edgeY = wayX / distance * radius;
  return !_isClear(x, y, wayX, wayY) && !_isClear(x, y, wayX + edgeX, wayY + edgeY) &&
    !_isClear(x, y, wayX - edgeX, wayY - edgeY);
}

/**
 * @param {number} x
 * @param {number} y
 * @param {number} wayX
 * @param {number} wayY
 * @returns {boolean}
 */
function _isClear(x, y, wayX, wayY) {
  const distance = Math.sqrt(wayX * wayX + wayY * wayY);
  return clearWay(x, y, wayX / distance, wayY / distance, distance) >= distance;
}
