/** A hostile server cannot hang or crash a page: the short form of fuzz.js. */
import assert from "node:assert/strict";
import test from "node:test";

import { BinaryCodec } from "../../static/client/codec.js";
import { ProtocolError } from "../../static/client/protocol.js";
import { ENTITIES_MAX, Replica } from "../../static/client/replica.js";
import { compileSchema } from "../../static/client/schema.js";
import { bytesOf, fuzzClients, fuzzSchemas, fuzzStates, spawnMany } from "./fuzz.js";

test("spoilt states are taken or refused with ProtocolError", () => {
  const rounds = 4000;
  const taken = fuzzStates(1, rounds);
  assert.ok(taken > rounds / 50 && taken < rounds * 0.9, `${taken} of ${rounds} were taken`);
});

test("spoilt schemas are taken or refused with ProtocolError", () => {
  assert.ok(fuzzSchemas(2, 1000) > 50);
});

test("a client ends the connection of a server that breaks the protocol, and nothing escapes from it", () => {
  assert.ok(fuzzClients(3, 150) > 30);
});

const BARE = compileSchema({ room: { fields: [] }, types: [{ name: "Dot", fields: [] }], input: null });

test("a few bytes cannot fill a page's memory", () => {
  const codec = new BinaryCodec(BARE, 0, 0);
  const replica = new Replica(BARE);
  const each = 1 << 16;
  let first = 1;
  const spawn = () => {
    replica.apply(/** @type {any} */ (codec.decode(spawnMany(1, first, each))));
    first += each;
  };
  for (let i = 0; i < ENTITIES_MAX / each; i++) spawn();
  assert.equal(replica.size, ENTITIES_MAX);
  assert.throws(spawn, ProtocolError);
  assert.equal(replica.size, ENTITIES_MAX);
});

test("huge counts are refused before anything is made for them", () => {
  const frames = ["1001000005fcffffff0f01", "1001000006fcffffff0f01", "1001000007ffffffff0f01", "10010000050580808080", "11ffffffffffffffff0005fcffffff0f01"];
  for (const hex of frames) assert.throws(() => new BinaryCodec(BARE, 0, 0).decode(bytesOf(hex)), ProtocolError, hex);
});
