// @ts-check
/** The numbers around the picture: clock, score, place, leaders, hull and boost, perks, words in the middle, connection figures. */

import { byId, make } from "../../shared/dom.js";
import { BEAM_ENERGY, BEAM_STEPS } from "./movement.js";

const LEADERS = 5;
const TICK_RATE = 30;
export const PHASE_RESULTS = 1;

/**
 * Return players in the order of the scoreboard.
 * @param {any} view
 * @returns {any[]}
 */
export function ranked(view) {
  return [...view.all("Player")].sort(
    (a, b) => b.score - a.score || b.kills - a.kills || a.deaths - b.deaths || a.id - b.id,
  );
}

/**
 * Set a text only when it differs: the page is not laid out anew at each picture.
 * @param {HTMLElement} element
 * @param {string} text
 */
export function setText(element, text) {
  if (element.textContent !== text) element.textContent = text;
}

/** @param {number} bytes a second */
export function shownRate(bytes) {
  return bytes < 1000 ? `${Math.round(bytes)} B/s` : `${(bytes / 1000).toFixed(1)} kB/s`;
}

/** @param {number} seconds */
export function shownTime(seconds) {
  const whole = Math.max(0, Math.ceil(seconds));
  return `${Math.floor(whole / 60)}:${String(whole % 60).padStart(2, "0")}`;
}

export class Hud {
  constructor() {
    this.clock = byId("clock", HTMLSpanElement);
    this.clockBox = byId("clock-box", HTMLDivElement);
    this.round = byId("round", HTMLSpanElement);
    this.score = byId("score", HTMLSpanElement);
    this.place = byId("place", HTMLSpanElement);
    this.leaders = byId("leaders", HTMLOListElement);
    this.gauges = byId("gauges", HTMLDivElement);
    this.hull = byId("hull", HTMLMeterElement);
    this.hullText = byId("hull-text", HTMLSpanElement);
    this.energy = byId("energy", HTMLMeterElement);
    this.beam = byId("beam", HTMLMeterElement);
    this.beamText = byId("beam-text", HTMLSpanElement);
    this.beamButton = byId("touch-beam", HTMLButtonElement);
    this.perks = byId("perks", HTMLDivElement);
    this.respawn = byId("respawn", HTMLDivElement);
    this.respawnText = byId("respawn-text", HTMLParagraphElement);
    this.toast = byId("toast", HTMLDivElement);
    this.figures = {
      ping: byId("stat-ping", HTMLElement),
      tick: byId("stat-tick", HTMLElement),
      frames: byId("stat-frames", HTMLElement),
      in: byId("stat-in", HTMLElement),
      out: byId("stat-out", HTMLElement),
    };
    this.leadersShown = "";
    this.perksShown = "";
    this.killer = "";
    this.toastTimer = 0;
  }

  /**
   * Bring the words and bars up to date with the picture.
   * @param {any} view
   * @param {any} player the own Player, or null
   * @param {any} ship the own Ship, or null
   * @param {number | null} newestTick of the room, for countdowns
   */
  show(view, player, ship, newestTick) {
    const { room } = view;
    const left = (room.phase_end - view.tick) / TICK_RATE;
    setText(this.clock, shownTime(left));
    setText(this.round, room.phase === PHASE_RESULTS ? "Next in" : `Round ${room.round_number}`);
    this.clockBox.classList.toggle("clock-ending", room.phase !== PHASE_RESULTS && left < 15);
    const order = ranked(view);
    setText(this.score, String(player?.score ?? 0));
    setText(this.place, player ? `${order.findIndex((other) => other.id === player.id) + 1}/${order.length}` : "\u2013");
    this.showLeaders(order.slice(0, LEADERS), player?.id ?? null);
    this.gauges.hidden = !ship;
    if (ship) this.showShip(ship);
    const waiting = player && !ship && room.phase !== PHASE_RESULTS && player.respawn_tick > 0 && player.deaths > 0;
    this.respawn.hidden = !waiting;
    if (waiting) {
      const seconds = Math.max(0, (player.respawn_tick - (newestTick ?? view.tick)) / TICK_RATE);
      setText(this.respawnText, `${this.killer ? `by ${this.killer} \u00b7 ` : ""}back in ${seconds.toFixed(1)} s`);
    }
  }

  /** @param {any} ship */
  showShip(ship) {
    if (this.hull.value !== ship.hull) {
      this.hull.value = ship.hull;
      setText(this.hullText, String(ship.hull));
    }
    this.energy.value = ship.energy;
    const ready = ship.charge === 0 && ship.energy >= BEAM_ENERGY;
    this.beam.value = BEAM_STEPS - ship.charge;
    setText(this.beamText, ready ? "E" : "");
    this.beamButton.classList.toggle("waiting", !ready);
    const perks = [];
    if (ship.shield > 0) perks.push(["perk-shield", `Shield ${ship.shield}`]);
    if (ship.rapid > 0) perks.push(["perk-rapid", `Rapid fire ${Math.ceil(ship.rapid / TICK_RATE)} s`]);
    if (ship.safe) perks.push(["perk-safe", "Protected until you fire"]);
    const shown = perks.map(([, text]) => text).join("|");
    if (shown === this.perksShown) return;
    this.perksShown = shown;
    this.perks.replaceChildren(...perks.map(([name, text]) => make("span", `perk ${name}`, text)));
  }

  /**
   * @param {any[]} leaders
   * @param {number | null} meId
   */
  showLeaders(leaders, meId) {
    const shown = leaders.map((player) => `${player.id} ${player.name} ${player.score}`).join("|");
    if (shown === this.leadersShown) return;
    this.leadersShown = shown;
    this.leaders.replaceChildren(
      ...leaders.map((player) =>
        make(
          "li",
          player.id === meId ? "me" : "",
          make("span", "name", player.name),
          make("span", "number", String(player.score)),
        ),
      ),
    );
  }

  /** @param {import("../../client/client.js").GameClient["stats"]} stats */
  showFigures(stats) {
    setText(this.figures.ping, `${Math.round(stats.rttMs)} ms`);
    setText(this.figures.tick, String(stats.tick));
    setText(this.figures.frames, String(Math.round(stats.framesPerSecond)));
    setText(this.figures.in, shownRate(stats.bytesInPerSecond));
    setText(this.figures.out, shownRate(stats.bytesOutPerSecond));
  }

  /**
   * Say something short in the middle of the screen.
   * @param {string} text
   */
  say(text) {
    this.toast.textContent = text;
    this.toast.classList.remove("gone");
    window.clearTimeout(this.toastTimer);
    this.toastTimer = window.setTimeout(() => this.toast.classList.add("gone"), 2200);
  }
}
