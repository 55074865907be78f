// @ts-check
/** The whole world in a small square: rocks, pickups, ships, what the screen shows. Draws a view; knows no networking. */

import { ROCKS, WORLD_SIZE } from "./field.js";
import { PICKUP_COLOURS, SELF, colourOf } from "./palette.js";

export class Minimap {
  /** @param {HTMLCanvasElement} canvas */
  constructor(canvas) {
    this.canvas = canvas;
    this.context = /** @type {CanvasRenderingContext2D} */ (canvas.getContext("2d"));
  }

  /**
   * @param {any} view
   * @param {number | null} meId
   * @param {import("./camera.js").Camera} camera
   */
  draw(view, meId, camera) {
    const { canvas, context } = this;
    const density = Math.min(2.5, window.devicePixelRatio || 1);
    const size = Math.max(1, Math.round(canvas.clientWidth * density));
    if (canvas.width !== size) canvas.width = canvas.height = size;
    const scale = size / WORLD_SIZE;
    const dot = 2.4 * density;
    context.clearRect(0, 0, size, size);
    context.fillStyle = "rgb(120 140 185 / 38%)";
    for (const [x, y, radius] of ROCKS) {
      context.beginPath();
      context.arc(x * scale, y * scale, radius * scale, 0, 7);
      context.fill();
    }
    context.strokeStyle = "rgb(232 237 247 / 32%)";
    context.lineWidth = density;
    const width = (camera.width / camera.scale) * scale;
    const height = (camera.height / camera.scale) * scale;
    context.strokeRect(camera.x * scale - width / 2, camera.y * scale - height / 2, width, height);
    for (const pickup of view.all("Pickup")) {
      context.fillStyle = PICKUP_COLOURS[pickup.kind] ?? "#ffffff";
      context.fillRect(pickup.x * scale - dot / 2, pickup.y * scale - dot / 2, dot, dot);
    }
    for (const ship of view.all("Ship")) {
      const own = ship.player === meId;
      context.fillStyle = own ? SELF : colourOf(ship.player, meId);
      context.beginPath();
      context.arc(ship.x * scale, ship.y * scale, own ? dot * 1.5 : dot, 0, 7);
      context.fill();
    }
  }
}
