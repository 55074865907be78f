// @ts-check
/** Where the picture looks: follows a point smoothly, chooses the scale for the screen, shakes. Knows nothing of what is drawn. */

import { WORLD_SIZE } from "./field.js";

/** World units that a screen shows when it is as large as a laptop's. */
const USUAL_AREA = 1440 * 860;
const SCALE_MIN = 0.6;
const SCALE_MAX = 2;
const FOLLOW_MS = 110;
const SHAKE_FADE_MS = 140;
const SHAKE_MAX = 14;

export class Camera {
  /** @param {boolean} still no shaking */
  constructor(still) {
    this.still = still;
    this.x = WORLD_SIZE / 2;
    this.y = WORLD_SIZE / 2;
    /** CSS pixels for a world unit */
    this.scale = 1;
    this.width = 1;
    this.height = 1;
    this.shakeX = 0;
    this.shakeY = 0;
    this.shake = 0;
    this.placed = false;
  }

  /**
   * @param {number} width CSS pixels
   * @param {number} height CSS pixels
   */
  resize(width, height) {
    this.width = width;
    this.height = height;
    this.scale = Math.min(SCALE_MAX, Math.max(SCALE_MIN, Math.sqrt((width * height) / USUAL_AREA)));
  }

  /** @param {number} strength world units */
  addShake(strength) {
    if (!this.still) this.shake = Math.min(SHAKE_MAX, this.shake + strength);
  }

  /**
   * Move towards a point; jump when it is far.
   * @param {number} x
   * @param {number} y
   * @param {number} elapsedMs
   * @param {number} timeMs
   */
  follow(x, y, elapsedMs, timeMs) {
    const far = Math.hypot(x - this.x, y - this.y) > 1400;
    const share = this.placed && !far ? 1 - Math.exp(-elapsedMs / FOLLOW_MS) : 1;
    this.placed = true;
    this.x += (x - this.x) * share;
    this.y += (y - this.y) * share;
    this.shake *= Math.exp(-elapsedMs / SHAKE_FADE_MS);
    this.shakeX = Math.sin(timeMs * 0.071) * this.shake;
    this.shakeY = Math.cos(timeMs * 0.093) * this.shake;
  }

  /** The left edge in world units. */
  get left() {
    return this.x + this.shakeX - this.width / 2 / this.scale;
  }

  get top() {
    return this.y + this.shakeY - this.height / 2 / this.scale;
  }

  /**
   * Return whether something of this radius can be seen.
   * @param {number} x
   * @param {number} y
   * @param {number} radius
   */
  sees(x, y, radius) {
    const halfWidth = this.width / 2 / this.scale + radius;
    const halfHeight = this.height / 2 / this.scale + radius;
    return Math.abs(x - this.x - this.shakeX) < halfWidth && Math.abs(y - this.y - this.shakeY) < halfHeight;
  }
}
