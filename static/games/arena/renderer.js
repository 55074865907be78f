// @ts-check
/**
 * Draws a view of the arena on a canvas: for a player, a spectator (`meId` null) or a replay alike.
 *
 * It is given a view (`all(type)`, `get(id)`, `room`, `tick`), who "me" is, and a time in milliseconds; it knows no network, no input and
 * no other element of the page. What it notices (a shot, a hit, an explosion) it tells through `onHappening`, for sounds.
 */

import { Backdrop } from "./backdrop.js";
import { Beams } from "./beams.js";
import { Bullets } from "./bullets.js";
import { Camera } from "./camera.js";
import { Effects } from "./effects.js";
import { Scene } from "./scene.js";
import { ENERGY_MAX } from "./movement.js";
import { PICKUP_COLOURS, PICKUP_NAMES, colourOf } from "./palette.js";
import { drawBeams, drawBullets, drawEnergy, drawPickup, drawPointers, drawShip, drawTag } from "./ships.js";

/** @typedef {import("./scene.js").Happening} Happening */

const DENSITY_MAX = 2.5;
const AHEAD_S = 0.22;
/** After so long without a picture (a hidden page) what changed meanwhile is no news: no volley of old explosions. */
const GAP_MS = 500;

const SHOT_FLASH = { count: 3, speed: 160, life: 110, size: 5, colour: "#ffe3b0", spread: 0.5 };
const BEAM_FLASH = { count: 12, speed: 260, life: 220, size: 6, colour: "#bfe9ff", spread: 0.7 };

export class Renderer {
  /**
   * @param {HTMLCanvasElement} canvas
   * @param {{still?: boolean, onHappening?: (happening: Happening, own: boolean, distance: number) => void}} [wishes]
   *   still: no shaking, fewer particles
   */
  constructor(canvas, wishes = {}) {
    this.canvas = canvas;
    this.context = /** @type {CanvasRenderingContext2D} */ (canvas.getContext("2d", { alpha: false }));
    this.still = wishes.still ?? false;
    this.onHappening = wishes.onHappening ?? (() => {});
    this.camera = new Camera(this.still);
    this.backdrop = new Backdrop();
    this.effects = new Effects();
    this.bullets = new Bullets();
    this.beams = new Beams();
    this.scene = new Scene();
    /** when each ship was last hit, by ship id. @type {Map<number, number>} */
    this.hits = new Map();
    this.density = 1;
    this.lastMs = 0;
    /** whom a spectator watches. @type {number | null} */
    this.followedId = null;
  }

  /** Fit the canvas to its size on the page and to the screen's density. */
  resize() {
    const { clientWidth, clientHeight } = this.canvas;
    this.density = Math.min(DENSITY_MAX, window.devicePixelRatio || 1);
    const width = Math.max(1, Math.round(clientWidth * this.density));
    const height = Math.max(1, Math.round(clientHeight * this.density));
    if (this.canvas.width !== width) this.canvas.width = width;
    if (this.canvas.height !== height) this.canvas.height = height;
    this.camera.resize(clientWidth, clientHeight);
  }

  /**
   * Draw one picture.
   * @param {any} view
   * @param {number | null} meId id of the own Player, or null
   * @param {number} timeMs
   */
  draw(view, meId, timeMs) {
    if (timeMs - this.lastMs > GAP_MS) this.scene.started = false;
    const elapsedMs = Math.min(100, Math.max(0, timeMs - this.lastMs));
    this.lastMs = timeMs;
    this.aim(this.followed(view, meId), elapsedMs, timeMs);
    const bullets = this.bullets.place(view, meId);
    for (const happening of this.scene.compare(view, bullets, meId)) {
      if (happening.what === "beamed" && happening.ship.player === meId) this.beams.shoot(happening.ship, view, timeMs);
      this.show(happening, meId, timeMs);
    }

    const { context, camera, density } = this;
    context.setTransform(density, 0, 0, density, 0, 0);
    this.backdrop.drawSky(context, camera);
    const scale = density * camera.scale;
    context.setTransform(scale, 0, 0, scale, -camera.left * scale, -camera.top * scale);
    this.backdrop.drawField(context, camera);
    for (const pickup of view.all("Pickup")) if (camera.sees(pickup.x, pickup.y, 50)) drawPickup(context, pickup, timeMs);
    drawBeams(context, this.beams.place(view, meId, timeMs));
    drawBullets(context, camera, bullets.values());
    this.drawShips(view, meId, timeMs);
    this.effects.draw(context, camera, elapsedMs);
    context.setTransform(density, 0, 0, density, 0, 0);
    drawPointers(context, camera, view, meId);
  }

