/**
 * Values between two values, where an angle takes the shorter way round.
 *
 * It knows continuous fields and numbers only.
 */

const FULL_TURN = 2 * Math.PI;

/** @param {number} angle @returns {number} the same, from 0 to under a full turn */
export function wrap(angle) {
  return angle - FULL_TURN * Math.floor(angle / FULL_TURN);
}

/**
 * The way from one value to another; for angles the shorter one.
 *
 * @param {import("./fields.js").Field} field
 * @param {number} from
 * @param {number} to
 */
export function difference(field, from, to) {
  const way = to - from;
  return field.turn ? way - FULL_TURN * Math.round(way / FULL_TURN) : way;
}

/**
 * A value part of the way between two; past the second when `fraction` is above 1.
 *
 * @param {import("./fields.js").Field} field
 * @param {number} from
 * @param {number} to
 * @param {number} fraction
 */
export function between(field, from, to, fraction) {
  const value = from + difference(field, from, to) * fraction;
  return field.turn ? wrap(value) : value;
}
