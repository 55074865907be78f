// @ts-check
/** How the connection is doing, in words, with what can be done about it. Hidden while all is well. */

import { byId } from "../shared/dom.js";
import { Shutdown } from "../shared/shutdown.js";

/** Close codes in a player's words. @type {Record<string, string>} */
const REASONS = {
  room_not_found: "That room is gone.",
  room_full: "That room is full.",
  idle: "You were away for a while.",
  taken_over: "You are playing in another tab.",
  kicked: "You were removed from the room.",
  banned: "You may not play here for now.",
  room_closed: "The room has ended.",
  room_crashed: "The game failed and its room was closed. The server's log says why.",
  seat_gone: "Your seat was given up.",
  draining: "The server is being restarted.",
  server_full: "The server is full. Try again in a moment.",
  schema_changed: "The game has changed. Reload the page.",
};

export class Banner {
  #box = byId("banner", HTMLDivElement);
  #text = byId("banner-text", HTMLSpanElement);
  #retry = byId("banner-retry", HTMLButtonElement);
  #again = byId("banner-again", HTMLAnchorElement);

  shutdown = new Shutdown((text) => {
    this.#text.textContent = text;
    this.#box.hidden = false;
    this.#retry.hidden = this.#again.hidden = true;
  });

  /** @param {() => void} retry */
  constructor(retry) {
    this.#retry.addEventListener("click", retry);
    this.#again.href = window.location.pathname;
  }

  /** @param {import("../client/connection.js").StatusDetail} detail */
  show({ status, attempt, name, reason }) {
    const closed = status === "closed";
    this.shutdown.stop();
    document.body.dataset.status = status;
    this.#box.hidden = status === "playing";
    this.#box.classList.toggle("broken", closed);
    this.#retry.hidden = closed || attempt < 2;
    this.#again.hidden = !closed;
    if (status === "connecting") this.#text.textContent = attempt ? "No answer yet. Trying again\u2026" : "Connecting\u2026";
    else if (status === "reconnecting") this.#text.textContent = "Connection lost. Reconnecting\u2026";
    else if (closed) this.#text.textContent = REASONS[name] ?? (reason || "The connection was closed.");
  }
}
