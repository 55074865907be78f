/** Inputs on their way out: outbound.js. */
import assert from "node:assert/strict";
import test from "node:test";

import { Outbound } from "../../static/client/outbound.js";
import { compiled, seeded } from "./support.js";

const STEER = /** @type {import("../../static/client/schema.js").EntityType} */ (compiled.input);
const create = () => new Outbound(STEER, 20);

test("any frame rate gives the server's number of steps", () => {
  for (const frameMs of [4, 16.7, 33, 49, 120]) {
    const outbound = create();
    let steps = 0;
    for (let nowMs = 0; nowMs <= 60_000; nowMs += frameMs) steps += outbound.advance(nowMs);
    assert.ok(Math.abs(steps - 1200) <= 2, `${steps} steps at ${frameMs} ms a frame`);
  }
});

test("a long pause is not made up for", () => {
  const outbound = create();
  outbound.advance(0);
  assert.ok(outbound.advance(60_000) <= 4);
});

test("time that goes back a little adds nothing", () => {
  const outbound = create();
  let steps = 0;
  for (let nowMs = 0; nowMs < 10_000; nowMs += 10) steps += outbound.advance(nowMs) + outbound.advance(nowMs - 5);
  assert.ok(steps <= 200, `${steps}`);
});

test("inputs are numbered from 1, rounded to the wire, and kept until consumed", () => {
  const outbound = create();
  outbound.set({ turn: 7, aim: 0.01 });
  const first = outbound.next();
  assert.deepEqual(first, { seq: 1, fields: { turn: 1, fire: false, aim: 0 }, madeAtMs: 0 });
  outbound.next();
  outbound.next();
  outbound.acknowledge(2, 0, 0, 0, 100);
  assert.deepEqual(outbound.unacked.map(({ seq }) => seq), [3]);
});

test("a tap between two steps is in exactly one input", () => {
  const outbound = create();
  outbound.set({ fire: true });
  outbound.set({ fire: false });
  assert.deepEqual([outbound.next().fields.fire, outbound.next().fields.fire], [true, false]);
});

test("a server that never consumes does not fill the memory", () => {
  const outbound = create();
  for (let i = 0; i < 10_000; i++) outbound.next();
  assert.ok(outbound.unacked.length <= 128);
  assert.equal(outbound.unacked[outbound.unacked.length - 1].seq, 10_000);
});

test("speed follows the depth at the server and never changes by more than a tenth", () => {
  const outbound = create();
  for (let i = 0; i < 200; i++) outbound.acknowledge(0, 31, 0, 0, i * 50);
  assert.ok(Math.abs(outbound.speed - 0.9) < 1e-9);
  for (let i = 0; i < 2000; i++) outbound.acknowledge(0, 0, 7, 200, 10_000 + i * 50);
  assert.ok(Math.abs(outbound.speed - 1.1) < 1e-9);
});

test("as many inputs should wait as jitter spreads them by half, and a margin", () => {
  const outbound = create();
  outbound.acknowledge(0, 0, 0, 0, 0);
  const calm = outbound.depthTarget;
  outbound.acknowledge(0, 0, 0, 100, 50);
  assert.ok(Math.abs(outbound.depthTarget - calm - 1) < 1e-9, "100 ms are two steps");
  assert.ok(calm > 0.2 && calm < 0.6, `${calm}`);
});

test("a missed input raises the margin, a whole stall does so once, and a quiet minute lowers it again", () => {
  const outbound = create();
  const before = outbound.depthTarget;
  for (let i = 0; i < 9; i++) outbound.acknowledge(0, 0, 1, 0, i * 5);
  const raised = outbound.depthTarget - before;
  assert.ok(raised > 0.2 && raised < 0.6, `${raised}`);
  assert.equal(outbound.missing, 9);
  for (let i = 1; i < 1200; i++) outbound.acknowledge(0, 0, 0, 0, 50 * i);
  assert.equal(outbound.depthTarget, before);
});

test("the last input before nobody looks wants nothing, and time that passed then makes no steps", () => {
  const outbound = create();
  outbound.set({ turn: 1, fire: true });
  outbound.advance(0);
  assert.deepEqual(outbound.release().fields, { turn: 0, fire: false, aim: 0 });
  outbound.rest();
  assert.equal(outbound.advance(60_000), 0);
});

test("against a server's queue over a jittery line, few steps go without an input", () => {
  const random = seeded(11);
  const outbound = create();
  /** @type {{ atMs: number, seq: number }[]} */
  let flying = [];
  let queue = 0;
  let newest = 0;
  let missing = 0;
  let missed = 0;
  let depths = 0;
  for (let nowMs = 0; nowMs < 120_000; nowMs += 10) {
    for (let steps = outbound.advance(nowMs); steps > 0; steps--) {
      const { seq } = outbound.next();
      flying.push({ atMs: Math.max(nowMs + 40 + random() * 40, flying[flying.length - 1]?.atMs ?? 0), seq });
    }
    for (const { seq } of flying.filter(({ atMs }) => atMs <= nowMs)) {
      queue++;
      newest = seq;
    }
    flying = flying.filter(({ atMs }) => atMs > nowMs);
    if (nowMs % 50 !== 0) continue;
    if (queue > 0) queue--;
    else missing++;
    if (nowMs > 20_000) {
      missed += missing;
      depths += queue;
    }
    outbound.acknowledge(newest - queue, queue, missing, 40, nowMs);
    missing = 0;
  }
  assert.ok(missed < 40, `${missed} of 2000 steps had no input`);
  assert.ok(depths / 2000 < 2.5, `${depths / 2000} inputs waited on average`);
});

test("a new connection starts above every number that the server may hold", () => {
  const outbound = create();
  outbound.next();
  outbound.restart(40);
  assert.deepEqual([outbound.unacked.length, outbound.next().seq], [0, 41]);
  outbound.restart(7);
  assert.equal(outbound.next().seq, 42);
});
