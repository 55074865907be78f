// @ts-check
/** Draws ships, their names and bars, bullets and pickups; the context is in world units. Knows no networking and no time but `timeMs`. */

import { ENERGY_TO_START } from "./movement.js";
import { PICKUP_COLOURS, SELF, colourOf, faded, glowOf } from "./palette.js";

/** @typedef {import("./camera.js").Camera} Camera */

const HIT_FLASH_MS = 130;
const POINTER_WITHIN = 1700;

/**
 * @param {CanvasRenderingContext2D} context
 */
function hullPath(context) {
  context.beginPath();
  context.moveTo(22, 0);
  context.lineTo(-4, 9);
  context.lineTo(-15, 15);
  context.lineTo(-10, 0);
  context.lineTo(-15, -15);
  context.lineTo(-4, -9);
  context.closePath();
}

/**
 * Draw one ship.
 * @param {CanvasRenderingContext2D} context
 * @param {any} ship
 * @param {{colour: string, own: boolean, timeMs: number, hitMs: number, thrusting: boolean}} look
 */
export function drawShip(context, ship, look) {
  const { colour, own, timeMs } = look;
  context.save();
  context.translate(ship.x, ship.y);
  context.globalCompositeOperation = "lighter";
  context.globalAlpha = own ? 0.4 : 0.26;
  context.drawImage(glowOf(colour), -52, -52, 104, 104);
  context.globalAlpha = 1;
  context.globalCompositeOperation = "source-over";
  context.rotate(ship.heading);
  if (ship.safe && Math.floor(timeMs / 130) % 2 === 0) context.globalAlpha = 0.45;
  if (look.thrusting) drawFlame(context, ship.boosting, timeMs + ship.id * 71);
  hullPath(context);
  const hit = timeMs - look.hitMs < HIT_FLASH_MS;
  context.fillStyle = hit ? "#ffffff" : "#151c2c";
  context.fill();
  context.lineWidth = own ? 2.6 : 2;
  context.lineJoin = "round";
  context.strokeStyle = hit ? "#ffffff" : colour;
  context.stroke();
  context.fillStyle = colour;
  context.beginPath();
  context.moveTo(13, 0);
  context.lineTo(-3, 4.5);
  context.lineTo(-6, 0);
  context.lineTo(-3, -4.5);
  context.closePath();
  context.fill();
  context.restore();
  if (ship.shield > 0) drawShield(context, ship, timeMs);
}

/**
 * @param {CanvasRenderingContext2D} context
 * @param {boolean} boosting
 * @param {number} timeMs
 */
function drawFlame(context, boosting, timeMs) {
  const flicker = 0.8 + 0.2 * Math.sin(timeMs * 0.045) + 0.1 * Math.sin(timeMs * 0.113);
  const length = (boosting ? 34 : 19) * flicker;
  context.globalCompositeOperation = "lighter";
  for (const [reach, width, colour] of /** @type {[number, number, string][]} */ ([
    [length, 7, boosting ? "rgb(95 208 255 / 65%)" : "rgb(255 132 52 / 65%)"],
    [length * 0.55, 4, "rgb(255 240 214 / 90%)"],
  ])) {
    context.fillStyle = colour;
    context.beginPath();
    context.moveTo(-10, width);
    context.quadraticCurveTo(-12 - reach * 0.5, width * 0.7, -11 - reach, 0);
    context.quadraticCurveTo(-12 - reach * 0.5, -width * 0.7, -10, -width);
    context.closePath();
    context.fill();
  }
  context.globalCompositeOperation = "source-over";
}

/**
 * @param {CanvasRenderingContext2D} context
 * @param {any} ship
 * @param {number} timeMs
 */
function drawShield(context, ship, timeMs) {
  const strength = Math.min(1, ship.shield / 60);
  context.strokeStyle = faded("#5fd0ff", 0.35 + 0.45 * strength);
  context.lineWidth = 2;
  context.beginPath();
  context.arc(ship.x, ship.y, 27 + Math.sin(timeMs * 0.005), 0, 7);
  context.stroke();
  context.fillStyle = faded("#5fd0ff", 0.07);
  context.fill();
}

