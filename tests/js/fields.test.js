/** One value of a field on the wire: fields.js and schema.js. */
import assert from "node:assert/strict";
import test from "node:test";

import { ByteReader } from "../../static/client/bytes.js";
import { dequantise, hashBytes, quantise, readValue, round } from "../../static/client/fields.js";
import { ProtocolError } from "../../static/client/protocol.js";
import { compileSchema } from "../../static/client/schema.js";
import { ByteWriter, wordOf, writeValue } from "../../static/client/written.js";
import { SCHEMA, compiled, seeded } from "./support.js";

/** @param {string} name */
const shipField = (name) => /** @type {any} */ (compiled.types[1].fields.find((field) => field.name === name));
/** @param {string} name */
const thingField = (name) => /** @type {any} */ (compiled.types[2].fields.find((field) => field.name === name));

/** @param {Record<string, unknown>} raw */
const compileOne = (raw) => compileSchema({ types: [{ name: "T", fields: [{ name: "v", to: "all", ...raw }] }] }).types[1].fields[0];

test("a fixed value goes to the nearest step, and half a step goes up", () => {
  assert.equal(quantise(shipField("x"), 12.5), 200);
  assert.equal(quantise(shipField("x"), 12.5 + 1 / 32), 201);
  assert.equal(quantise(shipField("x"), 12.5 + 1 / 33), 200);
  assert.equal(dequantise(shipField("x"), 200), 12.5);
  assert.equal(quantise(shipField("vx"), -512), 0);
});

test("the range of fixed is half open, and what lies beyond is clamped", () => {
  assert.equal(quantise(shipField("x"), 4096), 65535);
  assert.equal(quantise(shipField("x"), Infinity), 65535);
  assert.equal(quantise(shipField("x"), -3), 0);
  assert.equal(quantise(shipField("x"), NaN), 0);
  const tenths = compileOne({ kind: "fixed", min: 0, max: 1, step: 0.1, bytes: 1 });
  assert.equal(quantise(tenths, 1), 9);
  assert.equal(quantise(tenths, 0.3), 3);
});

test("an angle wraps both ways, and a full turn is none", () => {
  const heading = shipField("heading");
  assert.equal(quantise(heading, 2 * Math.PI), 0);
  assert.equal(quantise(heading, -heading.step), 65535);
  assert.equal(quantise(heading, 5 * Math.PI), 32768);
  assert.equal(quantise(heading, Infinity), 0);
});

test("whole numbers are cut to their range and towards zero", () => {
  assert.equal(quantise(thingField("c"), 99), 5);
  assert.equal(quantise(thingField("c"), -2.7), -2);
  assert.ok(Object.is(quantise(thingField("c"), -0.5), 0), "never -0");
});

test("float32 is quantised to its bits", () => {
  assert.equal(quantise(thingField("f"), 1.5), 0x3fc00000);
  assert.equal(round(thingField("f"), 0.1), Math.fround(0.1));
  assert.ok(Number.isFinite(round(thingField("f"), 1e300)));
});

test("rounding to the wire is idempotent for any value of any numeric field", () => {
  const random = seeded(1);
  for (const field of [...compiled.types[1].fields, ...compiled.types[2].fields].filter(({ bytes }) => bytes)) {
    for (let i = 0; i < 500; i++) {
      const once = round(field, (random() - 0.5) * 10 ** (random() * 6));
      assert.equal(round(field, once), once, field.name);
    }
  }
});

test("any value that is written is read back", () => {
  const random = seeded(2);
  for (const field of compiled.types[2].fields) {
    for (let i = 0; i < 200; i++) {
      const value = anyValue(field, random);
      const writer = new ByteWriter();
      writeValue(field, value, writer);
      const reader = new ByteReader(writer.finish());
      assert.deepEqual(readValue(field, reader), value);
      assert.equal(reader.left, 0);
    }
  }
});

/** @param {any} field @param {() => number} random @returns {any} */
function anyValue(field, random) {
  if (field.bytes) return round(field, field.kind === "flag" ? random() < 0.5 : (random() - 0.5) * 2 ** (random() * 33));
  const text = Array.from({ length: Math.floor(random() * 4) }, () => ["a", "é", "€", "🚀", "\ufeff"][Math.floor(random() * 5)]).join("");
  if (field.kind === "text") return text;
  if (field.kind === "json") return [text, { [text]: null, a: 1.5 }, true];
  const items = Array.from({ length: Math.floor(random() * 4) }, () => anyValue(field.of, random));
  return field.kind === "list" ? items : Object.fromEntries(items.map((item, i) => [text + i, item]));
}

