// @ts-check
/**
 * Arithmetic whose last bit is the same in Python and in JavaScript: what predicted rules may use.
 *
 * Made from game_server/core/exact.py: change that, and make this anew with
 * `python -m game_server.translate game_server.core.exact`.
 */

export const PI = 3.141592653589793;
export const TAU = 6.283185307179586;
const _QUARTERS_PER_RADIAN = 0.6366197723675814;
const _QUARTER_HIGH = 1.5707963267341256;
const _QUARTER_LOW = 6.077100506506192e-11;

/**
 * Return (sine, cosine) of an angle in radians, each within 1e-10 for |angle| < 1e5.
 *
 * Taylor polynomials of degree 11 and 12 on [-pi/4, pi/4], in Horner form, after reduction by quarter turns.
 * @param {number} angle
 * @returns {readonly [number, number]}
 */
export function sinCos(angle) {
  const quarters = Math.floor(angle * _QUARTERS_PER_RADIAN + 0.5);
  const r = angle - quarters * _QUARTER_HIGH - quarters * _QUARTER_LOW;
  const z = r * r;
  const sine = r + r * z *
    (-0.16666666666666666 + z *
    (0.008333333333333333 + z *
    (-0.0001984126984126984 + z * (2.7557319223985893e-06 + z * -2.505210838544172e-08))));
  const cosine = 1.0 + z *
    (-0.5 + z *
    (0.041666666666666664 + z *
    (-0.001388888888888889 + z *
    (2.48015873015873e-05 + z * (-2.755731922398589e-07 + z * 2.08767569878681e-09)))));
  const quadrant = quarters & 3;
  if (quadrant === 0) {
    return [sine, cosine];
  }
  if (quadrant === 1) {
    return [cosine, -sine];
  }
  if (quadrant === 2) {
    return [-sine, -cosine];
  }
  return [-cosine, sine];
}

/**
 * Return `value` on the wire grid of a `fixed` field: low + q * step with 0 <= q < count.
 * @param {number} value
 * @param {number} low
 * @param {number} step
 * @param {number} inverse
 * @param {number} count
 * @returns {number}
 */
export function onGrid(value, low, step, inverse, count) {
  let quantised = Math.floor((value - low) * inverse + 0.5);
  if (quantised < 0) {
    quantised = 0;
  } else if (quantised >= count) {
    quantised = count - 1;
  }
  return low + quantised * step;
}

/**
 * Return `angle` on the wire grid of an `angle` field of `count` steps a turn: in [0, 2 pi).
 * @param {number} angle
 * @param {number} step
 * @param {number} inverse
 * @param {number} count
 * @returns {number}
 */
export function turnOnGrid(angle, step, inverse, count) {
  const quantised = Math.floor(angle * inverse + 0.5);
  return (quantised - count * Math.floor(quantised / count)) * step;
}
