// @ts-check
import assert from "node:assert/strict";
import { test } from "node:test";

import { Beams } from "../../static/games/arena/beams.js";
import { Bullets } from "../../static/games/arena/bullets.js";
import { turnTowards } from "../../static/games/arena/controls.js";
import { ranked, shownRate, shownTime } from "../../static/games/arena/hud.js";
import { BEAM, NOTHING, SHOT } from "../../static/games/arena/movement.js";
import { News } from "../../static/games/arena/news.js";
import { Scene } from "../../static/games/arena/scene.js";
import { readWish } from "../../static/shared/wish.js";
import { playAddress } from "../../static/lobby/api.js";
import { shownAge, shownKey } from "../../static/lobby/rooms.js";

/**
 * A view of plain objects, as the renderer is given.
 * @param {number} tick
 * @param {Record<string, any[]>} entities by type name
 */
function viewOf(tick, entities) {
  const every = Object.values(entities).flat();
  return {
    tick,
    all: (/** @type {string} */ type) => entities[type] ?? [],
    get: (/** @type {number} */ id) => every.find((entity) => entity.id === id) ?? null,
  };
}

const bullet = { id: 9, player: 1, born: 100, x: 300, y: 1500, vx: 300, vy: 0 };
const ship = { id: 5, player: 1, x: 276, y: 1500, vx: 0, vy: 0, heading: 0, hull: 100, shield: 0, cooldown: 0, charge: 0 };

/**
 * The same with what the SDK says of ghosts.
 * @param {number} tick
 * @param {Record<string, any[]>} entities
 * @param {any[]} ghosts
 * @param {any} [ghost] that the bullet took the place of
 */
const ghostly = (tick, entities, ghosts, ghost = null) => ({ ...viewOf(tick, entities), ghosts, ghostOf: () => ghost });

test("a bullet of another is where its birth tick says", () => {
  const shown = new Bullets().place(viewOf(103, { Bullet: [bullet] }), 2);
  assert.deepEqual(shown.get(9), { x: 330, y: 1500, vx: 300, vy: 0, own: false, opacity: 1 });
});

test("an own bullet leaves the muzzle at once, and has caught up with the server's after 200 ms of its flight", () => {
  const bullets = new Bullets();
  bullets.offset = 6;
  bullets.place(viewOf(94, {}), 1);
  const fields = /** @type {any} */ (bullets.prediction.make(ship, {}, SHOT));
  assert.equal(fields.tick, 94);
  const ghost = { seq: 7, fields, age: 0, opacity: 1 };
  assert.equal(bullets.place(ghostly(94, {}, [ghost]), 1).get(-7)?.x, 300);
  const before = bullets.place(ghostly(100, {}, [ghost]), 1).get(-7)?.x ?? 0;
  assert.equal(Math.round(before), 300 + 68, "half as fast as 680 a second");
  const mine = { ...bullet, ...fields, born: 100, shot: 7 };
  const after = bullets.place(ghostly(100, { Bullet: [mine] }, [], ghost), 1);
  assert.deepEqual([...after.keys()], [9]);
  assert.equal(after.get(9)?.x, before, "no jump where the one takes the other's place");
  assert.equal(Math.round(bullets.place(ghostly(112, { Bullet: [mine] }, [], ghost), 1).get(9)?.x ?? 0), 300 + 272);
});

test("an own bullet that has met a ship on this screen is drawn no further", () => {
  const bullets = new Bullets();
  const ghost = { seq: 8, fields: { ...bullet, tick: 100 }, age: 0, opacity: 1 };
  const target = { ...ship, id: 6, player: 2, x: 330 };
  assert.equal(bullets.place(ghostly(100, { Ship: [target] }, [ghost]), 1).size, 1);
  assert.equal(bullets.place(ghostly(103, { Ship: [target] }, [ghost]), 1).size, 0);
  assert.equal(bullets.place(ghostly(104, {}, [ghost]), 1).size, 0);
  const safe = { ...target, safe: true };
  assert.equal(new Bullets().place(ghostly(103, { Ship: [safe] }, [ghost]), 1).size, 1);
});

test("no ghost is made of a step that fired nothing, or in a rock or wall", () => {
  const { prediction } = new Bullets();
  assert.equal(prediction.make(ship, {}, NOTHING), null);
  assert.equal(prediction.make(ship, {}, BEAM), null);
  assert.equal(prediction.make({ ...ship, x: 20, heading: Math.PI }, {}, SHOT), null);
  assert.equal(prediction.seq({ shot: 17 }), 17);
});

test("the own beam is drawn at once to what it hits on the screen, and the server's word on it not again", () => {
  const beams = new Beams();
  const target = { ...ship, id: 6, player: 2, x: 600 };
  beams.shoot(ship, viewOf(90, { Ship: [ship, target] }), 1000);
  const mine = { id: 11, player: 1, born: 96, x: 300, y: 1500, to_x: 580, to_y: 1500, struck: true };
  const [ray, ...others] = beams.place(viewOf(97, { Beam: [mine] }), 1, 1100);
  assert.deepEqual([Math.round(ray.x), Math.round(ray.toX), ray.struck, others.length], [300, 580, true, 0]);
  assert.deepEqual(beams.place(viewOf(97, { Beam: [mine] }), 1, 1300), []);
  const theirs = beams.place(viewOf(97, { Beam: [mine] }), 2, 1300);
  assert.deepEqual(theirs.map(({ toX, own }) => [toX, own]), [[580, false]]);
  assert.deepEqual(beams.place(viewOf(96 + 8.2, { Beam: [mine] }), 2, 1300), [], "faded");
});

