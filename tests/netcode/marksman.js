/**
 * A pilot for the real SDK who fires the beam when the picture says that it will hit, and says which ones did on the picture.
 *
 * It looks at what a player sees: the own ship as drawn, others as drawn. Whether a beam hits is worked out by the arena's own rule at the
 * step that fires it, with the predicted ship after that step and the ships of the last picture.
 */
import { BEAM_RADIUS, BEAM_RANGE, clearWay, wayTo } from "/static/games/arena/beam.js";
import { BEAM, TURN_RATE } from "/static/games/arena/movement.js";
import { muzzleOf } from "/static/games/arena/shots.js";

const TICK_RATE = 30;
/** Under 1: the heading that is drawn is up to a step old. */
const GAIN = 0.5;
/** Units beside the middle of a ship at which a beam is tried. */
const MISS_MAX = 14;
const NEAR = 280;

export class Marksman {
  /** @type {any} */
  #view = null;
  #reported = 0;

  /** @type {import("../../static/client/ghosts.js").SpawnPrediction} */
  prediction = {
    type: "Beam",
    make: (ship, _input, fired) => (fired === BEAM ? this.#judge(ship) : null),
    seq: (beam) => beam.shot,
  };

  /** @param {any} ship @returns {{ victim: number, x: number, y: number }} victim 0: nobody */
  #judge(ship) {
    const [x, y, dx, dy] = muzzleOf(ship);
    let reach = clearWay(x, y, dx, dy, BEAM_RANGE);
    const found = { victim: 0, x: 0, y: 0 };
    for (const other of this.#others()) {
      const way = wayTo(x, y, dx, dy, other.x, other.y, BEAM_RADIUS);
      if (way < 0 || way >= reach) continue;
      reach = way;
      Object.assign(found, { victim: other.id, x: other.x, y: other.y });
    }
    return found;
  }

  #others() {
    return this.#view.all("Ship").filter((/** @type {any} */ ship) => !this.#view.own.has(ship.id) && !ship.safe);
  }

  /**
   * Look at a picture and steer by it.
   *
   * @param {import("../../static/client/session.js").View} view
   * @param {any} own ship, or null
   * @returns {Record<string, any>} what to press
   */
  steer(view, own) {
    this.#view = view;
    if (!own) return { turn: 0, thrust: 0, beam: false };
    const far = (/** @type {any} */ ship) => Math.hypot(ship.x - own.x, ship.y - own.y);
    const target = this.#others().sort((/** @type {any} */ a, /** @type {any} */ b) => far(a) - far(b))[0];
    if (!target) return { turn: 0, thrust: 60, beam: false };
    const goal = Math.atan2(target.y - own.y, target.x - own.x);
    const off = Math.atan2(Math.sin(goal - own.heading), Math.cos(goal - own.heading));
    const turn = Math.trunc(Math.max(-100, Math.min(100, ((off * TICK_RATE) / TURN_RATE) * 100 * GAIN)));
    const beam = Math.abs(off) < 1 && far(target) * Math.abs(Math.sin(off)) < MISS_MAX;
    return { turn, thrust: far(target) < NEAR ? -60 : 80, beam };
  }

  /** Return the beams since the last time that hit on the picture: [number of the input, ship, x, y]. @param {readonly any[]} ghosts */
  hits(ghosts) {
    const fresh = ghosts.filter(({ seq }) => seq > this.#reported);
    this.#reported = Math.max(this.#reported, ...fresh.map(({ seq }) => seq));
    return fresh.filter(({ fields }) => fields.victim).map(({ seq, fields }) => [seq, fields.victim, fields.x, fields.y]);
  }
}