  /**
   * Return the ship to look at: the own one, or while there is none the one looked at last; for a spectator, the leader's.
   * @param {any} view
   * @param {number | null} meId
   */
  followed(view, meId) {
    const ships = view.all("Ship");
    const shipOf = (/** @type {number | null} */ player) =>
      ships.find((/** @type {any} */ ship) => ship.player === player) ?? null;
    if (meId !== null) return shipOf(meId) ?? (this.camera.placed ? null : (ships[0] ?? null));
    const known = shipOf(this.followedId);
    if (known) return known;
    const scoreOf = (/** @type {any} */ ship) => view.get(ship.player)?.score ?? 0;
    const leader = [...ships].sort((a, b) => scoreOf(b) - scoreOf(a))[0] ?? null;
    this.followedId = leader?.player ?? null;
    return leader;
  }

  /**
   * Point the camera at a ship and a little ahead of it; without one, stay.
   * @param {any} target
   * @param {number} elapsedMs
   * @param {number} timeMs
   */
  aim(target, elapsedMs, timeMs) {
    let { x, y } = this.camera;
    if (target) {
      x = target.x + (target.vx ?? 0) * AHEAD_S;
      y = target.y + (target.vy ?? 0) * AHEAD_S;
    }
    if (target || this.camera.placed) this.camera.follow(x, y, elapsedMs, timeMs);
  }

  /**
   * @param {any} view
   * @param {number | null} meId
   * @param {number} timeMs
   */
  drawShips(view, meId, timeMs) {
    const { context, camera } = this;
    const shown = view.all("Ship").filter((/** @type {any} */ ship) => camera.sees(ship.x, ship.y, 70));
    for (const ship of shown) {
      const own = ship.player === meId;
      const thrusting = ship.thrusting || ship.boosting;
      const colour = colourOf(ship.player, meId);
      drawShip(context, ship, { colour, own, timeMs, hitMs: this.hits.get(ship.player) ?? -1e9, thrusting });
      if (own) drawEnergy(context, ship, ENERGY_MAX);
      if (thrusting && !this.still && Math.random() < 0.4) this.puff(ship);
    }
    for (const ship of shown) {
      if (ship.player !== meId) {
        drawTag(context, camera, ship, view.get(ship.player)?.name ?? "", colourOf(ship.player, meId));
      }
    }
  }

  /** @param {any} ship */
  puff(ship) {
    const x = ship.x - Math.cos(ship.heading) * 18;
    const y = ship.y - Math.sin(ship.heading) * 18;
    const colour = ship.boosting ? "#5fd0ff" : "#ff9a4d";
    this.effects.burst(x, y, { count: 1, speed: 110, life: 420, size: 2.2, colour, way: ship.heading + Math.PI, spread: 0.3 });
  }

  /**
   * Turn what happened into light, and pass it on.
   * @param {Happening} happening
   * @param {number | null} meId
   * @param {number} timeMs
   */
  show(happening, meId, timeMs) {
    const { effects, camera } = this;
    const place = "ship" in happening ? happening.ship : happening;
    const own = "ship" in happening && happening.ship.player === meId;
    const distance = Math.hypot(place.x - camera.x, place.y - camera.y);
    this.onHappening(happening, own, distance);
    if (distance > 2600) return;
    const share = this.still ? 0.4 : 1;
    if (happening.what === "fired" || happening.what === "beamed") {
      const { x, y, heading } = happening.ship;
      const tipX = x + Math.cos(heading) * 24;
      const tipY = y + Math.sin(heading) * 24;
      const flash = happening.what === "fired" ? SHOT_FLASH : BEAM_FLASH;
      effects.burst(tipX, tipY, { ...flash, way: heading });
    } else if (happening.what === "hurt") {
      this.hits.set(happening.ship.player, timeMs);
      if (own) camera.addShake(5);
    } else if (happening.what === "died") {
      effects.explode(place.x, place.y, colourOf(happening.ship.player, meId));
      if (own || distance < 500) camera.addShake(own ? 14 : 6);
    } else if (happening.what === "spawned") {
      effects.ring(place.x, place.y, { from: 60, to: 18, life: 450, colour: colourOf(happening.ship.player, meId), width: 3 });
    } else if (happening.what === "sparks") {
      const way = Math.atan2(-happening.vy, -happening.vx);
      const colour = happening.own ? "#ffd28a" : "#ff9d8d";
      effects.burst(place.x, place.y, { count: Math.ceil(7 * share), speed: 200, life: 300, size: 2.4, colour, way, spread: 1.1 });
    } else if (happening.what === "taken") {
      const colour = PICKUP_COLOURS[happening.kind] ?? "#ffffff";
      effects.ring(place.x, place.y, { from: 16, to: 54, life: 420, colour, width: 4 });
      effects.say(place.x, place.y, PICKUP_NAMES[happening.kind] ?? "", colour);
    }
  }
}
