/**
 * Reads the body of a JSON state message into the same groups of columns as the binary one.
 *
 * It knows the layout of a JSON body and the compiled schema. Values are rounded to the wire's grid as they come in, so
 * that both codecs leave the same numbers and the same words. One group an entity: this codec is for hands, not speed.
 */

import { LAYOUT, dequantise, quantise } from "./fields.js";
import { OP, ProtocolError, isCount, isObject } from "./protocol.js";
import { wordOf } from "./written.js";

/**
 * @typedef {import("./schema.js").EntityType} EntityType
 * @typedef {import("./schema.js").Schema} Schema
 * @typedef {import("./schema.js").Field} Field
 * @typedef {import("./state_binary.js").Group} Group
 */

/**
 * @param {Record<string, unknown>} message a full or delta
 * @param {Schema} schema
 * @returns {Group[]}
 */
export function readJsonBody(message, schema) {
  const room = schema.types[0];
  const groups = [];
  if (message.despawn !== undefined) groups.push(idsGroup(OP.despawn, message.despawn, room));
  if (message.room !== undefined) groups.push(rowGroup(OP.update, room, 0, message.room));
  for (const [key, op] of /** @type {const} */ ([["spawn", OP.spawn], ["update", OP.update]])) {
    for (const [name, rows] of entriesOf(message[key] ?? {})) {
      const type = schema.byName.get(name);
      if (!type) throw new ProtocolError("an entity of an unknown type");
      for (const [id, row] of entriesOf(rows)) groups.push(rowGroup(op, type, parseId(Number(id)), row));
    }
  }
  if (message.own !== undefined) groups.push(idsGroup(OP.own, message.own, room));
  return groups;
}

/** @param {unknown} value */
function entriesOf(value) {
  if (!isObject(value)) throw new ProtocolError("a part of a state message is not an object");
  return Object.entries(value);
}

/** @param {unknown} id */
function parseId(id) {
  if (!isCount(id) || id === 0) throw new ProtocolError("an id is not one");
  return id;
}

/** @param {number} op @param {unknown} ids @param {EntityType} type @returns {Group} */
function idsGroup(op, ids, type) {
  if (!Array.isArray(ids)) throw new ProtocolError("a list of ids is not one");
  return { op, type, ids: Uint32Array.from(ids, parseId), fields: [], words: [], values: [] };
}

/** @param {number} op @param {EntityType} type @param {number} id @param {unknown} row @returns {Group} */
function rowGroup(op, type, id, row) {
  /** @type {Group} */
  const group = { op, type, ids: Uint32Array.of(id), fields: [], words: [], values: [] };
  for (const [name, given] of entriesOf(row)) {
    const field = type.fields.find((candidate) => candidate.name === name);
    if (!field) throw new ProtocolError("a row has an unknown field");
    const value = checked(field, given);
    group.fields.push(field);
    group.words.push(Uint32Array.of(wordOf(field, value)));
    group.values.push([field.bytes ? dequantise(field, quantise(field, value)) : value]);
  }
  return group;
}

/** @param {Field} field @param {any} value @returns {any} the value, when it is of the field's type */
function checked(field, value) {
  const { layout, of } = field;
  let good = layout === LAYOUT.json || Number.isFinite(value);
  if (layout === LAYOUT.flag) good = typeof value === "boolean";
  else if (layout === LAYOUT.text) good = typeof value === "string";
  else if (of) good = layout === LAYOUT.list ? Array.isArray(value) : isObject(value);
  if (!good) throw new ProtocolError(`${field.name} has a value of the wrong type`);
  if (of) for (const item of Object.values(value)) checked(of, item);
  return value;
}
