// @ts-check
/**
 * Beams to be drawn: those of others from the view, the own one from the moment of the shot, by the rule that the server runs and the
 * ships as they are drawn. A beam hits at once, and so it is seen at once; the server's own word on it is not drawn again.
 */

import { BEAM_RADIUS, BEAM_RANGE, clearWay, wayTo } from "./beam.js";
import { muzzleOf } from "./shots.js";

const TICK_RATE = 30;
const SHOWN_MS = 270;
/** An own beam of the server is news only when none was drawn for so long: it was fired for want of an input. */
const OWN_WITHIN_MS = 1500;

/** @typedef {{x: number, y: number, toX: number, toY: number, struck: boolean, own: boolean, age: number}} Ray age: 0 to 1 */

export class Beams {
  constructor() {
    /** @type {(Omit<Ray, "age"> & {bornMs: number}) | null} */
    this.own = null;
  }

  /**
   * The own ship has fired its beam.
   * @param {any} ship
   * @param {any} view
   * @param {number} timeMs
   */
  shoot(ship, view, timeMs) {
    const [x, y, dx, dy] = muzzleOf(ship);
    let reach = clearWay(x, y, dx, dy, BEAM_RANGE);
    let struck = false;
    for (const other of view.all("Ship")) {
      const way = wayTo(x, y, dx, dy, other.x, other.y, BEAM_RADIUS);
      if (other.player === ship.player || way < 0 || way >= reach) continue;
      reach = way;
      struck = true;
    }
    this.own = { x, y, toX: x + dx * reach, toY: y + dy * reach, struck, own: true, bornMs: timeMs };
  }

  /**
   * Return what is to be drawn.
   * @param {any} view
   * @param {number | null} meId
   * @param {number} timeMs
   * @returns {Ray[]}
   */
  place(view, meId, timeMs) {
    /** @type {Ray[]} */
    const rays = [];
    for (const beam of view.all("Beam")) {
      const own = beam.player === meId;
      if (own && this.own && timeMs - this.own.bornMs < OWN_WITHIN_MS) continue;
      const age = ((view.tick - beam.born) * 1000) / TICK_RATE / SHOWN_MS;
      const { x, y, struck } = beam;
      if (age >= 0 && age < 1) rays.push({ x, y, toX: beam.to_x, toY: beam.to_y, struck, own, age });
    }
    if (this.own) {
      const { bornMs, ...ray } = this.own;
      const age = (timeMs - bornMs) / SHOWN_MS;
      if (age < 1) rays.push({ ...ray, age });
    }
    return rays;
  }
}
