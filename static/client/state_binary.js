/**
 * Reads the body of a binary state message into groups of columns.
 *
 * It knows the layout of a body and the compiled schema, and not what the client holds: a message is read to its end
 * and checked before anything is applied. No id or value is trusted further than its bytes go.
 *
 *     body    groups until the end
 *     group   head (low 2 bits op, high 6 type index), then
 *             update: mask, ids, rows    spawn: ids, rows    despawn, own: ids
 *     ids     varint count * 4 + mode; varint first; then by mode nothing or count offsets of 1, 2 or 4 bytes
 */

import { hashBytes, readColumn, readValue } from "./fields.js";
import { OP, ProtocolError } from "./protocol.js";

/**
 * @typedef {import("./schema.js").EntityType} EntityType
 * @typedef {import("./schema.js").Field} Field
 * @typedef {import("./bytes.js").ByteReader} ByteReader
 *
 * Rows of one type with the same fields, column by column. For despawn and own, `fields` is empty; their type is
 * informative only.
 *
 * @typedef {object} Group
 * @property {number} op one of OP
 * @property {EntityType} type
 * @property {Uint32Array} ids of the room: [0]
 * @property {Field[]} fields
 * @property {Uint32Array[]} words per field and row
 * @property {(Float64Array | unknown[])[]} values per field and row
 */

/** Consecutive ids cost no bytes, so that their number needs a bound of its own. */
const IDS_MAX = 1 << 17;

/** @type {Field[]} */
const NO_FIELDS = [];
const ROOM_IDS = new Uint32Array(1);

/**
 * @param {ByteReader} reader
 * @param {import("./schema.js").Schema} schema
 * @returns {Group[]}
 */
export function readBody(reader, schema) {
  const groups = [];
  let idsLeft = IDS_MAX;
  while (reader.left > 0) {
    const group = readGroup(reader, schema, idsLeft);
    idsLeft -= group.ids.length;
    groups.push(group);
  }
  return groups;
}

/** @param {ByteReader} reader @param {import("./schema.js").Schema} schema @param {number} idsMax @returns {Group} */
function readGroup(reader, schema, idsMax) {
  const head = reader.uint8();
  const op = head & 3;
  const type = schema.types[head >> 2];
  if (!type) throw new ProtocolError("unknown type");
  const fields = op === OP.update ? readMask(reader, type) : op === OP.spawn ? type.publicFields : NO_FIELDS;
  const isRoom = type.index === 0 && op <= OP.spawn;
  const ids = isRoom ? ROOM_IDS : readIds(reader, idsMax);
  /** @type {Group} */
  const group = { op, type, ids, fields, words: [], values: [] };
  readRows(reader, group);
  return group;
}

/** @param {ByteReader} reader @param {EntityType} type */
function readMask(reader, type) {
  const length = type.fields.length;
  const start = reader.take((length + 7) >> 3);
  const fields = [];
  for (let slot = 0; slot < length; slot++) {
    if (reader.bytes[start + (slot >> 3)] & (1 << (slot & 7))) fields.push(type.fields[slot]);
  }
  if (fields.length === 0 || (length & 7 && reader.bytes[reader.offset - 1] >> (length & 7))) {
    throw new ProtocolError("bad mask");
  }
  return fields;
}

/** @param {ByteReader} reader @param {number} idsMax */
function readIds(reader, idsMax) {
  const head = reader.varint();
  const mode = head & 3;
  const count = Math.floor(head / 4);
  const first = reader.varint();
  if (count === 0 || count > idsMax) throw new ProtocolError("bad ids");
  const width = mode === 3 ? 4 : mode;
  const start = reader.take(count * width);
  const ids = new Uint32Array(count);
  const { view } = reader;
  let last = 0; // ids are above 0, which is the room's
  for (let i = 0; i < count; i++) {
    const at = start + i * width;
    const offset = mode === 0 ? i : mode === 1 ? view.getUint8(at) : mode === 2 ? view.getUint16(at, true) : view.getUint32(at, true);
    const id = first + offset;
    if (id <= last || id > 0xffffffff) throw new ProtocolError("bad ids");
    ids[i] = last = id;
  }
  return ids;
}

/** @param {ByteReader} reader @param {Group} group */
function readRows(reader, group) {
  const { fields, ids, words, values } = group;
  const count = ids.length;
  let stride = 0;
  let fixed = true;
  for (const field of fields) {
    stride += field.bytes || 1; // a field of varying width takes at least one byte
    if (!field.bytes) fixed = false;
  }
  if (stride * count > reader.left) throw new ProtocolError("frame too short");
  for (const field of fields) {
    words.push(new Uint32Array(count));
    values.push(field.bytes && field.kind !== "flag" ? new Float64Array(count) : new Array(count));
  }
  if (fixed) readFixedRows(reader, group, stride);
  else for (let row = 0; row < count; row++) readMixedRow(reader, group, row);
}

/** Field by field, so that each inner loop reads one layout. @param {ByteReader} reader @param {Group} group @param {number} stride */
function readFixedRows(reader, group, stride) {
  const { fields, ids, words, values } = group;
  let offset = reader.take(stride * ids.length);
  for (let i = 0; i < fields.length; i++) {
    readColumn(fields[i], reader.view, offset, stride, 0, ids.length, words[i], values[i]);
    offset += fields[i].bytes;
  }
}

/** @param {ByteReader} reader @param {Group} group @param {number} row */
function readMixedRow(reader, group, row) {
  const { fields, words, values } = group;
  for (let i = 0; i < fields.length; i++) {
    const field = fields[i];
    const start = reader.offset;
    if (field.bytes) {
      readColumn(field, reader.view, reader.take(field.bytes), 0, row, 1, words[i], values[i]);
    } else {
      values[i][row] = readValue(field, reader);
      words[i][row] = hashBytes(reader.bytes, start, reader.offset);
    }
  }
}
