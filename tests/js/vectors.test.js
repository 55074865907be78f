/**
 * The shared wire vectors, made by the server's own code: tests/vectors/*.json.
 *
 * A file holds a case or a list of them: {"name", "schema", "messages": [{"hex" or "text", "expect": {...}}],
 * "inputs": [{"seq", "ack", "lag", "fields", "hex"}]}. Messages go through codec and replica in order; what `expect`
 * names must then hold.
 */
import assert from "node:assert/strict";
import { existsSync, readFileSync, readdirSync } from "node:fs";
import test from "node:test";

import { BinaryCodec } from "../../static/client/codec.js";
import { JsonCodec } from "../../static/client/json_codec.js";
import { Replica } from "../../static/client/replica.js";
import { compileSchema } from "../../static/client/schema.js";

const FOLDER = new URL("../vectors/", import.meta.url);
const files = existsSync(FOLDER) ? readdirSync(FOLDER).filter((name) => name.endsWith(".json")) : [];

/** @param {Replica} replica @param {any} message @param {any} expect */
function compare(replica, message, expect) {
  for (const key of ["tick", "ack", "depth", "missing"]) if (key in expect) assert.equal(message[key], expect[key], key);
  if (expect.room) assert.deepEqual(withoutId(replica.room), expect.room);
  for (const [type, states] of Object.entries(expect.entities ?? {})) {
    const held = Object.fromEntries([...replica.all(type)].map((state) => [state.id, state]));
    assert.deepEqual(Object.keys(held).sort(), Object.keys(states).sort(), `ids of ${type}`);
    for (const [id, fields] of Object.entries(states)) {
      for (const [name, value] of Object.entries(fields)) assert.deepEqual(held[id][name], value, `${type} ${id} ${name}`);
    }
  }
  if (expect.own) assert.deepEqual([...replica.own].sort((a, b) => a - b), expect.own);
  if ("checksum" in expect && expect.checksum !== null) assert.equal(replica.checksum(), expect.checksum, "checksum");
}

/** @param {any} state */
function withoutId({ id, ...fields }) {
  assert.equal(id, 0);
  return fields;
}

for (const file of files) {
  const cases = [JSON.parse(readFileSync(new URL(file, FOLDER), "utf8"))].flat().filter((each) => each.schema);
  for (const { name, schema: raw, messages = [], inputs = [] } of cases) {
    test(`vector ${file}: ${name}`, () => {
      const schema = compileSchema(raw);
      const binary = new BinaryCodec(schema, null, 0);
      const json = new JsonCodec(schema, null, 0);
      const replica = new Replica(schema);
      for (const { hex, text, expect } of messages) {
        const message = hex === undefined ? json.decode(text) : binary.decode(Buffer.from(hex, "hex"));
        if (message.type === "full" || message.type === "delta") replica.apply(message);
        compare(replica, message, expect);
      }
      for (const { seq, ack, lag, fields, hex } of inputs) {
        const frame = /** @type {Uint8Array} */ (binary.encodeInput(seq, ack, lag, fields));
        assert.equal(Buffer.from(frame).toString("hex"), hex);
      }
    });
  }
}

test("vectors are read from tests/vectors", () => {
  assert.ok(files.includes("wire.json"));
});
