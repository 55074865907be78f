/**
 * The newest state of the world as the server has told it: entities by id, the room, what this seat owns.
 *
 * It knows the compiled schema and decoded messages, and nothing of frames, time or drawing. Each entity is a plain
 * object that the game reads, kept for as long as the entity lives; beside it stand the words (quantised values), from
 * which the checksum is computed when one is asked for. `apply` returns what changed rather than calling back.
 */

import { OP, ProtocolError } from "./protocol.js";

/**
 * @typedef {import("./schema.js").EntityType} EntityType
 * @typedef {import("./schema.js").Schema} Schema
 * @typedef {import("./state_binary.js").Group} Group
 * @typedef {import("./codec.js").StateMessage} StateMessage
 *
 * What a game reads: `id` and the fields of its type.
 * @typedef {{ readonly id: number } & Record<string, any>} State
 *
 * @typedef {object} Row
 * @property {number} id
 * @property {EntityType} type
 * @property {State} state
 * @property {Uint32Array} words by slot
 *
 * @typedef {object} Changes
 * @property {Row[]} despawn
 * @property {Row[]} spawn
 * @property {Row[]} update an entity stands here once a group that names it
 */

const OWNER_HASH = 0x80000000;

/** More would fill a page's memory: ids that follow one another cost a hostile server no bytes. */
export const ENTITIES_MAX = 1 << 17;

export class Replica {
  /** @type {Map<number, Row>} */
  #rows = new Map();
  /** @type {Map<string, Map<number, State>>} */
  #statesByType = new Map();
  #room;

  /** @param {Schema} schema */
  constructor(schema) {
    this.schema = schema;
    /** Tick of the newest state applied; null before the first. @type {number | null} */
    this.tick = null;
    /** Ids of the entities that belong to this seat. @type {Set<number>} */
    this.own = new Set();
    this.#room = createRow(schema.types[0], 0);
    for (const name of schema.byName.keys()) this.#statesByType.set(name, new Map());
  }

  /** The room's own fields. */
  get room() {
    return this.#room.state;
  }

  get size() {
    return this.#rows.size;
  }

  /** @param {number} id @returns {State | null} */
  get(id) {
    return this.#rows.get(id)?.state ?? null;
  }

  /** @param {string} typeName @returns {Iterable<State>} in the order they came */
  all(typeName) {
    const states = this.#statesByType.get(typeName);
    if (!states) throw new RangeError(`no type ${typeName}`);
    return states.values();
  }

  /** The first own entity of a type. @param {string} typeName @returns {State | null} */
  firstOwn(typeName) {
    const rows = Array.from(this.own, (id) => this.#rows.get(id));
    return rows.find((row) => row?.type.name === typeName)?.state ?? null;
  }

  /**
   * Apply a state message. After a ProtocolError the replica is of no more use as a baseline.
   *
   * @param {StateMessage} message
   * @returns {Changes}
   */
  apply(message) {
    /** @type {Changes} */
    const changes = { despawn: [], spawn: [], update: [] };
    const unseen = message.type === "full" ? this.#beginFull() : null;
    for (const group of message.groups) {
      if (group.op === OP.own) for (const id of group.ids) this.#gain(id);
      else if (group.op === OP.despawn) for (const id of group.ids) this.#despawn(id, changes);
      else if (group.type.index === 0) writeRows([this.#room], group);
      else writeRows(group.op === OP.spawn ? this.#spawn(group, unseen, changes) : this.#find(group, changes), group);
    }
    if (unseen) for (const id of unseen) this.#despawn(id, changes);
    this.tick = message.tick;
    return changes;
  }

  /** A full state starts from nothing; entities that are in it again keep their objects. */
  #beginFull() {
    this.own.clear();
    resetRow(this.#room);
    return new Set(this.#rows.keys());
  }

  /** @param {Group} group @param {Set<number> | null} unseen @param {Changes} changes */
  #spawn(group, unseen, changes) {
    const { type, ids } = group;
    if (this.#rows.size - (unseen?.size ?? 0) + ids.length > ENTITIES_MAX) throw new ProtocolError("too many entities");
    const rows = new Array(ids.length);
    const states = /** @type {Map<number, State>} */ (this.#statesByType.get(type.name));
    for (let i = 0; i < ids.length; i++) {
      const id = ids[i];
      let row = this.#rows.get(id);
      if (row && unseen?.delete(id)) {
        if (row.type === type) {
          resetRow(row);
          changes.update.push((rows[i] = row));
          continue;
        }
        this.#despawn(id, changes);
      } else if (row) {
        throw new ProtocolError("spawned twice");
      }
      row = createRow(type, id);
      this.#rows.set(id, row);
      states.set(id, row.state);
      changes.spawn.push((rows[i] = row));
    }
    return rows;
  }

  /** @param {Group} group @param {Changes} changes @returns {Row[]} */
  #find(group, changes) {
    const { type, ids } = group;
    const rows = new Array(ids.length);
    for (let i = 0; i < ids.length; i++) {
      const row = this.#rows.get(ids[i]);
      if (row === undefined || row.type !== type) throw new ProtocolError("update of nothing");
      rows[i] = row;
      changes.update.push(row);
    }
    return rows;
  }

  /** @param {number} id @param {Changes} changes */
  #despawn(id, changes) {
    const row = this.#rows.get(id);
    if (!row) throw new ProtocolError("despawn of nothing");
    this.#rows.delete(id);
    this.#statesByType.get(row.type.name)?.delete(id);
    this.own.delete(id);
    changes.despawn.push(row);
  }

  /** @param {number} id */
  #gain(id) {
    if (!this.#rows.has(id)) throw new ProtocolError("own of nothing");
    this.own.add(id);
  }

  /** The checksum of everything held, as the server computes it. */
  checksum() {
    let sum = hashWords(this.#room, this.#room.type.publicFields, 0);
    for (const row of this.#rows.values()) {
      sum += hashWords(row, row.type.publicFields, 0);
      if (row.type.ownerFields.length && this.own.has(row.id)) sum += hashWords(row, row.type.ownerFields, OWNER_HASH);
    }
    return sum >>> 0; // under 2^53 for two million entities, and modulo 2^32 here
  }
}

/** @param {EntityType} type @param {number} id @returns {Row} */
function createRow(type, id) {
  /** @type {any} */
  const state = { id };
  const row = { id, type, state, words: new Uint32Array(type.fields.length) };
  resetRow(row);
  return row;
}

/** @param {Row} row */
function resetRow(row) {
  /** @type {any} */
  const state = row.state;
  for (const field of row.type.fields) state[field.name] = field.initial;
  row.words.fill(0);
}

/** @param {Row[]} rows @param {Group} group */
function writeRows(rows, group) {
  const { fields } = group;
  for (let i = 0; i < fields.length; i++) writeColumn(rows, fields[i], group.words[i], group.values[i]);
}

/** @param {Row[]} rows @param {import("./schema.js").Field} field @param {Uint32Array} words @param {Float64Array | unknown[]} values */
function writeColumn(rows, field, words, values) {
  const { name, slot } = field;
  for (let i = 0; i < rows.length; i++) {
    const row = rows[i];
    /** @type {any} */ (row.state)[name] = values[i];
    row.words[slot] = words[i];
  }
}

/** @param {Row} row @param {import("./schema.js").Field[]} fields @param {number} seed @returns {number} unsigned */
function hashWords(row, fields, seed) {
  let hash = Math.imul(row.id, 0x9e3779b1) ^ row.type.index ^ seed;
  for (const field of fields) hash = Math.imul(hash ^ row.words[field.slot], 0x01000193);
  return hash >>> 0;
}