/**
 * Draw the name and, when it is hurt, the hull of a ship: never turned with it, and readable at every scale.
 * @param {CanvasRenderingContext2D} context
 * @param {Camera} camera
 * @param {any} ship
 * @param {string} name
 * @param {string} colour
 */
export function drawTag(context, camera, ship, name, colour) {
  const pixel = 1 / camera.scale;
  const y = ship.y - 30 - 6 * pixel;
  context.font = `600 ${12 * pixel}px system-ui, sans-serif`;
  context.textAlign = "center";
  context.lineWidth = 3 * pixel;
  context.strokeStyle = "rgb(7 10 18 / 80%)";
  context.lineJoin = "round";
  context.strokeText(name, ship.x, y);
  context.fillStyle = faded(colour, 0.95);
  context.fillText(name, ship.x, y);
  if (ship.hull >= 100 && ship.shield === 0) return;
  const width = 44;
  const share = ship.hull / 100;
  const top = ship.y + 30;
  context.fillStyle = "rgb(7 10 18 / 75%)";
  context.fillRect(ship.x - width / 2 - 1, top - 1, width + 2, 6);
  context.fillStyle = share > 0.5 ? "#5fe3a1" : share > 0.25 ? "#ffb648" : "#ff7468";
  context.fillRect(ship.x - width / 2, top, width * share, 4);
}

/**
 * Draw the own ship's energy as an arc around it, when it is not full.
 * @param {CanvasRenderingContext2D} context
 * @param {any} ship
 * @param {number} energyMax
 */
export function drawEnergy(context, ship, energyMax) {
  if (ship.energy >= energyMax) return;
  context.strokeStyle = "rgb(130 155 210 / 22%)";
  context.lineWidth = 3;
  context.beginPath();
  context.arc(ship.x, ship.y, 36, Math.PI * 0.25, Math.PI * 0.75);
  context.stroke();
  context.strokeStyle = ship.energy < ENERGY_TO_START && !ship.boosting ? "#ff7468" : "#5fd0ff";
  context.beginPath();
  context.arc(ship.x, ship.y, 36, Math.PI * (0.75 - 0.5 * (ship.energy / energyMax)), Math.PI * 0.75);
  context.stroke();
}

/**
 * Draw all bullets with their trails.
 * @param {CanvasRenderingContext2D} context
 * @param {Camera} camera
 * @param {Iterable<import("./bullets.js").Shown>} bullets
 */
export function drawBullets(context, camera, bullets) {
  context.globalCompositeOperation = "lighter";
  context.lineCap = "round";
  for (const { x, y, vx, vy, own, opacity } of bullets) {
    if (!camera.sees(x, y, 50)) continue;
    context.globalAlpha = opacity;
    const speed = Math.hypot(vx, vy) || 1;
    const backX = (vx / speed) * 30;
    const backY = (vy / speed) * 30;
    const colour = own ? SELF : "#ff8f7d";
    context.strokeStyle = faded(colour, 0.28);
    context.lineWidth = 5;
    context.beginPath();
    context.moveTo(x - backX, y - backY);
    context.lineTo(x, y);
    context.stroke();
    context.strokeStyle = own ? "#fff0cf" : "#ffe3dd";
    context.lineWidth = 2.4;
    context.beginPath();
    context.moveTo(x - backX * 0.35, y - backY * 0.35);
    context.lineTo(x, y);
    context.stroke();
    context.drawImage(glowOf(colour), x - 13, y - 13, 26, 26);
  }
  context.globalAlpha = 1;
  context.globalCompositeOperation = "source-over";
}

/**
 * Draw beams: a bright line that thins out, and a flash where it ended.
 * @param {CanvasRenderingContext2D} context
 * @param {Iterable<import("./beams.js").Ray>} rays
 */
