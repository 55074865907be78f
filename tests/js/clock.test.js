/** Room time from pings: clock.js. */
import assert from "node:assert/strict";
import test from "node:test";

import { Clock } from "../../static/client/clock.js";
import { seeded } from "./support.js";

const OFFSET_MS = 50_000;

/** Ping once a second over a line whose delays are random each way. @param {Clock} clock @param {() => number} random @param {(nowMs: number) => number} offsetMs */
function pingFor(clock, random, offsetMs, fromMs = 0, count = 30) {
  for (let i = 0; i < count; i++) {
    const sentMs = fromMs + i * 1000;
    const upMs = 20 + (random() < 0.5 ? 0 : random() * 80);
    const downMs = 20 + (random() < 0.5 ? 0 : random() * 80);
    clock.sample(sentMs, sentMs + upMs + offsetMs(sentMs), sentMs + upMs + downMs);
  }
  return fromMs + count * 1000;
}

test("room time is right within a few ms in spite of jitter", () => {
  for (let seed = 1; seed <= 20; seed++) {
    const clock = new Clock(20);
    const nowMs = pingFor(clock, seeded(seed), () => OFFSET_MS);
    const errorMs = clock.roomMs(nowMs) - (nowMs + OFFSET_MS);
    assert.ok(Math.abs(errorMs) < 12, `seed ${seed}: off by ${errorMs} ms`);
    assert.ok(clock.rttMs >= 40 && clock.rttMs < 90, `${clock.rttMs}`);
    assert.equal(clock.slides, 0);
    assert.equal(clock.tickAt(nowMs), clock.roomMs(nowMs) / 50);
  }
});

test("room time never runs backwards, nor faster or slower than allowed", () => {
  const clock = new Clock(20);
  const random = seeded(7);
  clock.sample(0, OFFSET_MS + 180, 200); // off by 80 ms, as an asymmetric first trip may be
  let lastMs = clock.roomMs(200);
  for (let nowMs = 216; nowMs < 20_000; nowMs += 16) {
    if (nowMs % 400 < 16) clock.sample(nowMs - 60 - random() * 60, OFFSET_MS + nowMs - 30, nowMs);
    const roomMs = clock.roomMs(nowMs);
    const rate = (roomMs - lastMs) / 16;
    assert.ok(rate >= 0.949 && rate <= 1.051, `rate ${rate} at ${nowMs}`);
    lastMs = roomMs;
  }
  assert.equal(clock.slides, 0);
  assert.ok(Math.abs(lastMs - 19_992 - OFFSET_MS) < 25, `${lastMs}`);
});

test("a moment asked for twice, or late, is not before the last one", () => {
  const clock = new Clock(20);
  clock.sample(0, OFFSET_MS, 40);
  const roomMs = clock.roomMs(100);
  assert.equal(clock.roomMs(100), roomMs);
  assert.equal(clock.roomMs(90), roomMs);
});

test("a slide of the server's time is found with the first ping after it", () => {
  const clock = new Clock(20);
  const random = seeded(3);
  const nowMs = pingFor(clock, random, () => OFFSET_MS);
  const end = pingFor(clock, random, () => OFFSET_MS - 3000, nowMs, 1);
  assert.equal(clock.slides, 1);
  assert.ok(Math.abs(clock.roomMs(end) - (end + OFFSET_MS - 3000)) < 100);
});

test("a ping that seems answered before it was sent is ignored", () => {
  const clock = new Clock(20);
  clock.sample(100, 5000, 50);
  assert.equal(clock.isSet, false);
  assert.equal(clock.rttMs, 0);
});
