/**
 * The wire types of a field: quantise, dequantise, read, and the hash that stands for a value in the checksum.
 *
 * It knows one value at a time, or one column of the same field in many rows, and nothing of entities or messages.
 * Every numeric kind comes down to `base + q * step` over a raw integer, so one loop a raw layout reads them all.
 * q is exact in every language; that is why equality, checksum and prediction go by q and not by the value.
 */

import { ProtocolError, parseJson } from "./protocol.js";

/** How a value lies on the wire. */
export const LAYOUT = {
  uint8: 0, uint16: 1, uint32: 2, int8: 3, int16: 4, int32: 5, float32: 6, flag: 7,
  text: 8, list: 9, map: 10, json: 11,
};

/**
 * One field, compiled from the schema.
 *
 * @typedef {object} Field
 * @property {string} name
 * @property {string} kind as the schema says
 * @property {number} slot its place in the schema's order
 * @property {boolean} ownerOnly
 * @property {boolean} predicted rounded to the wire's grid after each step, on both sides
 * @property {boolean} continuous drawn between two values; the others jump
 * @property {number} layout one of LAYOUT
 * @property {number} bytes width on the wire; 0 when it varies
 * @property {number} base value of q = 0
 * @property {number} step
 * @property {number} scale 1 / step, exact
 * @property {number} low lowest q
 * @property {number} high highest q
 * @property {boolean} narrow not every raw integer of its width is in range
 * @property {number} turn how many q make a full circle; 0 when it is no angle
 * @property {number} lengthMax items of a list or map, bytes of a text or json
 * @property {Field | null} of the items of a list or map
 * @property {unknown} initial value before anything is known
 */

const FLOAT32_MAX = 3.4028234663852886e38;
const ANGLE_MAX = 1e9; // beyond, a turn is lost in the last bits; the server takes 0 as well

const scratch = new DataView(new ArrayBuffer(4));
const utf8Decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

/**
 * The integer that stands for a numeric value or flag on the wire. Out of range is clamped, NaN counts as 0.
 *
 * @param {Field} field
 * @param {any} value
 * @returns {number} q; negative only for signed kinds
 */
export function quantise(field, value) {
  if (field.layout === LAYOUT.flag) return value ? 1 : 0;
  value = Number(value);
  if (Number.isNaN(value)) value = 0;
  if (field.layout === LAYOUT.float32) {
    scratch.setFloat32(0, Math.min(FLOAT32_MAX, Math.max(-FLOAT32_MAX, value)));
    return scratch.getUint32(0);
  }
  if (field.turn) {
    if (Math.abs(value) > ANGLE_MAX) return 0;
    const q = Math.floor(value * field.scale + 0.5) % field.turn;
    return q < 0 ? q + field.turn : q + 0; // + 0 makes a -0 plain
  }
  const q = field.continuous ? Math.floor((value - field.base) * field.scale + 0.5) : Math.trunc(value);
  return Math.min(field.high, Math.max(field.low, q)) + 0;
}

/**
 * @param {Field} field
 * @param {number} q
 * @returns {number | boolean}
 */
export function dequantise(field, q) {
  if (field.layout === LAYOUT.flag) return q !== 0;
  if (field.layout === LAYOUT.float32) {
    scratch.setUint32(0, q);
    return scratch.getFloat32(0);
  }
  return field.base + q * field.step;
}

/**
 * Round a value to what the wire can carry.
 *
 * @param {Field} field of fixed width
 * @param {any} value
 */
export function round(field, value) {
  return dequantise(field, quantise(field, value));
}

/**
 * Read one field of `count` rows that lie `stride` bytes apart; the caller has checked that they are there.
 *
 * @param {Field} field of fixed width
 * @param {DataView} view
 * @param {number} offset of the field in the first row
 * @param {number} stride
 * @param {number} start index of the first row in words and values
 * @param {number} count
 * @param {Uint32Array} words takes the q of each row
 * @param {Float64Array | unknown[]} values
 */
