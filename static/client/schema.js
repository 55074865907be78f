/**
 * Turns the schema of a welcome message into tables that the codec, the replica and the predictor walk.
 *
 * It knows the shape of a schema and trusts nothing in it: kinds, ranges, widths and names are checked, so that the
 * hot loops behind it need not. Type index 0 is the room; `types[0]` of the schema has index 1.
 */

import { LAYOUT, round } from "./fields.js";
import { ProtocolError, isObject } from "./protocol.js";

/**
 * @typedef {import("./fields.js").Field} Field
 *
 * @typedef {object} EntityType
 * @property {number} index
 * @property {string} name "" for the room
 * @property {Field[]} fields in schema order; a field's slot is its index here
 * @property {Field[]} publicFields
 * @property {Field[]} ownerFields
 *
 * @typedef {object} Schema
 * @property {EntityType[]} types by type index; 0 is the room
 * @property {Map<string, EntityType>} byName without the room
 * @property {EntityType | null} input its fields are in the order of the wire
 */

const NESTING_MAX = 4;
/** A state is a plain object with an `id`: that name, and that of its prototype, would break it. */
const NAME = /^(?!id$|__proto__$)[A-Za-z_]\w{0,63}$/;

/** @type {Record<string, number>} */
const LAYOUTS = LAYOUT;
const INTEGER = /^(u?)int(8|16|32)$/;

/** Kinds of varying width: their limit's key, and their value before anything is known. @type {Record<string, [limit: string, initial: unknown]>} */
const VARIABLE = {
  text: ["len_max", ""],
  list: ["len_max", Object.freeze([])],
  map: ["len_max", Object.freeze({})],
  json: ["bytes_max", null],
};

/** What is so of a field unless its kind says otherwise. */
const PLAIN = {
  continuous: false, layout: 0, bytes: 0, base: 0, step: 1, scale: 1, low: 0, high: 1, narrow: false, turn: 0, lengthMax: 0,
  of: /** @type {Field | null} */ (null), initial: /** @type {unknown} */ (null),
};

/**
 * @param {unknown} raw the `schema` of a welcome message
 * @returns {Schema}
 */
export function compileSchema(raw) {
  if (!isObject(raw) || !Array.isArray(raw.types)) throw new ProtocolError("schema: bad types");
  const room = isObject(raw.room) ? raw.room : { fields: [] };
  const types = [{ ...room, name: "" }, ...raw.types].map(compileType);
  const byName = new Map(types.slice(1).map((type) => [type.name, type]));
  if (byName.size !== types.length - 1) throw new ProtocolError("schema: bad types");
  return { types, byName, input: isObject(raw.input) ? compileInput(raw.input) : null };
}

/** @param {any} raw @param {number} index @returns {EntityType} */
function compileType(raw, index) {
  if (!isObject(raw) || !Array.isArray(raw.fields)) throw new ProtocolError("schema: bad fields");
  if (index > 0 && !NAME.test(String(raw.name))) throw new ProtocolError("schema: bad name");
  const fields = raw.fields.map((field, slot) => compileNamed(field, slot));
  if (new Set(fields.map(({ name }) => name)).size < fields.length) throw new ProtocolError("schema: bad fields");
  return {
    index,
    name: String(raw.name),
    fields,
    publicFields: fields.filter((field) => !field.ownerOnly),
    ownerFields: fields.filter((field) => field.ownerOnly),
  };
}

/** @param {Record<string, unknown>} raw */
function compileInput(raw) {
  const type = compileType({ ...raw, name: "input" }, 0);
  type.fields.forEach((field, slot) => {
    if (!field.bytes) throw new ProtocolError(`schema: bad input ${field.name}`);
    const initial = /** @type {any} */ (raw.fields)[slot].default;
    if (initial !== undefined) field.initial = round(field, initial);
  });
  return type;
}

/** @param {unknown} raw @param {number} slot */
function compileNamed(raw, slot) {
  if (!isObject(raw) || typeof raw.name !== "string" || !NAME.test(raw.name)) {
    throw new ProtocolError("schema: bad name");
  }
  return compileField(raw, slot, 0);
}

/** @param {Record<string, unknown>} raw @param {number} slot @param {number} depth @returns {Field} */
function compileField(raw, slot, depth) {
  const kind = String(raw.kind);
  const shape = Object.hasOwn(VARIABLE, kind) ? variable(kind, raw, depth) : number(kind, raw);
  if (!shape) throw new ProtocolError(`schema: bad ${raw.name ?? "item"}: ${kind}`);
  const field = {
    ...PLAIN, name: String(raw.name), kind, slot, ownerOnly: raw.to === "owner", predicted: raw.predict === true, layout: LAYOUTS[kind],
    ...shape,
  };
  if (field.bytes) field.initial = round(field, 0);
  return field;
}

/** @param {string} kind @param {Record<string, unknown>} raw @param {number} depth @returns {Partial<Field> | null} null: malformed */
function variable(kind, raw, depth) {
  const [limit, initial] = VARIABLE[kind];
  const length = Number(raw[limit]);
  const isNested = kind === "list" || kind === "map";
  if (!(length >= 0) || depth > NESTING_MAX || (isNested && !isObject(raw.of))) return null;
  // the limit of a text is in code points, and each takes at most four bytes
  const lengthMax = kind === "text" ? 4 * length : length;
  return { initial, lengthMax, of: isNested ? compileField(/** @type {any} */ (raw.of), 0, depth + 1) : null };
}

/** @param {string} kind @param {Record<string, unknown>} raw @returns {Partial<Field> | null} null: malformed */
function number(kind, raw) {
  const [, unsigned, bits] = INTEGER.exec(kind) ?? [];
  if (bits) {
    const cells = 2 ** Number(bits);
    const lowest = unsigned ? 0 : -cells / 2;
    const low = Math.max(lowest, numberOr(raw.min, lowest));
    const high = Math.min(lowest + cells - 1, numberOr(raw.max, Infinity));
    return { bytes: Number(bits) / 8, low, high, narrow: high - low < cells - 1 };
  }
  if (kind === "flag") return { bytes: 1, narrow: true };
  if (kind === "float32") return { bytes: 4, continuous: true };
  return kind === "fixed" || kind === "angle" ? grid(kind === "angle", raw) : null;
}

/** @param {boolean} isAngle @param {Record<string, unknown>} raw @returns {Partial<Field> | null} null: malformed */
function grid(isAngle, raw) {
  const bytes = Number(raw.bytes);
  const cells = 256 ** bytes;
  const layout = LAYOUTS[`uint${8 * bytes}`];
  const step = isAngle ? (2 * Math.PI) / cells : Number(raw.step);
  const base = isAngle ? 0 : Number(raw.min);
  const range = isAngle ? cells * step : Number(raw.max) - base;
  if (layout === undefined || !(step > 0) || !(range > 0) || !Number.isFinite(range / step)) return null;
  // 1 / step of a fixed field is a power of two or an integer: where the division is off by a last bit, mend it
  const inverse = isAngle ? cells / (2 * Math.PI) : 1 / step;
  const scale = isAngle || inverse < 1 ? inverse : Math.round(inverse);
  const high = isAngle ? cells - 1 : Math.min(cells, Math.ceil(range * scale)) - 1;
  return { layout, bytes, base, step, scale, high, narrow: high < cells - 1, turn: isAngle ? cells : 0, continuous: true };
}

/** @param {unknown} value @param {number} fallback */
function numberOr(value, fallback) {
  return Number.isFinite(value) ? /** @type {number} */ (value) : fallback;
}
