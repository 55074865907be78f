// @ts-check
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";

import { between } from "../../static/client/blend.js";

const vectors = JSON.parse(readFileSync(new URL("../vectors/blend.json", import.meta.url), "utf-8"));

test("the picture blends as the server's past does, to the last bit", () => {
  assert.equal(vectors.blends.length, 200);
  for (const [was, then, fraction, angle, plain] of vectors.blends) {
    assert.equal(between(/** @type {any} */ ({ turn: 65536 }), was, then, fraction), angle);
    assert.equal(between(/** @type {any} */ ({ turn: 0 }), was, then, fraction), plain);
  }
});
