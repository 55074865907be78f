// @ts-check
/**
 * What a schema says of how things look: which types have a place, what they are called, where they point, how far the
 * world goes. Knows the schema of a welcome message and nothing of a canvas, so that Node can test it.
 */

/**
 * @typedef {{name: string, kind: string, to: string, min?: number, max?: number, step?: number}} FieldInfo
 * @typedef {{name: string, fields: FieldInfo[]}} TypeInfo
 * @typedef {{room: {fields: FieldInfo[]}, types: TypeInfo[], input: {fields: (FieldInfo & {default?: unknown})[]}}} SchemaInfo
 *
 * @typedef {object} Range
 * @property {number} min
 * @property {number} max
 *
 * @typedef {object} TypePlan
 * @property {string} name
 * @property {number} index from 0
 * @property {string | null} label field that names one of them
 * @property {string | null} angle field that says where it points
 * @property {string | null} size field with its radius, in the world's units
 * @property {string | null} score field to rank them by
 *
 * @typedef {object} Plan
 * @property {TypePlan[]} drawn types with a place, those without a label first, so that players are on top
 * @property {TypePlan[]} ranked types that have a name and a score
 * @property {Range | null} x declared range; null when some type declares none
 * @property {Range | null} y
 */

const LABELS = ["name", "label", "title", "nick"];
const SIZES = ["radius", "size"];
const SCORES = ["score", "points", "coins", "kills"];

/**
 * @param {SchemaInfo} schema
 * @returns {Plan}
 */
export function planOf(schema) {
  const placed = schema.types.filter((type) => ["x", "y"].every((axis) => placeField(type, axis)));
  const plans = schema.types.map(planType);
  const drawn = plans.filter((plan) => placed.some((type) => type.name === plan.name));
  return {
    drawn: drawn.sort((a, b) => Number(a.label !== null) - Number(b.label !== null) || b.index - a.index),
    ranked: plans.filter((plan) => plan.label !== null && plan.score !== null),
    x: rangeOf(placed, "x"),
    y: rangeOf(placed, "y"),
  };
}

/**
 * @param {TypeInfo} type
 * @param {number} index
 * @returns {TypePlan}
 */
function planType(type, index) {
  const named = (/** @type {string[]} */ names, /** @type {(field: FieldInfo) => boolean} */ fits) =>
    names.find((name) => type.fields.some((field) => field.name === name && fits(field))) ?? null;
  const first = (/** @type {string} */ kind) => type.fields.find((field) => field.kind === kind)?.name ?? null;
  return {
    name: type.name,
    index,
    label: named(LABELS, (field) => field.kind === "text") ?? first("text"),
    angle: first("angle"),
    size: named(SIZES, isNumber),
    score: named(SCORES, isNumber),
  };
}

/** @param {FieldInfo} field */
export function isNumber(field) {
  return /^(u?int|float|fixed)/.test(field.kind);
}

/**
 * @param {TypeInfo} type
 * @param {string} axis
 */
function placeField(type, axis) {
  return type.fields.find((field) => field.name === axis && isNumber(field));
}

/**
 * Return what all types together may reach along an axis.
 *
 * @param {TypeInfo[]} types
 * @param {string} axis
 * @returns {Range | null}
 */
function rangeOf(types, axis) {
  const range = { min: Infinity, max: -Infinity };
  for (const type of types) {
    const field = placeField(type, axis);
    if (field?.min === undefined || field.max === undefined) continue;
    range.min = Math.min(range.min, field.min);
    range.max = Math.max(range.max, field.max);
  }
  return range.max > range.min && isNarrow(range) ? range : null;
}

/** The whole range of an integer type is no range that a game plays in. @param {Range} range */
function isNarrow({ min, max }) {
  return max - min < 65_535;
}
