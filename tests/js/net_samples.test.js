/** The figures behind the net graph: static/shared/net_samples.js. */
import assert from "node:assert/strict";
import test from "node:test";

import { COLUMNS, COLUMN_MS, NetSamples } from "/static/shared/net_samples.js";
import { GameClient } from "../../static/client/index.js";

/** @type {any} */
const STATS = new GameClient({ url: "ws://test/ws", game: "test", WebSocket: class {} }).stats;

test("a column keeps the worst of its time", () => {
  const samples = new NetSamples();
  for (const [atMs, rttMs] of [[1000, 40], [1005, 90], [1010, 60]]) samples.frame({ ...STATS, rttMs }, atMs);
  assert.equal(samples.series.rtt[samples.newest % COLUMNS], 90);
  assert.equal(samples.largest("frame"), 5);
});

test("what is older than ten seconds is forgotten, however long nothing was drawn", () => {
  for (const laterMs of [10_100, 500_000]) {
    const samples = new NetSamples();
    samples.frame({ ...STATS, rttMs: 400, isStarved: true }, 1000);
    samples.correction(7, 1000);
    samples.frame({ ...STATS, rttMs: 20 }, 1000 + laterMs);
    assert.deepEqual([samples.largest("rtt"), samples.largest("correction"), samples.count("starved")], [20, 0, 0]);
  }
});

test("gaps between states, missing inputs and corrections are told of the last ten seconds", () => {
  const samples = new NetSamples();
  let missing = 0;
  for (let nowMs = 0; nowMs < COLUMNS * COLUMN_MS; nowMs += 50) {
    if (nowMs !== 5000) samples.arrival(nowMs);
    if (nowMs % 1000 === 0) samples.correction(nowMs / 1000, nowMs);
    if (nowMs % 2000 === 0) missing++;
    samples.frame({ ...STATS, inputsMissing: missing }, nowMs);
  }
  assert.equal(samples.largest("gap"), 100);
  assert.deepEqual([samples.count("correction"), samples.largest("correction"), samples.sum("missing")], [9, 9, 5]);
});
