// @ts-check
/** What lies behind the fight: stars in three depths, faint nebulae, the grid, the border of the world, the rocks. */

import { ROCKS, WORLD_SIZE } from "./field.js";
import { glowOf, scatter } from "./palette.js";

/** @typedef {import("./camera.js").Camera} Camera */

const TILE = 512;
const GRID = 256;
/** [share of the camera's way, stars a tile, radius, brightness] */
const LAYERS = [
  [0.12, 70, 0.7, 0.5],
  [0.28, 36, 1.0, 0.7],
  [0.5, 14, 1.5, 0.9],
];
const CLOUD_DEPTH = 0.3;
const CLOUD_SIZE = 512;
/** colour, centre and size in shares of the sky, strength. @type {[string, number, number, number, number][]} */
const NEBULAE = [
  ["#2b4bb8", 0.26, 0.3, 0.8, 0.44],
  ["#7a3fb0", 0.72, 0.24, 0.7, 0.36],
  ["#b0572b", 0.66, 0.76, 0.8, 0.32],
  ["#1f7f86", 0.2, 0.78, 0.7, 0.36],
  ["#c24f7c", 0.47, 0.5, 0.4, 0.16],
];

export class Backdrop {
  constructor() {
    this.nebulae = makeNebulae();
    this.tiles = LAYERS.map(([, count, radius, brightness], index) => makeStars(count, radius, brightness, index + 7));
    this.rocks = ROCKS.map(([, , radius], index) => makeRock(radius, index + 1));
  }

  /**
   * Draw sky and stars; the context is in CSS pixels.
   * @param {CanvasRenderingContext2D} context
   * @param {Camera} camera
   */
  drawSky(context, camera) {
    const { width, height, scale } = camera;
    // the cloud picture is opaque and as wide as the world seems at its depth plus a screen: one draw fills the sky
    const shareX = camera.x / WORLD_SIZE;
    const shareY = camera.y / WORLD_SIZE;
    const spreadX = width + WORLD_SIZE * CLOUD_DEPTH * scale;
    const spreadY = height + WORLD_SIZE * CLOUD_DEPTH * scale;
    context.drawImage(this.nebulae, (width - spreadX) * shareX, (height - spreadY) * shareY, spreadX, spreadY);
    LAYERS.forEach(([depth], index) => {
      const offsetX = (((-(camera.x + camera.shakeX) * depth * scale) % TILE) + TILE) % TILE;
      const offsetY = (((-(camera.y + camera.shakeY) * depth * scale) % TILE) + TILE) % TILE;
      for (let x = offsetX - TILE; x < width; x += TILE) {
        for (let y = offsetY - TILE; y < height; y += TILE) context.drawImage(this.tiles[index], x, y, TILE, TILE);
      }
    });
  }

  /**
   * Draw grid, border and rocks; the context is in world units.
   * @param {CanvasRenderingContext2D} context
   * @param {Camera} camera
   */
  drawField(context, camera) {
    const right = camera.left + camera.width / camera.scale;
    const bottom = camera.top + camera.height / camera.scale;
    context.lineWidth = 1 / camera.scale;
    context.strokeStyle = "rgb(130 155 210 / 9%)";
    context.beginPath();
    for (let x = Math.max(GRID, Math.ceil(camera.left / GRID) * GRID); x < Math.min(right, WORLD_SIZE); x += GRID) {
      context.moveTo(x, Math.max(0, camera.top));
      context.lineTo(x, Math.min(WORLD_SIZE, bottom));
    }
    for (let y = Math.max(GRID, Math.ceil(camera.top / GRID) * GRID); y < Math.min(bottom, WORLD_SIZE); y += GRID) {
      context.moveTo(Math.max(0, camera.left), y);
      context.lineTo(Math.min(WORLD_SIZE, right), y);
    }
    context.stroke();
    drawBorder(context, camera, right, bottom);
    ROCKS.forEach(([x, y, radius], index) => {
      if (!camera.sees(x, y, radius + 8)) return;
      const half = radius + 4;
      context.drawImage(this.rocks[index], x - half, y - half, half * 2, half * 2);
    });
  }
}

/**
 * Darken what lies outside the world and draw its edge.
 * @param {CanvasRenderingContext2D} context
 * @param {Camera} camera
 * @param {number} right
 * @param {number} bottom
 */
