/**
 * Reading and writing little-endian bytes: a reader that never passes its end, and a writer that grows.
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
    this.end = this.bytes.byteLength;
  }

  get left() {
    return this.end - this.offset;
  }

  /**
   * Claim the next `count` bytes.
   *
   * @param {number} count
   * @returns {number} the offset where they start
   */
  take(count) {
    const start = this.offset;
    if (count > this.end - start) throw new ProtocolError("a frame ends too early");
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
      if (byte < 128) {
        if (value > 0xffffffff) break;
        return value;
      }
    }
    throw new ProtocolError("a varint is too long");
  }
}

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
