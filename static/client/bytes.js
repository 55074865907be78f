/**
 * Reading and writing little-endian bytes: a reader that never passes its end, and numbers packed in a row.
 *
 * They know bytes and varints and nothing of fields or messages. A read past the end throws ProtocolError.
 */

import { ProtocolError } from "./protocol.js";

export class ByteReader {
  /** @param {ArrayBuffer | Uint8Array} data */
  constructor(data) {
    this.bytes = data instanceof Uint8Array ? data : new Uint8Array(data);
    this.view = new DataView(this.bytes.buffer, this.bytes.byteOffset, this.bytes.byteLength);
    this.offset = 0;
  }

  get left() {
    return this.bytes.length - this.offset;
  }

  /**
   * Claim the next `count` bytes.
   *
   * @param {number} count
   * @returns {number} the offset where they start
   */
  take(count) {
    const start = this.offset;
    if (count > this.left) throw new ProtocolError("frame too short");
    this.offset = start + count;
    return start;
  }

  uint8() {
    return this.bytes[this.take(1)];
  }

  uint32() {
    return this.view.getUint32(this.take(4), true);
  }

  float64() {
    return this.view.getFloat64(this.take(8), true);
  }

  /** Unsigned LEB128 of at most five bytes, at most 2^32 - 1. */
  varint() {
    let value = 0;
    for (let factor = 1; factor <= 0x10000000; factor *= 128) {
      const byte = this.uint8();
      value += (byte & 127) * factor; // not a shift: the fifth byte reaches past the 31 bits of one
      if (byte < 128 && value <= 0xffffffff) return value;
    }
    throw new ProtocolError("varint too long");
  }
}

/**
 * Put numbers one behind the other, little-endian.
 *
 * @param {[value: number, width: number][]} parts width 8: as float64; else an integer, negative ones in two's complement
 */
export function pack(parts) {
  const bytes = new Uint8Array(parts.reduce((sum, [, width]) => sum + width, 0));
  const view = new DataView(bytes.buffer);
  let at = 0;
  for (const [value, width] of parts) {
    if (width === 8) view.setFloat64(at, value, true);
    else for (let i = 0; i < width; i++) bytes[at + i] = value >>> (8 * i);
    at += width;
  }
  return bytes;
}
