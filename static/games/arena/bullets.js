// @ts-check
/**
 * Where bullets are drawn. A bullet's place follows from its birth tick, so one from another ship is simply where it is at the
 * view's tick.
 *
 * The own ship is drawn ahead of the view (it is predicted), and the server judges an own bullet by the picture in which it was fired
 * (shots.js): so it is drawn leaving the muzzle at once, and meets its target where both are seen. Until the server's own bullet is in
 * the view, a ghost of the SDK stands in for it; one that the server made nothing of fades. A bullet that has met a ship or a rock on
 * this screen is drawn no further: the server's word on it is under way.
 */

import { ROCKS, WORLD_SIZE } from "./field.js";
import { SHOT } from "./movement.js";
import { HIT_RADIUS, ageOnScreen, bulletOf, muzzleOf } from "./shots.js";

const TICK_RATE = 30;
/** Ticks by which a bullet of the own ship begins in the past, until the first has told. */
const OFFSET_AT_FIRST = 4;
const OFFSET_LEARNT = 0.25;

/** @typedef {{x: number, y: number, vx: number, vy: number, own: boolean, opacity: number}} Shown */
/** @typedef {{x: number, y: number, vx: number, vy: number, tick: number}} Born tick: of the picture in which it was fired */

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
    /** The tick of the picture that the player sees. */
    this.tick = 0;
    /** Ticks by which own bullets usually begin in the past. */
    this.offset = OFFSET_AT_FIRST;
    /** Own bullets that have met something on this screen, by the number of their input. @type {Set<number>} */
    this.spent = new Set();
    /** Offsets of own bullets in the view, by id. @type {Map<number, number>} */
    this.offsets = new Map();
  }

  /**
   * What the SDK needs to make ghosts of own bullets.
   * @returns {import("../../client/ghosts.js").SpawnPrediction}
   */
  get prediction() {
    return {
      type: "Bullet",
      make: (ship, _input, fired) => (fired === SHOT ? this.born(ship) : null),
      seq: (bullet) => bullet.shot,
    };
  }

  /**
   * @param {any} ship the own one, that fires
   * @returns {Born | null} null when the muzzle is in a rock
   */
  born(ship) {
    const [muzzleX, muzzleY] = muzzleOf(ship);
    if (!isOpen(muzzleX, muzzleY)) return null;
    const [x, y, vx, vy] = bulletOf(ship);
    return { x, y, vx, vy, tick: this.tick };
  }

  /**
   * Return where every bullet is drawn, by id; ghosts have negative ids.
   * @param {any} view
   * @param {number | null} meId
   * @returns {Map<number, Shown>}
   */
  place(view, meId) {
    this.tick = view.tick;
    /** @type {Map<number, Shown>} */
    const shown = new Map();
    const targets = view.all("Ship").filter((/** @type {any} */ ship) => ship.player !== meId && !ship.safe);
    for (const bullet of view.all("Bullet")) {
      const ghost = bullet.player === meId ? (view.ghostOf?.(bullet.id) ?? null) : null;
      if (ghost) this.placeOwn(shown, bullet.id, bullet, this.ageOf(bullet, ghost, view.tick), { ...ghost, opacity: 1 }, targets);
      else {
        const age = Math.max(0, view.tick - bullet.born);
        placeAt(shown, bullet.id, bullet, age, bullet.player === meId, 1);
      }
    }
    for (const ghost of view.ghosts ?? []) {
      const since = Math.max(0, view.tick - ghost.fields.tick);
      this.placeOwn(shown, -ghost.seq, ghost.fields, ageOnScreen(since, this.offset), ghost, targets);
    }
    for (const id of this.offsets.keys()) if (!view.get(id)) this.offsets.delete(id);
    if (this.spent.size > 200) this.spent.clear();
    return shown;
  }

  /**
   * Return the age at which an own bullet is drawn.
   * @param {any} bullet
   * @param {{fields: Born}} ghost that stood in for it
   * @param {number} tick of the view
   */
  ageOf(bullet, ghost, tick) {
    const offset = Math.max(0, bullet.born - ghost.fields.tick);
    if (!this.offsets.has(bullet.id)) {
      this.offsets.set(bullet.id, offset);
      this.offset += (offset - this.offset) * OFFSET_LEARNT;
    }
    return ageOnScreen(tick - ghost.fields.tick, offset);
  }

  /**
   * @param {Map<number, Shown>} shown
   * @param {number} id
   * @param {{x: number, y: number, vx: number, vy: number}} start
   * @param {number} age ticks
   * @param {{seq: number, opacity: number}} ghost
   * @param {any[]} targets
   */
  placeOwn(shown, id, start, age, { seq, opacity }, targets) {
    if (this.spent.has(seq)) return;
    placeAt(shown, id, start, age, true, opacity);
    const at = /** @type {Shown} */ (shown.get(id));
    const isOver = !isOpen(at.x, at.y) || targets.some(({ x, y }) => (x - at.x) ** 2 + (y - at.y) ** 2 < HIT_RADIUS * HIT_RADIUS);
    if (!isOver) return;
    this.spent.add(seq);
    shown.delete(id);
  }
}

/**
 * @param {Map<number, Shown>} shown
 * @param {number} id
 * @param {{x: number, y: number, vx: number, vy: number}} start
 * @param {number} age ticks
 * @param {boolean} own
 * @param {number} opacity
 */
function placeAt(shown, id, { x, y, vx, vy }, age, own, opacity) {
  const seconds = age / TICK_RATE;
  shown.set(id, { x: x + vx * seconds, y: y + vy * seconds, vx, vy, own, opacity });
}
