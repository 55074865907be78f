/** The picture of the others: interpolator.js and track.js. */
import assert from "node:assert/strict";
import test from "node:test";

import { BinaryCodec } from "../../static/client/codec.js";
import { Interpolator } from "../../static/client/interpolator.js";
import { Replica } from "../../static/client/replica.js";
import { compiled, deltaFrame, fullFrame, seeded } from "./support.js";

/** @typedef {import("./support.js").GroupSpec} GroupSpec */

/** A picture fed with states; `at` moves it to a tick. */
function picture() {
  const codec = new BinaryCodec(compiled, 0, 0);
  const replica = new Replica(compiled);
  const interpolator = new Interpolator(compiled, 20, 1);
  /** @param {Uint8Array} frame @param {number} [arrivedAt] */
  const feed = (frame, arrivedAt) => {
    const message = /** @type {any} */ (codec.decode(frame));
    interpolator.record(message.tick, replica.apply(message));
    interpolator.arrive(message.tick, arrivedAt ?? message.tick, 0);
  };
  const delayTicks = 1.25; // one state's time and the margin, with states that are never late
  const at = (/** @type {number} */ tick, /** @type {any} */ predicted = null) => interpolator.advance(tick + delayTicks, predicted);
  return { interpolator, feed, at };
}

/** @type {(id: number, x: number, heading?: number, hp?: number) => GroupSpec} */
const spawn = (id, x, heading = 0, hp = 100) => ({ op: "spawn", type: 1, ids: [id], rows: [[x, 0, heading, hp]] });
/** @type {(id: number, x: number) => GroupSpec} */
const move = (id, x) => ({ op: "update", type: 1, ids: [id], fields: ["x"], rows: [[x]] });

test("continuous fields are drawn between two states", () => {
  const { interpolator, feed, at } = picture();
  feed(fullFrame({ tick: 10, groups: [spawn(1, 100)] }));
  feed(deltaFrame({ groups: [move(1, 110)] }));
  feed(deltaFrame({ groups: [move(1, 130)] }));
  at(10.5);
  assert.equal(interpolator.get(1)?.x, 105);
  at(11.25);
  assert.equal(interpolator.get(1)?.x, 115);
  assert.equal(interpolator.tick, 11.25);
});

test("what stood still until the state before only starts to move then", () => {
  const { interpolator, feed, at } = picture();
  feed(fullFrame({ tick: 10, groups: [spawn(1, 100)] }));
  for (let tick = 11; tick <= 14; tick++) feed(deltaFrame({}));
  feed(deltaFrame({ groups: [move(1, 110)] }));
  at(12);
  assert.equal(interpolator.get(1)?.x, 100);
  at(14.5);
  assert.equal(interpolator.get(1)?.x, 105);
});

test("an angle turns the short way", () => {
  const { interpolator, feed, at } = picture();
  feed(fullFrame({ tick: 10, groups: [spawn(1, 0, 2 * Math.PI - 0.25)] }));
  feed(deltaFrame({ groups: [{ op: "update", type: 1, ids: [1], fields: ["heading"], rows: [[0.25]] }] }));
  at(10.5);
  const heading = interpolator.get(1)?.heading;
  assert.ok(heading < 0.001 || heading > 2 * Math.PI - 0.001, `${heading}`);
});

test("whole numbers, flags and text jump at their tick", () => {
  const { interpolator, feed, at } = picture();
  feed(fullFrame({ tick: 10, groups: [spawn(1, 0)] }));
  feed(deltaFrame({ groups: [{ op: "update", type: 1, ids: [1], fields: ["hp"], rows: [[50]] }] }));
  at(10.9);
  assert.equal(interpolator.get(1)?.hp, 100);
  at(11);
  assert.equal(interpolator.get(1)?.hp, 50);
});

test("an entity appears and goes at the tick when it did so on the server", () => {
  const { interpolator, feed, at } = picture();
  feed(fullFrame({ tick: 10, groups: [spawn(1, 0)] }));
  feed(deltaFrame({ groups: [spawn(2, 0)] }));
  feed(deltaFrame({ groups: [{ op: "despawn", type: 1, ids: [1] }] }));
  const ids = () => interpolator.all("Ship").map(({ id }) => id).sort();
  at(10.5);
  assert.deepEqual(ids(), [1]);
  assert.equal(interpolator.get(2), null);
  at(11.5);
  assert.deepEqual(ids(), [1, 2]);
  at(12);
  assert.deepEqual(ids(), [2]);
  assert.equal(interpolator.get(1), null);
});

