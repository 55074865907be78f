// @ts-check
import assert from "node:assert/strict";
import { test } from "node:test";

import { Bullets } from "../../static/games/arena/bullets.js";
import { turnTowards } from "../../static/games/arena/controls.js";
import { ranked, shownRate, shownTime } from "../../static/games/arena/hud.js";
import { Scene } from "../../static/games/arena/scene.js";
import { readWish } from "../../static/games/arena/wish.js";
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
const ship = { id: 5, player: 1, x: 276, y: 1500, vx: 0, vy: 0, heading: 0, hull: 100, shield: 0, cooldown: 0 };

test("a bullet of another is where its birth tick says", () => {
  const shown = new Bullets().place(viewOf(103, { Bullet: [bullet] }), 2, 0);
  assert.deepEqual(shown.get(9), { x: 330, y: 1500, vx: 300, vy: 0, own: false });
});

test("an own bullet takes its ghost's lead over and loses it on the way", () => {
  const bullets = new Bullets();
  bullets.shoot({ ...ship, x: 276 }, 1000);
  const ghost = bullets.place(viewOf(99, {}), 1, 1100).get(-1);
  assert.equal(Math.round(ghost?.x ?? 0), 300 + 68);
  const born = bullets.place(viewOf(100, { Bullet: [bullet] }), 1, 1100);
  assert.deepEqual([...born.keys()], [9], "the ghost is gone");
  assert.equal(born.get(9)?.x, 300 + 30, "100 ms ahead: 3 ticks at 300 units a second");
  assert.equal(bullets.place(viewOf(122, { Bullet: [bullet] }), 1, 1833).get(9)?.x, 520, "where the server has it");
});

test("a ghost whose bullet never comes goes by itself, and none is drawn outside the world", () => {
  const bullets = new Bullets();
  bullets.shoot({ ...ship, x: 30, heading: Math.PI }, 1000);
  assert.equal(bullets.place(viewOf(1, {}), 1, 1000).size, 1);
  assert.equal(bullets.place(viewOf(2, {}), 1, 1200).size, 0);
  bullets.shoot(ship, 2000);
  assert.equal(bullets.place(viewOf(3, {}), 1, 2601).size, 0);
});

test("the scene notices shots, hits, deaths, sparks and taken pickups, and nothing in its first picture", () => {
  const scene = new Scene();
  const pickup = { id: 7, x: 1, y: 2, kind: 1 };
  const shot = { x: 5, y: 6, vx: 1, vy: 0, own: false };
  const first = viewOf(1, { Ship: [ship], Pickup: [pickup] });
  assert.deepEqual(scene.compare(first, new Map([[3, shot]]), 1), []);
  const hurt = { ...ship, hull: 90, cooldown: 8 };
  const second = scene.compare(viewOf(2, { Ship: [hurt], Pickup: [pickup] }), new Map([[3, shot]]), 1);
  assert.deepEqual(second.map(({ what }) => what), ["hurt", "fired"]);
  const third = scene.compare(viewOf(3, {}), new Map(), 1);
  assert.deepEqual(third.map(({ what }) => what), ["died", "sparks", "taken"]);
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
