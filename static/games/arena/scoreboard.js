// @ts-check
/** The scoreboard: held open with Tab, toggled by its button, and shown by itself between rounds. */

import { byId, make } from "../../shared/dom.js";
import { PHASE_RESULTS, ranked, setText, shownTime } from "./hud.js";
import { colourOf } from "./palette.js";

const REFRESH_MS = 250;

export class Scoreboard {
  constructor() {
    this.board = byId("board", HTMLElement);
    this.title = byId("board-title", HTMLElement);
    this.note = byId("board-note", HTMLParagraphElement);
    this.rows = byId("board-rows", HTMLTableSectionElement);
    this.button = byId("scores", HTMLButtonElement);
    this.held = false;
    this.pinned = false;
    this.refreshedMs = -Infinity;
    /** what the score file said of the last round */
    this.saved = "";
    this.button.addEventListener("click", () => {
      this.pinned = !this.pinned;
      this.button.setAttribute("aria-pressed", String(this.pinned));
    });
    window.addEventListener("keydown", (event) => {
      if (event.code !== "Tab" || event.target !== document.body || event.shiftKey) return;
      event.preventDefault();
      this.held = true;
    });
    window.addEventListener("keyup", (event) => {
      if (event.code === "Tab") this.held = false;
    });
    window.addEventListener("blur", () => (this.held = false));
  }

  /**
   * @param {any} view
   * @param {number | null} meId
   * @param {number} timeMs
   */
  show(view, meId, timeMs) {
    const results = view.room.phase === PHASE_RESULTS;
    const open = this.held || this.pinned || results;
    const opening = this.board.hidden && open;
    if (this.board.hidden === open) {
      this.board.hidden = !open;
      this.refreshedMs = -Infinity;
    }
    if (!open || timeMs - this.refreshedMs < REFRESH_MS) return;
    this.refreshedMs = timeMs;
    const order = ranked(view);
    const seconds = (view.room.phase_end - view.tick) / 30;
    setText(this.title, results ? `${order[0]?.name ?? "Nobody"} wins the round` : "Scoreboard");
    setText(this.note, results ? `Next round in ${shownTime(seconds)}${this.saved}` : `${shownTime(seconds)} left`);
    this.rows.replaceChildren(...order.map((player, index) => makeRow(player, index, meId)));
    if (opening) this.rows.querySelector(".me")?.scrollIntoView({ block: "nearest" });
  }
}

/**
 * @param {any} player
 * @param {number} index
 * @param {number | null} meId
 */
function makeRow(player, index, meId) {
  const pilot = make("td", "pilot", player.name);
  pilot.style.color = colourOf(player.id, meId);
  if (player.bot) pilot.append(make("span", "tag", "bot"));
  const numbers = [player.score, player.kills, player.deaths].map((number) => make("td", "number", String(number)));
  return make("tr", player.id === meId ? "me" : player.bot ? "bot" : "", make("td", "number", String(index + 1)), pilot, ...numbers);
}