test("the scene notices shots, beams, hits, deaths, sparks and taken pickups, and nothing in its first picture", () => {
  const scene = new Scene();
  const pickup = { id: 7, x: 1, y: 2, kind: 1 };
  const shot = { x: 5, y: 6, vx: 1, vy: 0, own: false, opacity: 1 };
  const first = viewOf(1, { Ship: [ship], Pickup: [pickup] });
  assert.deepEqual(scene.compare(first, new Map([[3, shot]]), 1), []);
  const hurt = { ...ship, hull: 90, cooldown: 8 };
  const second = scene.compare(viewOf(2, { Ship: [hurt], Pickup: [pickup] }), new Map([[3, shot]]), 1);
  assert.deepEqual(second.map(({ what }) => what), ["hurt", "fired"]);
  const beamed = { ...hurt, cooldown: 8, charge: 75 };
  const third = scene.compare(viewOf(3, { Ship: [beamed], Pickup: [pickup] }), new Map([[3, shot]]), 1);
  assert.deepEqual(third.map(({ what }) => what), ["beamed"]);
  const beam = { id: 12, player: 1 };
  const fourth = scene.compare(viewOf(3, { Ship: [beamed], Pickup: [pickup], Beam: [beam] }), new Map([[3, shot]]), 2);
  assert.deepEqual(fourth.map(({ what }) => what), ["beamed"]);
  const fifth = scene.compare(viewOf(4, {}), new Map(), 1);
  assert.deepEqual(fifth.map(({ what }) => what), ["died", "sparks", "taken"]);
});

test("a ghost leaves sparks where it met something, and none where its bullet takes its place or it fades", () => {
  const ghost = { x: 500, y: 600, vx: 1, vy: 0, own: true, opacity: 1 };
  /** @param {typeof ghost} last @param {[number, typeof ghost][]} next */
  const sparks = (last, next) => {
    const scene = new Scene();
    scene.compare(viewOf(1, {}), new Map([[-3, last]]), 1);
    return scene.compare(viewOf(2, {}), new Map(next), 1).length;
  };
  assert.equal(sparks(ghost, []), 1);
  assert.equal(sparks(ghost, [[9, { ...ghost, x: 511 }]]), 0);
  assert.equal(sparks({ ...ghost, opacity: 0.4 }, []), 0);
});

test("turning towards a goal takes the short way, at full rate when far", () => {
  assert.equal(turnTowards(0, 3), 100);
  assert.equal(turnTowards(0.1, 5.9), -100);
  assert.equal(turnTowards(1, 1), 0);
  assert.ok(Math.abs(turnTowards(6.28, 0.02)) < 20);
});

test("the address says what to join, and the lobby writes such addresses", () => {
  const address = playAddress("arena", { create: true, private: true, options: { bots: 3 } });
  assert.deepEqual(readWish(address.slice(address.indexOf("?"))), { create: true, private: true, options: { bots: 3 } });
  assert.deepEqual(readWish("?room=n1-2&options=%7Bbroken"), { room: "n1-2" });
  assert.deepEqual(readWish("?code=ABC&options=[1]"), { code: "ABC" });
  assert.equal(playAddress("a/b"), "/play/a%2Fb");
});

test("the scoreboard ranks by score, then kills, then fewer deaths", () => {
  const players = [
    { id: 1, score: 100, kills: 1, deaths: 2 },
    { id: 2, score: 100, kills: 1, deaths: 1 },
    { id: 3, score: 300, kills: 2, deaths: 9 },
  ];
  assert.deepEqual(ranked(viewOf(1, { Player: players })).map(({ id }) => id), [3, 2, 1]);
});

test("numbers are shown as people read them", () => {
  assert.deepEqual([shownTime(61.2), shownTime(-3), shownTime(9)], ["1:02", "0:00", "0:09"]);
  assert.deepEqual([shownRate(730), shownRate(12_340)], ["730 B/s", "12.3 kB/s"]);
  assert.deepEqual([shownAge(5), shownAge(185), shownAge(7300)], ["just opened", "3 min", "2 h"]);
  assert.deepEqual([shownKey("round_s"), shownKey("bots"), shownKey("best_of")], ["round (s)", "bots", "best of"]);
});

test("events wait for the picture of their tick, in order and once, and those of a page that is not drawn up to a bound", () => {
  const news = new News();
  const event = (/** @type {number} */ number) => ({ number, tick: number, name: "kill", data: null });
  for (const number of [1, 2, 3]) news.add(event(number));

  assert.deepEqual(news.due(2), [event(1), event(2)]);
  assert.deepEqual(news.due(2), []);
  for (let number = 4; number <= 5000; number++) news.add(event(number));
  const kept = news.due(5000);
  assert.equal(kept.length, 100);
  assert.deepEqual(kept.at(-1), event(5000));
  news.add(event(5001));
  news.clear();
  assert.deepEqual(news.due(9999), []);
});
