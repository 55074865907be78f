/**
 * The bytes that a value of any kind has on the wire, and the word that stands for it in the checksum.
 *
 * It knows one value at a time. A binary client reads such bytes and never writes them: its inputs are of fixed width. What
 * came as JSON is written for its hash's sake only.
 */

import { LAYOUT, hashBytes, quantise } from "./fields.js";
import { ProtocolError } from "./protocol.js";

/** @typedef {import("./fields.js").Field} Field */

const JSON_DEPTH_MAX = 32;

const utf8Encoder = new TextEncoder();

/** Little-endian bytes that grow. */
export class ByteWriter {
  #bytes = new Uint8Array(64);
  #view = new DataView(this.#bytes.buffer);
  length = 0;

  /** @param {number} count @returns {number} the offset where the next `count` bytes start */
  #grow(count) {
    const start = this.length;
    this.length += count;
    if (this.length > this.#bytes.length) {
      const larger = new Uint8Array(2 * this.length);
      larger.set(this.#bytes);
      this.#bytes = larger;
      this.#view = new DataView(larger.buffer);
    }
    return start;
  }

  /** @param {number} value @param {number} [bytes] 1, 2 or 4; negative values go out in two's complement */
  uint(value, bytes = 1) {
    const start = this.#grow(bytes);
    if (bytes === 1) this.#view.setUint8(start, value);
    else if (bytes === 2) this.#view.setUint16(start, value, true);
    else this.#view.setUint32(start, value, true);
  }

  /** @param {number} value */
  float64(value) {
    this.#view.setFloat64(this.#grow(8), value, true);
  }

  /** @param {number} value */
  varint(value) {
    while (value > 127) {
      this.uint((value % 128) + 128);
      value = Math.floor(value / 128);
    }
    this.uint(value);
  }

  /** @param {Uint8Array} bytes */
  raw(bytes) {
    const start = this.#grow(bytes.length);
    this.#bytes.set(bytes, start);
  }

  /** The bytes so far, as a copy that a socket may keep. */
  finish() {
    return this.#bytes.slice(0, this.length);
  }
}

/**
 * Write one value of any kind, as the server does.
 *
 * @param {Field} field
 * @param {any} value
 * @param {ByteWriter} writer
 */
export function writeValue(field, value, writer) {
  if (field.bytes) writer.uint(quantise(field, value), field.bytes);
  else if (field.layout === LAYOUT.text) writeText(value, writer);
  else if (field.layout === LAYOUT.json) writeText(canonicalJson(value, 0), writer);
  else if (field.layout === LAYOUT.list) {
    writer.varint(value.length);
    for (const item of value) writeValue(/** @type {Field} */ (field.of), item, writer);
  } else {
    const keys = Object.keys(value).sort(byCodePoint);
    writer.varint(keys.length);
    for (const key of keys) {
      writeText(key, writer);
      writeValue(/** @type {Field} */ (field.of), value[key], writer);
    }
  }
}

/** @param {string} text @param {ByteWriter} writer */
function writeText(text, writer) {
  const bytes = utf8Encoder.encode(text);
  writer.varint(bytes.length);
  writer.raw(bytes);
}

/** JSON with sorted keys and no spaces. @param {any} value @param {number} depth @returns {string} */
function canonicalJson(value, depth) {
  if (depth > JSON_DEPTH_MAX) throw new ProtocolError("a json value is nested too deep");
  if (Array.isArray(value)) return `[${value.map((item) => canonicalJson(item, depth + 1)).join()}]`;
  if (typeof value !== "object" || value === null) return JSON.stringify(value);
  const keys = Object.keys(value).sort(byCodePoint);
  return `{${keys.map((key) => `${JSON.stringify(key)}:${canonicalJson(value[key], depth + 1)}`).join()}}`;
}

/** The order of code points; that of UTF-16 units differs past U+FFFF. @param {string} a @param {string} b */
function byCodePoint(a, b) {
  let i = 0;
  while (i < a.length && a[i] === b[i]) i++;
  if (i > 0 && a.charCodeAt(i - 1) >> 10 === 0x36) i--; // back to the start of a surrogate pair
  return (a.codePointAt(i) ?? -1) - (b.codePointAt(i) ?? -1);
}

/**
 * The word of a value that came as JSON: its q, or the hash of the bytes it would have on the wire.
 *
 * @param {Field} field
 * @param {any} value
 */
export function wordOf(field, value) {
  if (field.bytes) return quantise(field, value) >>> 0;
  const writer = new ByteWriter();
  writeValue(field, value, writer);
  return hashBytes(writer.finish(), 0, writer.length);
}
