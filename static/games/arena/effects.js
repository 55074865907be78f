// @ts-check
/** Short-lived decoration: particles, rings, rising texts. Holds its own time; knows nothing of ships or bullets. */

import { faded, glowOf } from "./palette.js";

const PARTICLES_MAX = 700;

/** @typedef {{x: number, y: number, vx: number, vy: number, age: number, life: number, size: number, colour: string, drag: number}} Particle */
/** @typedef {{x: number, y: number, age: number, life: number, from: number, to: number, colour: string, width: number}} Ring */
/** @typedef {{x: number, y: number, age: number, life: number, text: string, colour: string}} Rising */

export class Effects {
  constructor() {
    /** @type {Particle[]} */
    this.particles = [];
    /** @type {Ring[]} */
    this.rings = [];
    /** @type {Rising[]} */
    this.texts = [];
  }

  clear() {
    this.particles.length = this.rings.length = this.texts.length = 0;
  }

  /**
   * Throw particles out from a point.
   * @param {number} x
   * @param {number} y
   * @param {{count: number, speed: number, life: number, size: number, colour: string, way?: number, spread?: number,
   *   vx?: number, vy?: number, drag?: number}} kind life in ms, speeds in units a second
   */
  burst(x, y, kind) {
    const { way = 0, spread = Math.PI, vx = 0, vy = 0, drag = 2.2 } = kind;
    for (let i = 0; i < kind.count && this.particles.length < PARTICLES_MAX; i += 1) {
      const direction = way + (Math.random() * 2 - 1) * spread;
      const speed = kind.speed * (0.25 + 0.75 * Math.random());
      this.particles.push({
        x,
        y,
        vx: vx + Math.cos(direction) * speed,
        vy: vy + Math.sin(direction) * speed,
        age: 0,
        life: kind.life * (0.5 + 0.5 * Math.random()),
        size: kind.size * (0.5 + 0.7 * Math.random()),
        colour: kind.colour,
        drag,
      });
    }
  }

  /**
   * @param {number} x
   * @param {number} y
   * @param {{from: number, to: number, life: number, colour: string, width: number}} kind
   */
  ring(x, y, kind) {
    this.rings.push({ x, y, age: 0, ...kind });
  }

  /**
   * @param {number} x
   * @param {number} y
   * @param {string} text
   * @param {string} colour
   */
  say(x, y, text, colour) {
    this.texts.push({ x, y, age: 0, life: 1100, text, colour });
  }

  /**
   * A ship breaks up.
   * @param {number} x
   * @param {number} y
   * @param {string} colour
   */
  explode(x, y, colour) {
    this.burst(x, y, { count: 34, speed: 330, life: 900, size: 3.6, colour });
    this.burst(x, y, { count: 22, speed: 190, life: 700, size: 5.5, colour: "#ffd9a0" });
    this.burst(x, y, { count: 10, speed: 90, life: 1200, size: 9, colour: "#8d95ab", drag: 1 });
    this.ring(x, y, { from: 10, to: 120, life: 520, colour, width: 5 });
    this.ring(x, y, { from: 4, to: 60, life: 320, colour: "#fff3dd", width: 9 });
  }

  /**
   * Age everything and draw what can be seen; the context is in world units.
   * @param {CanvasRenderingContext2D} context
   * @param {import("./camera.js").Camera} camera
   * @param {number} elapsedMs
   */
  draw(context, camera, elapsedMs) {
    const seconds = elapsedMs / 1000;
    context.globalCompositeOperation = "lighter";
    this.particles = this.particles.filter((particle) => {
      particle.age += elapsedMs;
      if (particle.age >= particle.life) return false;
      const keep = Math.exp(-particle.drag * seconds);
      particle.vx *= keep;
      particle.vy *= keep;
      particle.x += particle.vx * seconds;
      particle.y += particle.vy * seconds;
      if (camera.sees(particle.x, particle.y, 20)) {
        const left = 1 - particle.age / particle.life;
        const size = particle.size * (0.4 + left) * 2.6;
        context.globalAlpha = left;
        context.drawImage(glowOf(particle.colour), particle.x - size, particle.y - size, size * 2, size * 2);
      }
      return true;
    });
    context.globalAlpha = 1;
    this.rings = this.rings.filter((ring) => {
      ring.age += elapsedMs;
      if (ring.age >= ring.life) return false;
      const share = ring.age / ring.life;
      context.strokeStyle = faded(ring.colour, (1 - share) * 0.85);
      context.lineWidth = ring.width * (1 - share);
      context.beginPath();
      context.arc(ring.x, ring.y, ring.from + (ring.to - ring.from) * (1 - (1 - share) ** 3), 0, 7);
      context.stroke();
      return true;
    });
    context.globalCompositeOperation = "source-over";
    this.texts = this.texts.filter((rising) => {
      rising.age += elapsedMs;
      if (rising.age >= rising.life) return false;
      const share = rising.age / rising.life;
      context.globalAlpha = 1 - share * share;
      context.fillStyle = rising.colour;
      context.font = `700 ${15 / camera.scale}px system-ui, sans-serif`;
      context.textAlign = "center";
      context.fillText(rising.text, rising.x, rising.y - 34 - share * 34);
      return true;
    });
    context.globalAlpha = 1;
  }
}
