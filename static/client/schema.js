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

const TYPES_MAX = 63;
const FIELDS_MAX = 256;
const NESTING_MAX = 4;
const NAME = /^[A-Za-z_]\w{0,63}$/;

/** A state is a plain object with an `id`; these names would break it. */
const RESERVED = new Set(["id", "__proto__"]);

/** @type {Record<string, number>} */
const LAYOUTS = LAYOUT;
const INTEGER = /^(u?)int(8|16|32)$/;

/** @type {Record<string, [layout: number, limit: string, initial: unknown]>} */
const VARIABLE = {
  text: [LAYOUT.text, "len_max", ""],
  list: [LAYOUT.list, "len_max", Object.freeze([])],
  map: [LAYOUT.map, "len_max", Object.freeze({})],
  json: [LAYOUT.json, "bytes_max", null],
};

/**
 * @param {unknown} raw the `schema` of a welcome message
 * @returns {Schema}
 */
export function compileSchema(raw) {
  if (!isObject(raw) || !Array.isArray(raw.types) || raw.types.length > TYPES_MAX) {
    throw new ProtocolError("the schema has no types, or too many");
  }
  const room = isObject(raw.room) ? raw.room : { fields: [] };
  const types = [{ ...room, name: "" }, ...raw.types].map(compileType);
  const byName = new Map(types.slice(1).map((type) => [type.name, type]));
  if (byName.size !== types.length - 1) throw new ProtocolError("two types have one name");
  return { types, byName, input: isObject(raw.input) ? compileInput(raw.input) : null };
}

/** @param {any} raw @param {number} index @returns {EntityType} */
function compileType(raw, index) {
  if (!isObject(raw) || !Array.isArray(raw.fields) || raw.fields.length > FIELDS_MAX) {
    throw new ProtocolError("a type has no fields, or too many");
  }
  if (index > 0 && !NAME.test(String(raw.name))) throw new ProtocolError("a type has a bad name");
  const fields = raw.fields.map((field, slot) => compileNamed(field, slot));
  if (new Set(fields.map((field) => field.name)).size !== fields.length) {
    throw new ProtocolError(`two fields of ${raw.name} have one name`);
  }
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
    if (!field.bytes) throw new ProtocolError(`the input field ${field.name} is not of fixed width`);
    const initial = /** @type {any} */ (raw.fields)[slot].default;
    if (initial !== undefined) field.initial = round(field, initial);
  });
  return type;
}

/** @param {unknown} raw @param {number} slot */
function compileNamed(raw, slot) {
  if (!isObject(raw) || typeof raw.name !== "string" || !NAME.test(raw.name) || RESERVED.has(raw.name)) {
    throw new ProtocolError("a field has a bad name");
  }
  return compileField(raw, slot, 0);
}

/** @param {Record<string, unknown>} raw @param {number} slot @param {number} depth @returns {Field} */
function compileField(raw, slot, depth) {
  const kind = String(raw.kind);
  const field = {
    name: String(raw.name ?? "an item"), kind, slot, ownerOnly: raw.to === "owner", predicted: raw.predict === true,
    continuous: false, layout: LAYOUT.flag, bytes: 1, base: 0, step: 1, scale: 1, low: 0, high: 1, narrow: true, turn: 0, lengthMax: 0,
    of: /** @type {Field | null} */ (null), initial: /** @type {unknown} */ (false),
  };
  if (Object.hasOwn(VARIABLE, kind)) compileVariable(field, raw, depth);
  else if (kind !== "flag") compileNumber(field, raw);
  return field;
}

/** @param {Field} field @param {Record<string, unknown>} raw @param {number} depth */
function compileVariable(field, raw, depth) {
  const [layout, limit, initial] = VARIABLE[field.kind];
  const length = Number(raw[limit]);
  if (!(length >= 0) || depth > NESTING_MAX) throw new ProtocolError(`${field.name} has no ${limit}`);
  // the limit of a text is in code points, and each takes at most four bytes
  Object.assign(field, { layout, bytes: 0, initial, lengthMax: layout === LAYOUT.text ? 4 * length : length });
  if (layout === LAYOUT.list || layout === LAYOUT.map) {
    if (!isObject(raw.of)) throw new ProtocolError(`${field.name} does not say of what`);
    field.of = compileField(raw.of, 0, depth + 1);
  }
}

/** @param {Field} field @param {Record<string, unknown>} raw */
function compileNumber(field, raw) {
  const { kind } = field;
  const [, unsigned, bits] = INTEGER.exec(kind) ?? [];
  if (bits) {
    const cells = 2 ** Number(bits);
    const low = unsigned ? 0 : -cells / 2;
    const high = low + cells - 1;
    Object.assign(field, { layout: LAYOUTS[kind], bytes: Number(bits) / 8 });
    Object.assign(field, { low: Math.max(low, numberOr(raw.min, low)), high: Math.min(high, numberOr(raw.max, high)) });
    field.narrow = field.low > low || field.high < high;
  } else if (kind === "float32") {
    Object.assign(field, { layout: LAYOUT.float32, bytes: 4, narrow: false, continuous: true });
  } else if (kind === "fixed" || kind === "angle") {
    compileGrid(field, raw);
  } else {
    throw new ProtocolError(`${field.name} has an unknown kind`);
  }
  field.initial = round(field, 0);
}

/** @param {Field} field @param {Record<string, unknown>} raw */
function compileGrid(field, raw) {
  const bytes = Number(raw.bytes);
  const cells = 256 ** bytes;
  const isAngle = field.kind === "angle";
  const step = isAngle ? (2 * Math.PI) / cells : Number(raw.step);
  const base = isAngle ? 0 : Number(raw.min);
  const range = isAngle ? cells * step : Number(raw.max) - base;
  const layout = LAYOUTS[`uint${8 * bytes}`];
  if (layout === undefined || !(step > 0) || !(range > 0) || !Number.isFinite(range / step)) {
    throw new ProtocolError(`${field.name} has a bad range, step or width`);
  }
  // 1 / step of a fixed field is a power of two or an integer: where the division is off by a last bit, mend it
  const inverse = isAngle ? cells / (2 * Math.PI) : 1 / step;
  const scale = isAngle || inverse < 1 ? inverse : Math.round(inverse);
  const high = isAngle ? cells - 1 : Math.min(cells, Math.ceil(range * scale)) - 1;
  Object.assign(field, { layout, bytes, base, step, scale, high, narrow: high < cells - 1 });
  Object.assign(field, { turn: isAngle ? cells : 0, continuous: true });
}

/** @param {unknown} value @param {number} fallback */
function numberOr(value, fallback) {
  return typeof value === "number" && Number.isFinite(value) ? value : fallback;
}
