// @ts-check
/** The colours of the arena, and sprites made of them once. */

export const SELF = "#ffb648";
export const PICKUP_COLOURS = ["#5fe3a1", "#b79cff", "#5fd0ff"];
export const PICKUP_NAMES = ["Repair", "Rapid fire", "Shield"];

/** Ships of others: told apart by hue, none near the own amber. */
const OTHERS = ["#ff7468", "#5fd0ff", "#b79cff", "#5fe3a1", "#ff8fc7", "#86a8ff", "#4fd8c8", "#e58bff", "#c3e36b", "#ff9d7d"];

/**
 * Return the colour of a player.
 * @param {number} playerId
 * @param {number | null} meId
 */
export function colourOf(playerId, meId) {
  return playerId === meId ? SELF : OTHERS[playerId % OTHERS.length];
}

/**
 * Return a colour with an opacity.
 * @param {string} hex "#rrggbb"
 * @param {number} alpha
 */
export function faded(hex, alpha) {
  const number = Number.parseInt(hex.slice(1), 16);
  return `rgb(${number >> 16} ${(number >> 8) & 255} ${number & 255} / ${alpha})`;
}

/** @type {Map<string, HTMLCanvasElement>} */
const glows = new Map();

/**
 * Return a soft round light, 128 pixels across, made once a colour: far cheaper than a shadow at each draw.
 * @param {string} colour
 */
export function glowOf(colour) {
  const known = glows.get(colour);
  if (known) return known;
  const canvas = document.createElement("canvas");
  canvas.width = canvas.height = 128;
  const context = /** @type {CanvasRenderingContext2D} */ (canvas.getContext("2d"));
  const light = context.createRadialGradient(64, 64, 0, 64, 64, 64);
  light.addColorStop(0, faded(colour, 0.9));
  light.addColorStop(0.25, faded(colour, 0.38));
  light.addColorStop(1, faded(colour, 0));
  context.fillStyle = light;
  context.fillRect(0, 0, 128, 128);
  glows.set(colour, canvas);
  return canvas;
}

/**
 * Return a small generator of numbers from 0 to 1 for decoration that must look the same at every visit.
 * @param {number} seed
 */
export function scatter(seed) {
  let state = seed >>> 0;
  return () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state / 4294967296;
  };
}
