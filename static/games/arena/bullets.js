// @ts-check
/**
 * Where bullets are drawn. A bullet's place follows from its birth tick, so one from another ship is simply where it is at the
 * view's tick. The own ship is drawn ahead of the view (it is predicted), so an own bullet would be born behind the muzzle and late: a
 * ghost flies from the moment of the shot, the real bullet takes its lead over when it comes, and loses it over half a second, so that
 * it meets its target where both are seen.
 */

import { sinCos } from "../../client/exact.js";
import { ROCKS, WORLD_SIZE } from "./field.js";

const TICK_RATE = 30;
export const BULLET_SPEED = 680;
const INHERIT = 0.4;
const MUZZLE = 24;
const GHOST_LIFE_MS = 600;
const LEAD_FADE_STEPS = 22;
/** Ticks. A ghost that is farther from the usual lead belongs to another bullet: shots are at least 4 steps apart. */
const LEAD_MISS_MAX = 4;
const LEAD_MAX = 14;
const LEAD_LEARNT = 0.25;
/** After so many bullets without a ghost the connection has changed: learn the lead anew. */
const MISSED_MAX = 3;

/** @typedef {{x: number, y: number, vx: number, vy: number, bornMs: number}} Ghost */
/** @typedef {{x: number, y: number, vx: number, vy: number, own: boolean}} Shown */

/**
 * Return whether a bullet can be here: in the world, and in no rock.
 * @param {number} x
 * @param {number} y
 */
function isOpen(x, y) {
  if (x < 0 || y < 0 || x >= WORLD_SIZE || y >= WORLD_SIZE) return false;
  return ROCKS.every(([rockX, rockY, radius]) => (x - rockX) ** 2 + (y - rockY) ** 2 >= radius * radius);
}

export class Bullets {
  constructor() {
    /** @type {Ghost[]} */
    this.ghosts = [];
    /** how many ticks an own bullet was ahead when it came. @type {Map<number, number>} */
    this.leads = new Map();
    /** in ticks, over the last bullets. @type {number | null} */
    this.usualLead = null;
    this.missed = 0;
  }

  /**
   * The own ship fired.
   * @param {any} ship
   * @param {number} timeMs
   */
  shoot(ship, timeMs) {
    const [sine, cosine] = sinCos(ship.heading);
    this.ghosts.push({
      x: ship.x + cosine * MUZZLE,
      y: ship.y + sine * MUZZLE,
      vx: cosine * BULLET_SPEED + ship.vx * INHERIT,
      vy: sine * BULLET_SPEED + ship.vy * INHERIT,
      bornMs: timeMs,
    });
  }

  /**
   * Return where every bullet is drawn, by id; ghosts have negative ids.
   * @param {any} view
   * @param {number | null} meId
   * @param {number} timeMs
   * @returns {Map<number, Shown>}
   */
  place(view, meId, timeMs) {
    /** @type {Map<number, Shown>} */
    const shown = new Map();
    this.ghosts = this.ghosts.filter((ghost) => timeMs - ghost.bornMs < GHOST_LIFE_MS);
    for (const bullet of view.all("Bullet")) {
      const own = bullet.player === meId;
      let age = view.tick - bullet.born;
      if (own) age += this.leadOf(bullet, age, timeMs);
      const seconds = Math.max(0, age) / TICK_RATE;
      const { vx, vy } = bullet;
      const x = bullet.x + vx * seconds;
      const y = bullet.y + vy * seconds;
      // one drawn ahead may be past the place where the server is about to end it: then it waits unseen
      if (!own || isOpen(x, y)) shown.set(bullet.id, { x, y, vx, vy, own });
    }
    for (const id of this.leads.keys()) if (!view.get(id)) this.leads.delete(id);
    this.ghosts.forEach((ghost, index) => {
      const seconds = (timeMs - ghost.bornMs) / 1000;
      const { vx, vy } = ghost;
      const x = ghost.x + vx * seconds;
      const y = ghost.y + vy * seconds;
      if (isOpen(x, y)) shown.set(-1 - index, { x, y, vx, vy, own: true });
    });
    return shown;
  }

  /**
   * Return by how many ticks an own bullet is drawn ahead of the view.
   * @param {any} bullet
   * @param {number} age ticks
   * @param {number} timeMs
   */
  leadOf(bullet, age, timeMs) {
    let lead = this.leads.get(bullet.id);
    if (lead === undefined) {
      lead = this.takeGhost(age, timeMs);
      this.leads.set(bullet.id, lead);
    }
    return lead * Math.max(0, 1 - age / LEAD_FADE_STEPS);
  }

  /**
   * Find the ghost of a bullet that has just come, and return by how many ticks it was ahead; 0 when it has none.
   *
   * After a stall of the page there are shots that only the server fired, and ghosts that it never did. So the ghost is not simply
   * the oldest, but the one whose lead is nearest to what it usually is; older ones are given up.
   * @param {number} age of the bullet, in ticks
   * @param {number} timeMs
   */
  takeGhost(age, timeMs) {
    const leads = this.ghosts.map((ghost) => ((timeMs - ghost.bornMs) * TICK_RATE) / 1000 - age);
    const misses = leads.map((lead) => Math.abs(lead - (this.usualLead ?? lead)));
    const best = misses.indexOf(Math.min(...misses));
    if (best < 0 || misses[best] > LEAD_MISS_MAX || leads[best] > LEAD_MAX) {
      this.missed += 1;
      if (this.missed >= MISSED_MAX) this.usualLead = null;
      return 0;
    }
    this.missed = 0;
    const lead = Math.max(0, leads[best]);
    this.ghosts.splice(0, best + 1);
    this.usualLead = (this.usualLead ?? lead) * (1 - LEAD_LEARNT) + lead * LEAD_LEARNT;
    return lead;
  }
}
