// @ts-check
/**
 * What happened between two pictures, found by comparing them: so that a live game, a spectator and a replay get the same
 * explosions without any message about them.
 */

/**
 * @typedef {{x: number, y: number, heading: number, hull: number, shield: number, player: number, cooldown: number, charge: number}} SeenShip
 * @typedef {{what: "died" | "hurt" | "spawned" | "fired" | "beamed", ship: SeenShip}} ShipHappening
 * @typedef {{what: "sparks", x: number, y: number, vx: number, vy: number, own: boolean}} Sparks
 * @typedef {{what: "taken", x: number, y: number, kind: number}} Taken
 * @typedef {ShipHappening | Sparks | Taken} Happening
 */

/**
 * Return whether another bullet is where one was: a ghost and its bullet are.
 * @param {Map<number, import("./bullets.js").Shown>} bullets
 * @param {{x: number, y: number}} bullet
 */
function hasBullet(bullets, { x, y }) {
  for (const other of bullets.values()) if (other.own && Math.hypot(other.x - x, other.y - y) < 60) return true;
  return false;
}

export class Scene {
  constructor() {
    /** @type {Map<number, SeenShip>} */
    this.ships = new Map();
    /** @type {Map<number, import("./bullets.js").Shown>} */
    this.bullets = new Map();
    /** @type {Map<number, {x: number, y: number, kind: number}>} */
    this.pickups = new Map();
    /** @type {Set<number>} */
    this.beams = new Set();
    this.started = false;
  }

  /**
   * Return what changed since the last picture.
   * @param {any} view
   * @param {Map<number, import("./bullets.js").Shown>} bullets where bullets are drawn
   * @param {number | null} meId
   * @returns {Happening[]}
   */
  compare(view, bullets, meId) {
    /** @type {Happening[]} */
    const happenings = [];
    this.compareShips(view, meId, happenings);
    for (const [id, bullet] of this.bullets) {
      // a ghost that goes was taken over by its bullet, or faded; one that had met something leaves sparks as well
      if (!bullets.has(id) && (id > 0 || (bullet.opacity === 1 && !hasBullet(bullets, bullet)))) {
        happenings.push({ what: "sparks", ...bullet });
      }
    }
    for (const [id, bullet] of bullets) {
      if (id > 0 && !this.bullets.has(id) && !bullet.own) this.noteShot(view, id, happenings);
    }
    this.bullets = bullets;
    const pickups = new Map();
    this.noteBeams(view, meId, happenings);
    for (const { id, x, y, kind } of view.all("Pickup")) pickups.set(id, { x, y, kind });
    for (const [id, pickup] of this.pickups) if (!pickups.has(id)) happenings.push({ what: "taken", ...pickup });
    this.pickups = pickups;
    const first = !this.started;
    this.started = true;
    return first ? [] : happenings;
  }

  /**
   * @param {any} view
   * @param {number | null} meId
   * @param {Happening[]} happenings
   */
  compareShips(view, meId, happenings) {
    const ships = new Map();
    for (const ship of view.all("Ship")) {
      const { x, y, heading, hull, shield, player, cooldown, charge } = ship;
      const now = { x, y, heading, hull, shield, player, cooldown, charge };
      const before = this.ships.get(ship.id);
      ships.set(ship.id, now);
      if (!before) happenings.push({ what: "spawned", ship: now });
      else {
        if (hull < before.hull || shield < before.shield) happenings.push({ what: "hurt", ship: now });
        if (player === meId && charge > before.charge) happenings.push({ what: "beamed", ship });
        else if (player === meId && cooldown > before.cooldown) happenings.push({ what: "fired", ship });
      }
    }
    for (const [id, ship] of this.ships) if (!ships.has(id)) happenings.push({ what: "died", ship });
    this.ships = ships;
  }

  /**
   * @param {any} view
   * @param {number | null} meId
   * @param {Happening[]} happenings
   */
  noteBeams(view, meId, happenings) {
    const beams = new Set();
    for (const { id, player } of view.all("Beam")) {
      beams.add(id);
      if (this.beams.has(id) || player === meId) continue;
      for (const ship of this.ships.values()) if (ship.player === player) happenings.push({ what: "beamed", ship });
    }
    this.beams = beams;
  }

  /**
   * A bullet of another ship is new: its ship fired.
   * @param {any} view
   * @param {number} bulletId
   * @param {Happening[]} happenings
   */
  noteShot(view, bulletId, happenings) {
    const player = view.get(bulletId)?.player;
    for (const ship of this.ships.values()) {
      if (ship.player === player) happenings.push({ what: "fired", ship });
    }
  }
}