export function readColumn(field, view, offset, stride, start, count, words, values) {
  const { base, step } = field;
  const end = start + count;
  switch (field.layout) {
    case LAYOUT.uint8:
      for (let i = start; i < end; i++, offset += stride) values[i] = base + (words[i] = view.getUint8(offset)) * step;
      break;
    case LAYOUT.uint16:
      for (let i = start; i < end; i++, offset += stride) values[i] = base + (words[i] = view.getUint16(offset, true)) * step;
      break;
    case LAYOUT.uint32:
      for (let i = start; i < end; i++, offset += stride) values[i] = base + (words[i] = view.getUint32(offset, true)) * step;
      break;
    case LAYOUT.int8:
      for (let i = start; i < end; i++, offset += stride) values[i] = words[i] = view.getInt8(offset);
      break;
    case LAYOUT.int16:
      for (let i = start; i < end; i++, offset += stride) values[i] = words[i] = view.getInt16(offset, true);
      break;
    case LAYOUT.int32:
      for (let i = start; i < end; i++, offset += stride) values[i] = words[i] = view.getInt32(offset, true);
      break;
    case LAYOUT.float32:
      readFloats(view, offset, stride, start, end, words, values);
      break;
    default:
      for (let i = start; i < end; i++, offset += stride) values[i] = (words[i] = view.getUint8(offset)) === 1;
  }
  if (field.narrow) checkRange(field, start, end, words);
}

/** @param {Field} field @param {number} start @param {number} end @param {Uint32Array} words */
function checkRange(field, start, end, words) {
  const { low, high, name } = field;
  for (let i = start; i < end; i++) {
    const q = low < 0 ? words[i] | 0 : words[i];
    if (q < low || q > high) throw new ProtocolError(`${name} out of range`);
  }
}

/**
 * @param {DataView} view @param {number} offset @param {number} stride @param {number} start @param {number} end
 * @param {Uint32Array} words @param {Float64Array | unknown[]} values
 */
function readFloats(view, offset, stride, start, end, words, values) {
  for (let i = start; i < end; i++, offset += stride) {
    const value = view.getFloat32(offset, true);
    if (value - value !== 0) throw new ProtocolError("float32 not finite");
    words[i] = view.getUint32(offset, true);
    values[i] = value;
  }
}

/**
 * Read one value of any kind.
 *
 * @param {Field} field
 * @param {import("./bytes.js").ByteReader} reader
 * @returns {unknown}
 */
export function readValue(field, reader) {
  if (field.bytes) {
    const words = new Uint32Array(1);
    const values = [0];
    readColumn(field, reader.view, reader.take(field.bytes), 0, 0, 1, words, values);
    return values[0];
  }
  if (field.layout === LAYOUT.text) return readText(field.lengthMax, reader);
  if (field.layout === LAYOUT.json) return parseJson(readText(field.lengthMax, reader));
  const count = reader.varint();
  if (count > field.lengthMax || count > reader.left) throw new ProtocolError(`${field.name} too long`);
  const item = /** @type {Field} */ (field.of);
  if (field.layout === LAYOUT.list) return Array.from({ length: count }, () => readValue(item, reader));
  // fromEntries defines own properties: a key named __proto__ is only a key
  return Object.fromEntries(
    Array.from({ length: count }, () => [readText(reader.left, reader), readValue(item, reader)]),
  );
}

/** @param {number} bytesMax @param {import("./bytes.js").ByteReader} reader */
function readText(bytesMax, reader) {
  const length = reader.varint();
  if (length > bytesMax) throw new ProtocolError("text too long");
  const start = reader.take(length);
  try {
    return utf8Decoder.decode(reader.bytes.subarray(start, start + length));
  } catch {
    throw new ProtocolError("text not UTF-8");
  }
}

/**
 * 32-bit FNV-1a.
 *
 * @param {Uint8Array} bytes
 * @param {number} start
 * @param {number} end
 */
export function hashBytes(bytes, start, end) {
  let hash = 0x811c9dc5;
  for (let i = start; i < end; i++) hash = Math.imul(hash ^ bytes[i], 0x01000193);
  return hash >>> 0;
}