export function drawBeams(context, rays) {
  context.globalCompositeOperation = "lighter";
  context.lineCap = "round";
  for (const { x, y, toX, toY, struck, own, age } of rays) {
    const left = (1 - age) ** 2;
    const colour = own ? "#ffb648" : "#ff7d6b";
    for (const [width, stroke] of /** @type {[number, string][]} */ ([
      [16 * left, faded(colour, 0.2 * left)],
      [7 * left, faded(colour, 0.55 * left)],
      [2.6 * left + 0.4, faded("#ffffff", 0.95 * left)],
    ])) {
      context.lineWidth = width;
      context.strokeStyle = stroke;
      context.beginPath();
      context.moveTo(x, y);
      context.lineTo(toX, toY);
      context.stroke();
    }
    const size = (struck ? 58 : 26) * (0.6 + age);
    context.globalAlpha = left;
    context.drawImage(glowOf(struck ? "#ffffff" : colour), toX - size, toY - size, size * 2, size * 2);
    context.globalAlpha = 1;
  }
  context.globalCompositeOperation = "source-over";
}

/**
 * Draw one pickup.
 * @param {CanvasRenderingContext2D} context
 * @param {any} pickup
 * @param {number} timeMs
 */
export function drawPickup(context, pickup, timeMs) {
  const colour = PICKUP_COLOURS[pickup.kind] ?? "#ffffff";
  const beat = Math.sin(timeMs * 0.003 + pickup.id);
  context.save();
  context.translate(pickup.x, pickup.y + beat * 2.5);
  context.globalCompositeOperation = "lighter";
  context.globalAlpha = 0.42 + 0.12 * beat;
  context.drawImage(glowOf(colour), -44, -44, 88, 88);
  context.globalAlpha = 1;
  context.globalCompositeOperation = "source-over";
  context.fillStyle = "#111828";
  context.strokeStyle = colour;
  context.lineWidth = 2.2;
  context.beginPath();
  for (let i = 0; i < 6; i += 1) {
    const way = (i / 6) * Math.PI * 2 + timeMs * 0.0004;
    context.lineTo(Math.cos(way) * 18, Math.sin(way) * 18);
  }
  context.closePath();
  context.fill();
  context.stroke();
  context.lineCap = "round";
  context.lineJoin = "round";
  context.lineWidth = 3;
  context.beginPath();
  if (pickup.kind === 0) {
    context.moveTo(-7, 0);
    context.lineTo(7, 0);
    context.moveTo(0, -7);
    context.lineTo(0, 7);
  } else if (pickup.kind === 1) {
    context.moveTo(2, -8);
    context.lineTo(-4, 1);
    context.lineTo(3, 0);
    context.lineTo(-2, 8);
  } else {
    context.moveTo(0, -8);
    context.lineTo(7, -5);
    context.lineTo(6, 3);
    context.lineTo(0, 8);
    context.lineTo(-6, 3);
    context.lineTo(-7, -5);
    context.closePath();
  }
  context.stroke();
  context.restore();
}

/**
 * Draw small arrows at the edge of the screen towards near ships that are out of sight.
 * @param {CanvasRenderingContext2D} context in CSS pixels
 * @param {Camera} camera
 * @param {any} view
 * @param {number | null} meId
 */
export function drawPointers(context, camera, view, meId) {
  const { width, height, scale } = camera;
  const inset = 26;
  const others = view.all("Ship").filter((/** @type {any} */ ship) => ship.player !== meId);
  const reach = (/** @type {any} */ ship) => Math.hypot(ship.x - camera.x, ship.y - camera.y);
  // one may be far away: the nearest, so that the fight can always be found
  const nearest = Math.min(...others.map(reach));
  for (const ship of others) {
    if (camera.sees(ship.x, ship.y, 10)) continue;
    const dx = (ship.x - camera.x) * scale;
    const dy = (ship.y - camera.y) * scale;
    const distance = Math.hypot(dx, dy) / scale;
    if (distance > POINTER_WITHIN && distance > nearest + 1) continue;
    const share = Math.min((width / 2 - inset) / Math.abs(dx || 1), (height / 2 - inset) / Math.abs(dy || 1));
    context.save();
    context.translate(width / 2 + dx * share, height / 2 + dy * share);
    context.rotate(Math.atan2(dy, dx));
    context.globalAlpha = Math.max(0.25, 1 - distance / 1900);
    context.fillStyle = colourOf(ship.player, meId);
    context.beginPath();
    context.moveTo(9, 0);
    context.lineTo(-5, 6);
    context.lineTo(-2, 0);
    context.lineTo(-5, -6);
    context.closePath();
    context.fill();
    context.restore();
  }
}