test("an id that was given anew shows the old entity until then", () => {
  const { interpolator, feed, at } = picture();
  feed(fullFrame({ tick: 10, groups: [spawn(1, 5)] }));
  feed(deltaFrame({}));
  feed(deltaFrame({ groups: [{ op: "despawn", type: 1, ids: [1] }, spawn(1, 900)] }));
  at(11.9);
  assert.deepEqual([interpolator.get(1)?.x, interpolator.all("Ship").length], [5, 1]);
  at(12);
  assert.deepEqual([interpolator.get(1)?.x, interpolator.all("Ship").length], [900, 1]);
});

test("a joiner sees the room at once", () => {
  const { interpolator, feed, at } = picture();
  feed(fullFrame({ tick: 10, groups: [spawn(1, 5)] }));
  at(8.9);
  assert.equal(interpolator.get(1)?.x, 5);
});

test("where states fail to come, motion goes on for 100 ms and then stands", () => {
  const { interpolator, feed, at } = picture();
  feed(fullFrame({ tick: 10, groups: [spawn(1, 100), spawn(2, 300)] }));
  feed(deltaFrame({ groups: [move(1, 110)] }));
  at(12);
  assert.equal(interpolator.get(1)?.x, 120);
  at(30);
  assert.equal(interpolator.get(1)?.x, 130, "two ticks of 50 ms on");
  assert.equal(interpolator.get(2)?.x, 300, "what stood still goes on to do so");
});

/** Draw 60 times a second from tick to tick, and return where the ship was each time. @param {ReturnType<typeof picture>} made @param {number} from @param {number} to */
function watch({ interpolator, at }, from, to) {
  const seen = [];
  for (let tick = from; tick < to; tick += 1 / 3) {
    at(tick);
    seen.push({ tick: interpolator.tick, x: /** @type {any} */ (interpolator.get(1)).x });
  }
  return seen;
}

test("after a stall the picture hurries after the present and never jumps", () => {
  const made = picture();
  made.feed(fullFrame({ tick: 10, groups: [spawn(1, 100)] }));
  for (let tick = 11; tick <= 20; tick++) made.feed(deltaFrame({ groups: [move(1, tick * 10)] }));
  const before = watch(made, 15, 28); // nothing comes for ten ticks
  assert.equal(made.interpolator.isStarved, true);
  for (let tick = 21; tick <= 30; tick++) made.feed(deltaFrame({ groups: [move(1, tick * 10)] }), 29.3);
  const after = [];
  for (let tick = 31; tick <= 42; tick++) {
    made.feed(deltaFrame({ groups: [move(1, tick * 10)] }));
    after.push(...watch(made, tick - 3, tick - 2.01));
  }
  const steps = [...before, ...after].map(({ x }, i, all) => (i ? x - all[i - 1].x : 0));
  assert.ok(Math.max(...steps) < 15 && Math.min(...steps) >= -0.001, `${Math.max(...steps)} ${Math.min(...steps)}; usual are 3.3`);
  assert.equal(made.interpolator.isStarved, false);
  assert.ok(Math.abs(/** @type {any} */ (after.at(-1)).x - 396.67) < 0.1, "and is there soon");
});

test("what went on the wrong way while states failed to come glides to where it should be", () => {
  const made = picture();
  made.feed(fullFrame({ tick: 10, groups: [spawn(1, 100)] }));
  made.feed(deltaFrame({ groups: [move(1, 110)] }));
  made.feed(deltaFrame({ groups: [move(1, 120)] }));
  const guessed = watch(made, 11, 15);
  assert.equal(/** @type {any} */ (guessed.at(-1)).x, 140, "100 ms on");
  for (let tick = 13; tick <= 20; tick++) made.feed(deltaFrame({ groups: tick === 13 ? [move(1, 121)] : [] }), 15.2);
  const [first, ...later] = watch(made, 15, 20);
  assert.ok(first.x > 128 && first.x < 140, `${first.x} is neither where it was guessed nor where it is`);
  assert.ok(later.every(({ x }, i) => x <= (i ? later[i - 1].x : first.x)));
  assert.ok(Math.abs(/** @type {any} */ (later.at(-1)).x - 121) < 0.1);
});

test("who looks again after a while is at the present with the first picture", () => {
  const made = picture();
  made.feed(fullFrame({ tick: 10, groups: [spawn(1, 100)] }));
  made.at(10);
  for (let tick = 11; tick <= 400; tick++) made.feed(deltaFrame({ groups: [move(1, tick)] }));
  made.interpolator.jump();
  made.at(399);
  assert.deepEqual([made.interpolator.tick, made.interpolator.get(1)?.x], [399, 399]);
});

