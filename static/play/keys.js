// @ts-check
/**
 * Which key changes which field of the input. Knows the schema's input and names of keys, and nothing of a page.
 *
 * A number that goes as far below zero as above is a pair of keys: left and right when its name says so, up and down
 * when its name says so, otherwise the first pair that is free. A flag is a key of its own. Other numbers are sliders.
 */

import { isNumber } from "./plan.js";

/**
 * @typedef {import("./plan.js").FieldInfo & {default?: unknown}} InputField
 *
 * @typedef {object} KeyBinding one key, held: the field has this value
 * @property {string} field
 * @property {number | boolean} value
 * @property {string} key as `key` of a keyboard event says it, in lower case
 * @property {string} code of a second key at the place of W, A, S or D, or ""
 * @property {string} cap what is written on the button
 * @property {string} says what it does, in words
 * @property {"left" | "right" | "up" | "down" | "act"} place
 *
 * @typedef {object} Slider
 * @property {string} field
 * @property {number} min
 * @property {number} max
 * @property {number} step
 * @property {number} value
 *
 * @typedef {{keys: KeyBinding[], sliders: Slider[]}} Bindings
 */

const SIDEWAYS = /(^|_)(d|v|move_?)?x$|turn|steer|strafe|rotat|side|left|right|horizontal/i;
const UPWARDS = /(^|_)(d|v|move_?)?y$|thrust|throttle|accelerat|forward|jump|up|down|vertical/i;
/** On the screen y grows downwards; a thrust forwards is up. */
const DOWN_IS_MORE = /(^|_)(d|v|move_?)?y$|down/i;

/** W, A, S and D go with the arrows: none of these lies there on a common keyboard. */
const LETTERS = "efrcvgtbhnuijklmop";

const TURN = 2 * Math.PI;
const SLIDER_STEPS = 200;

/**
 * @param {InputField[]} fields of the schema's input
 * @returns {Bindings}
 */
export function bind(fields) {
  const pairs = fields.filter(isPair);
  const sideways = pairs.find((field) => SIDEWAYS.test(field.name)) ?? pairs.find((field) => !UPWARDS.test(field.name));
  const others = pairs.filter((field) => field !== sideways);
  const upwards = others.find((field) => UPWARDS.test(field.name)) ?? others[0];
  const flags = fields.filter((field) => field.kind === "flag");
  const keys = [
    ...(sideways ? pairOf(sideways, false, ["left", "right"]) : []),
    ...(upwards ? pairOf(upwards, !DOWN_IS_MORE.test(upwards.name), ["up", "down"]) : []),
    ...flags.slice(0, LETTERS.length + 1).map(flagKey),
  ];
  const bound = new Set(keys.map((key) => key.field));
  return { keys, sliders: fields.filter((field) => !bound.has(field.name) && field.kind !== "flag").map(sliderOf) };
}

/** @param {InputField} field */
function isPair(field) {
  return isNumber(field) && field.max !== undefined && field.max > 0 && field.max <= 128 && field.min === -field.max;
}

const ARROWS = { left: "\u2190", right: "\u2192", up: "\u2191", down: "\u2193" };
const CODES = { left: "KeyA", right: "KeyD", up: "KeyW", down: "KeyS" };

/**
 * @param {InputField} field
 * @param {boolean} firstIsMore
 * @param {("left" | "right" | "up" | "down")[]} places
 * @returns {KeyBinding[]}
 */
function pairOf(field, firstIsMore, places) {
  const most = field.max ?? 1;
  return places.map((place, index) => ({
    field: field.name,
    value: (index === 0) === firstIsMore ? most : -most,
    key: `arrow${place}`,
    code: CODES[place],
    cap: ARROWS[place],
    says: `${shown(field.name)} ${place}`,
    place,
  }));
}

/**
 * @param {InputField} field
 * @param {number} index among the flags
 * @returns {KeyBinding}
 */
function flagKey(field, index) {
  const key = index === 0 ? " " : LETTERS[index - 1];
  const cap = index === 0 ? "Space" : key.toUpperCase();
  return { field: field.name, value: true, key, code: "", cap, says: shown(field.name), place: "act" };
}

/**
 * @param {InputField} field
 * @returns {Slider}
 */
function sliderOf(field) {
  const { min, max } = field.kind === "angle" ? { min: 0, max: TURN } : { min: field.min ?? -1, max: field.max ?? 1 };
  const whole = field.kind.includes("int");
  const step = whole ? 1 : Math.max(field.step ?? 0, (max - min) / SLIDER_STEPS);
  return { field: field.name, min, max, step, value: Number(field.default ?? 0) };
}

/** A field's name in words. @param {string} name */
export function shown(name) {
  return name.replaceAll("_", " ");
}

/**
 * Return the input that a set of held keys makes: what is not held is at rest.
 *
 * @param {KeyBinding[]} keys
 * @param {ReadonlySet<KeyBinding>} held
 * @returns {Record<string, number | boolean>}
 */
export function inputOf(keys, held) {
  /** @type {Record<string, number | boolean>} */
  const input = {};
  for (const key of keys) {
    if (key.value === true) input[key.field] = held.has(key);
    else input[key.field] = Number(input[key.field] ?? 0) + (held.has(key) ? Number(key.value) : 0);
  }
  return input;
}