test("words of text, list and map are the hash of their wire bytes", () => {
  assert.equal(hashBytes(new TextEncoder().encode("foobar"), 0, 6), 0xbf9cf968); // the published FNV-1a example
  const bytes = Uint8Array.of(2, 0x68, 0x69);
  assert.equal(wordOf(thingField("h"), "hi"), hashBytes(bytes, 0, 3));
  assert.equal(wordOf(thingField("i"), [1, -1]), hashBytes(Uint8Array.of(2, 1, 255), 0, 3));
  assert.equal(wordOf(thingField("d"), -1), 0xffffffff);
});

test("map and json keys are written in the order of code points", () => {
  const writer = new ByteWriter();
  writeValue(thingField("k"), { "\u{1F680}": 1, "\uffee": 2, b: [{ z: 1, a: null }], ab: 3 }, writer);
  const text = new TextDecoder().decode(writer.finish().subarray(1));
  assert.equal(text, '{"ab":3,"b":[{"a":null,"z":1}],"\uffee":2,"\u{1F680}":1}');
});

test("a map may have a key named __proto__ and nothing comes of it", () => {
  const writer = new ByteWriter();
  writer.varint(1);
  writer.varint(9);
  writer.raw(new TextEncoder().encode("__proto__"));
  writer.uint(7, 2);
  const map = /** @type {any} */ (readValue(thingField("j"), new ByteReader(writer.finish())));
  assert.deepEqual(Object.keys(map), ["__proto__"]);
  assert.equal(Object.getPrototypeOf(map), Object.prototype);
});

test("counts and lengths beyond the limit or the frame are refused", () => {
  for (const [name, bytes] of /** @type {[string, number[]][]} */ ([
    ["h", [60]], ["h", [3, 0x61]], ["h", [1, 0xff]], ["i", [6, 1, 1, 1, 1, 1, 1]], ["i", [255, 255, 255, 255, 15]], ["j", [4, 0]],
    ["k", [1, 0x7b]], ["a", [1]], ["i", [255, 255, 255, 255, 255, 1]],
  ])) {
    assert.throws(() => readValue(thingField(name), new ByteReader(Uint8Array.from(bytes))), ProtocolError, `${name} ${bytes}`);
  }
});

test("a varint holds up to 32 bits", () => {
  for (const value of [0, 127, 128, 16383, 16384, 2 ** 31, 2 ** 32 - 1]) {
    const writer = new ByteWriter();
    writer.varint(value);
    assert.equal(new ByteReader(writer.finish()).varint(), value);
  }
  assert.throws(() => new ByteReader(Uint8Array.of(255, 255, 255, 255, 16)).varint(), ProtocolError);
});

test("a schema that would break the page is refused", () => {
  const good = { name: "v", kind: "uint8", min: 0, max: 1, to: "all" };
  /** @type {(depth: number) => any} */
  const deep = (depth) => (depth ? { kind: "list", len_max: 1, of: deep(depth - 1) } : { kind: "flag" });
  for (const fields of [
    [{ ...good, name: "__proto__" }], [{ ...good, name: "id" }], [{ ...good, name: 7 }], [good, good], [{ ...good, kind: "constructor" }],
    [{ ...good, kind: "fixed", step: 0, bytes: 2 }], [{ ...good, kind: "fixed", step: 1e-320, bytes: 2 }], [{ ...good, kind: "fixed", step: 1, bytes: 3 }],
    [{ ...good, kind: "angle", bytes: 8 }], [{ ...good, kind: "list", len_max: 2 }], [{ ...good, kind: "text" }], [{ ...good, ...deep(9) }], [null], {}, null,
  ]) {
    assert.throws(() => compileSchema({ types: [{ name: "T", fields }] }), ProtocolError, JSON.stringify(fields));
  }
  for (const schema of [null, {}, { types: {} }, { types: [null] }, { types: [SCHEMA.types[0], SCHEMA.types[0]] }, { types: [], input: { fields: [SCHEMA.types[1].fields[7]] } }]) {
    assert.throws(() => compileSchema(schema), ProtocolError);
  }
});