test("a stall counts as one late arrival, however many states it held back", () => {
  const { interpolator, feed } = picture();
  let tick = 10;
  feed(fullFrame({ tick, groups: [spawn(1, 100)] }));
  for (let i = 0; i < 40; i++) feed(deltaFrame({}), ++tick);
  for (let i = 0; i < 9; i++) feed(deltaFrame({}), tick++ + 9 - i + 1);
  for (let i = 0; i < 40; i++) feed(deltaFrame({}), ++tick);
  assert.equal(interpolator.jitterMs, 0);
});

test("on a clean line the picture is at most one and a half sends behind", () => {
  const { interpolator, feed, at } = picture();
  let tick = 10;
  feed(fullFrame({ tick, groups: [spawn(1, 100)] }), tick + 2);
  for (let i = 0; i < 40; i++) feed(deltaFrame({}), ++tick + 2);
  at(tick + 2);
  assert.ok(interpolator.interpolationMs <= 75, `${interpolator.interpolationMs} of 50 ms a send`);
  assert.ok(Math.abs(interpolator.delayMs - interpolator.interpolationMs - 100) < 1e-6, "the way itself took two ticks");
});

test("the picture's tick never goes back", () => {
  const { interpolator, feed, at } = picture();
  feed(fullFrame({ tick: 10, groups: [spawn(1, 100)] }));
  feed(deltaFrame({ advance: 20 }));
  at(20);
  at(12);
  assert.equal(interpolator.tick, 20);
});

test("the predicted entity is drawn as given, and an entity that was is gone at once", () => {
  const { interpolator, feed, at } = picture();
  feed(fullFrame({ tick: 10, groups: [spawn(1, 100), spawn(2, 0)] }));
  feed(deltaFrame({}));
  const predicted = { id: 2, x: 77 };
  at(10.5, predicted);
  assert.ok(interpolator.all("Ship").includes(predicted));
  feed(deltaFrame({ groups: [{ op: "despawn", type: 1, ids: [2] }] }));
  interpolator.forget(2);
  at(10.6);
  assert.deepEqual(interpolator.all("Ship").map(({ id }) => id), [1]);
});

test("the delay grows with late arrivals and shrinks again, and the picture runs smoothly meanwhile", () => {
  const { interpolator, feed } = picture();
  const random = seeded(9);
  let tick = 10;
  let lastTick = 0;
  feed(fullFrame({ tick, groups: [spawn(1, 100)] }), tick + 1);
  /** @param {number} lateness @param {number} states */
  const run = (lateness, states) => {
    for (let i = 0; i < states; i++) {
      tick++;
      feed(deltaFrame({}), tick + 1 + random() * lateness);
      for (const part of [0.25, 0.5, 0.75, 1]) {
        interpolator.advance(tick + 3 + part, null);
        const speed = (interpolator.tick - lastTick) / 0.25;
        if (lastTick > 0) assert.ok(speed > 0.7 && speed < 1.1, `speed ${speed}`);
        lastTick = interpolator.tick;
      }
    }
  };
  run(0, 100);
  assert.ok(Math.abs(interpolator.delayMs - 2.25 * 50) < 1, `${interpolator.delayMs}`);
  run(3, 200);
  assert.ok(interpolator.delayMs > 4 * 50 && interpolator.delayMs < 5.3 * 50, `${interpolator.delayMs}`);
  assert.ok(interpolator.jitterMs > 100);
  run(0, 300);
  assert.ok(Math.abs(interpolator.delayMs - 2.25 * 50) < 1, `${interpolator.delayMs}`);
});

test("a page that is never drawn does not gather the departed", () => {
  const { interpolator, feed, at } = picture();
  feed(fullFrame({ tick: 10 }));
  for (let id = 1; id < 500; id++) feed(deltaFrame({ groups: [spawn(id, id), ...(id > 1 ? [/** @type {GroupSpec} */ ({ op: "despawn", type: 1, ids: [id - 1] })] : [])] }));
  at(11);
  assert.ok(interpolator.all("Ship").length <= 12, `${interpolator.all("Ship").length}`);
});

test("long histories wrap round without a trace", () => {
  const { interpolator, feed, at } = picture();
  feed(fullFrame({ tick: 0, groups: [spawn(1, 0)] }));
  for (let tick = 1; tick <= 300; tick++) {
    feed(deltaFrame({ groups: [move(1, tick * 2)] }));
    at(tick - 0.5);
    assert.equal(interpolator.get(1)?.x, tick * 2 - 1);
  }
});