function drawBorder(context, camera, right, bottom) {
  const inside = camera.left > 40 && camera.top > 40 && right < WORLD_SIZE - 40 && bottom < WORLD_SIZE - 40;
  if (inside) return;
  context.fillStyle = "rgb(30 8 14 / 78%)";
  context.beginPath();
  context.rect(camera.left, camera.top, right - camera.left, bottom - camera.top);
  context.rect(0, 0, WORLD_SIZE, WORLD_SIZE);
  context.fill("evenodd");
  for (const [width, colour] of /** @type {[number, string][]} */ ([
    [26, "rgb(255 116 104 / 8%)"],
    [12, "rgb(255 116 104 / 14%)"],
    [3, "rgb(255 140 128 / 90%)"],
  ])) {
    context.lineWidth = width;
    context.strokeStyle = colour;
    context.strokeRect(0, 0, WORLD_SIZE, WORLD_SIZE);
  }
}

/**
 * @param {number} size
 * @returns {[HTMLCanvasElement, CanvasRenderingContext2D]}
 */
function makeCanvas(size) {
  const canvas = document.createElement("canvas");
  canvas.width = canvas.height = size;
  return [canvas, /** @type {CanvasRenderingContext2D} */ (canvas.getContext("2d"))];
}

/** Return the clouds of the whole sky, small and opaque. */
function makeNebulae() {
  const [canvas, context] = makeCanvas(CLOUD_SIZE);
  context.fillStyle = "#070a12";
  context.fillRect(0, 0, CLOUD_SIZE, CLOUD_SIZE);
  for (const [colour, x, y, size, strength] of NEBULAE) {
    const spread = size * CLOUD_SIZE;
    context.globalAlpha = strength;
    context.drawImage(glowOf(colour), x * CLOUD_SIZE - spread / 2, y * CLOUD_SIZE - spread / 2, spread, spread);
  }
  // a little noise: the slopes are so gentle that 256 shades would show as bands
  const picture = context.getImageData(0, 0, CLOUD_SIZE, CLOUD_SIZE);
  const next = scatter(4711);
  for (let i = 0; i < picture.data.length; i += 4) {
    const noise = (next() - 0.5) * 3;
    for (let channel = 0; channel < 3; channel += 1) picture.data[i + channel] += noise;
  }
  context.putImageData(picture, 0, 0);
  return canvas;
}

/**
 * @param {number} count
 * @param {number} radius
 * @param {number} brightness
 * @param {number} seed
 */
function makeStars(count, radius, brightness, seed) {
  const density = Math.min(2, window.devicePixelRatio || 1);
  const [canvas, context] = makeCanvas(TILE * density);
  context.scale(density, density);
  const next = scatter(seed * 9973);
  for (let i = 0; i < count; i += 1) {
    const tint = next();
    context.fillStyle = tint < 0.12 ? "#ffdcae" : tint < 0.26 ? "#b5d4ff" : "#ffffff";
    context.globalAlpha = brightness * (0.3 + 0.7 * next());
    context.beginPath();
    context.arc(next() * TILE, next() * TILE, radius * (0.6 + 0.6 * next()), 0, 7);
    context.fill();
  }
  return canvas;
}

/**
 * Return a picture of a rock: round where it stops ships, rough and lit from the upper left.
 * @param {number} radius
 * @param {number} seed
 */
function makeRock(radius, seed) {
  const density = 2;
  const half = radius + 4;
  const [canvas, context] = makeCanvas(Math.ceil(half * 2 * density));
  context.scale(density, density);
  context.translate(half, half);
  const next = scatter(seed * 7411);
  context.beginPath();
  const corners = Math.round(18 + radius / 8);
  for (let i = 0; i < corners; i += 1) {
    const way = (i / corners) * Math.PI * 2;
    const reach = radius * (0.965 + 0.05 * next());
    context.lineTo(Math.cos(way) * reach, Math.sin(way) * reach);
  }
  context.closePath();
  const light = context.createRadialGradient(-radius * 0.45, -radius * 0.5, radius * 0.1, 0, 0, radius * 1.1);
  light.addColorStop(0, "#55627f");
  light.addColorStop(0.55, "#343f58");
  light.addColorStop(1, "#171d2c");
  context.fillStyle = light;
  context.fill();
  context.save();
  context.clip();
  for (let i = 0; i < 5 + radius / 12; i += 1) {
    const way = next() * Math.PI * 2;
    const reach = Math.sqrt(next()) * radius * 0.85;
    const size = radius * (0.05 + 0.13 * next());
    const x = Math.cos(way) * reach;
    const y = Math.sin(way) * reach;
    context.fillStyle = "rgb(12 16 27 / 42%)";
    context.beginPath();
    context.arc(x, y, size, 0, 7);
    context.fill();
    context.strokeStyle = "rgb(170 188 224 / 16%)";
    context.lineWidth = Math.max(1.2, size * 0.14);
    context.beginPath();
    context.arc(x, y, size, 0.2, 2.4);
    context.stroke();
  }
  context.restore();
  context.strokeStyle = "rgb(165 185 225 / 38%)";
  context.lineWidth = 1.6;
  context.stroke();
  return canvas;
}
