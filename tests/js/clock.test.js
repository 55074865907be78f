/** Room time from the messages that go back and forth: clock.js. */
import assert from "node:assert/strict";
import test from "node:test";

import { Clock } from "../../static/client/clock.js";
import { seeded } from "./support.js";

const OFFSET_MS = 50_000;
const TICK_MS = 50;

/**
 * Play for a while over a line of 20 ms each way and up to 80 more: a ping a second that the server reads at its next tick, and a
 * state each tick.
 *
 * @param {Clock} clock @param {() => number} random @param {number} offsetMs @param {number} fromMs @param {number} untilMs
 * @param {(nowMs: number) => void} [look]
 */
function play(clock, random, offsetMs, fromMs, untilMs, look = () => {}) {
  const way = () => 20 + (random() < 0.5 ? 0 : random() * 80);
  /** @type {{ atMs: number, run: () => void }[]} */
  const events = [];
  for (let sentMs = fromMs; sentMs < untilMs; sentMs += 900 + random() * 200) {
    const roomMs = Math.ceil((sentMs + way() + offsetMs) / TICK_MS) * TICK_MS;
    const atMs = roomMs - offsetMs + way();
    const from = sentMs;
    events.push({ atMs, run: () => clock.exchange(from, roomMs, atMs) });
  }
  const first = Math.ceil((fromMs + offsetMs) / TICK_MS);
  for (let tick = first; tick * TICK_MS - offsetMs < untilMs; tick++) {
    const atMs = tick * TICK_MS - offsetMs + way();
    events.push({ atMs, run: () => void clock.heard(tick * TICK_MS, atMs) });
  }
  for (const { atMs, run } of events.sort((a, b) => a.atMs - b.atMs)) {
    run();
    look(atMs);
  }
  return untilMs + 200;
}

test("room time is right within a few ms in spite of jitter", () => {
  for (let seed = 1; seed <= 20; seed++) {
    const clock = new Clock(20);
    const nowMs = play(clock, seeded(seed), OFFSET_MS, 0, 30_000);
    const errorMs = clock.roomMs(nowMs) - (nowMs + OFFSET_MS);
    assert.ok(Math.abs(errorMs) < 15, `seed ${seed}: off by ${errorMs} ms`);
    assert.ok(clock.rttMs >= 40 && clock.rttMs < 70, `${clock.rttMs}`);
    assert.equal(clock.resets, 1);
    assert.equal(clock.tickAt(nowMs), clock.roomMs(nowMs) / TICK_MS);
  }
});

test("an input that a state acknowledges is as good as a ping", () => {
  const clock = new Clock(20);
  clock.exchange(0, OFFSET_MS + 120, 200); // the way up took 120 ms, down 80
  for (let nowMs = 200; nowMs < 5000; nowMs += 50) {
    clock.read(nowMs - 60, OFFSET_MS + nowMs - 30, nowMs);
    clock.heard(OFFSET_MS + nowMs - 30, nowMs);
  }
  assert.ok(Math.abs(clock.roomMs(5000) - 5000 - OFFSET_MS) < 1);
  assert.ok(Math.abs(clock.rttMs - 60) < 1, `${clock.rttMs}`);
});

test("room time never runs backwards, and follows fast when far off and by a hundredth when near", () => {
  const clock = new Clock(20);
  clock.exchange(0, OFFSET_MS + 180, 200); // off by 80 ms, as an asymmetric first trip may be
  let lastMs = clock.roomMs(200);
  let lastAtMs = 200;
  const seen = new Set();
  play(clock, seeded(7), OFFSET_MS, 200, 20_000, (nowMs) => {
    const roomMs = clock.roomMs(nowMs);
    const elapsedMs = nowMs - lastAtMs;
    assert.ok(Math.abs(roomMs - lastMs - elapsedMs) <= elapsedMs * 0.1 + 1e-6, `${roomMs - lastMs} in ${elapsedMs} ms`);
    seen.add(clock.regime);
    lastMs = roomMs;
    lastAtMs = nowMs;
  });
  assert.deepEqual([...seen].sort(), ["drift", "fast"]);
  assert.equal(clock.regime, "drift");
  const before = clock.roomMs(30_000);
  assert.ok(Math.abs(clock.roomMs(30_100) - before - 100) <= 1.01);
});

test("a moment asked for twice, or late, is not before the last one", () => {
  const clock = new Clock(20);
  clock.exchange(0, OFFSET_MS, 40);
  const roomMs = clock.roomMs(100);
  assert.equal(clock.roomMs(100), roomMs);
  assert.equal(clock.roomMs(90), roomMs);
});

test("a slide of the server's time by more than a round trip is found with the next pings", () => {
  for (const slideMs of [150, 3000]) {
    const clock = new Clock(20);
    const random = seeded(3);
    const nowMs = play(clock, random, OFFSET_MS, 0, 30_000);
    const end = play(clock, random, OFFSET_MS - slideMs, nowMs, nowMs + 3000);
    assert.equal(clock.resets, 2, `${slideMs}`);
    assert.ok(Math.abs(clock.roomMs(end) - (end + OFFSET_MS - slideMs)) < 30);
  }
});

test("a clock that stood still while the machine slept is set by the first state after it", () => {
  const clock = new Clock(20);
  const nowMs = play(clock, seeded(4), OFFSET_MS, 0, 30_000);
  const sleptMs = 3_600_000;
  const roomMs = nowMs + OFFSET_MS + sleptMs;
  assert.equal(clock.heard(roomMs - 25, nowMs), true);
  assert.ok(Math.abs(clock.roomMs(nowMs) - roomMs) < 15, `${clock.roomMs(nowMs) - roomMs}`);
  assert.equal(clock.heard(roomMs + 25, nowMs + 50), false);
  assert.equal(clock.resets, 2);
});

test("a ping that seems answered before it was sent is ignored", () => {
  const clock = new Clock(20);
  clock.exchange(100, 5000, 50);
  assert.equal(clock.isSet, false);
  assert.equal(clock.rttMs, 0);
});
