/** Network conditions: conditions.js does what its Python twin does, to the last bit (tests/vectors/conditions.json). */
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import test from "node:test";

import { Link, parseConditions } from "../../static/client/conditions.js";

const { cases, refused } = JSON.parse(readFileSync(new URL("../vectors/conditions.json", import.meta.url), "utf8"));

for (const { text, link_seed, start_ms, sent, cuts } of cases) {
  test(`the line "${text}" behaves as Python's`, () => {
    const link = /** @type {Link<number>} */ (new Link(parseConditions(text), start_ms, link_seed));
    for (const [number, [nowMs, sizeBytes, arrivesMs, unsentBytes, taken]] of sent.entries()) {
      const line = number % 3 === 0 ? link.up : link.down;
      assert.equal(line.put(nowMs, number, sizeBytes), arrivesMs);
      assert.equal(line.unsentBytes(nowMs), unsentBytes);
      assert.deepEqual(line.take(nowMs), taken);
      const [cutMs, isOut] = cuts[number];
      assert.deepEqual([link.nextCutMs(nowMs), link.isOut(nowMs)], [cutMs ?? Infinity, isOut]);
    }
  });
}

test("what Python refuses is refused, quoting the part that is wrong", () => {
  assert.ok(refused.length > 10);
  for (const text of refused) {
    const part = text.split(",").at(-1);
    assert.throws(() => parseConditions(text), (error) => error instanceof RangeError && error.message.includes(`'${part}'`), text);
  }
});
