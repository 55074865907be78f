// @ts-check
/** Numbers as the status page writes them. */
import assert from "node:assert/strict";
import { test } from "node:test";

import { count } from "/static/admin/format.js";

test("one of a thing is named as one", () => {
  assert.deepEqual(
    ["0 rooms", "1 room", "2 rooms", "1,000 rooms", "– rooms"],
    [0, 1, 2, 1000, null].map((value) => count(value, "room")),
  );
});
