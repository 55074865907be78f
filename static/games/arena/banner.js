// @ts-check
/** How the connection is doing, in words, with what can be done about it. Hidden while all is well. */

import { byId } from "../../shared/dom.js";
import { Shutdown } from "../../shared/shutdown.js";

/** close codes a player should hear of in plain words. @type {Record<string, string>} */
const REASONS = {
  room_not_found: "That room is gone.",
  room_full: "That room is full.",
  bad_join: "The server does not accept this room's settings.",
  idle: "You were away for a while.",
  taken_over: "You are playing in another tab.",
  kicked: "You were removed from the room.",
  banned: "You may not play here for now.",
  room_closed: "The room has ended.",
  room_crashed: "The room failed and was closed.",
  seat_gone: "Your seat was given up.",
  draining: "The server is being restarted.",
  server_full: "The server is full. Try again in a moment.",
  unsupported_version: "This page is too old for the server. Reload it.",
  schema_changed: "The game has changed. Reload the page.",
};

export class Banner {
  /** @param {() => void} retry */
  constructor(retry) {
    this.box = byId("banner", HTMLDivElement);
    this.text = byId("banner-text", HTMLSpanElement);
    this.spinner = byId("banner-spinner", HTMLSpanElement);
    this.retry = byId("banner-retry", HTMLButtonElement);
    this.again = byId("banner-again", HTMLAnchorElement);
    this.lobby = byId("banner-lobby", HTMLAnchorElement);
    this.shutdown = new Shutdown((text) => {
      this.text.textContent = text;
      this.box.hidden = false;
      this.spinner.hidden = this.retry.hidden = this.again.hidden = this.lobby.hidden = true;
    });
    this.retry.addEventListener("click", () => retry());
  }

  /** @param {import("../../client/connection.js").StatusDetail} detail */
  show(detail) {
    const { status, attempt } = detail;
    this.shutdown.stop();
    const closed = status === "closed";
    document.body.dataset.status = status;
    this.box.hidden = status === "playing";
    document.body.classList.toggle("offline", status === "reconnecting" || closed);
    this.box.classList.toggle("broken", closed);
    this.spinner.hidden = closed;
    this.retry.hidden = closed || attempt < 2;
    this.lobby.hidden = !closed && attempt < 4;
    this.again.hidden = !closed;
    if (status === "connecting") this.text.textContent = attempt > 1 ? "No answer. Trying again\u2026" : "Connecting\u2026";
    else if (status === "reconnecting") this.text.textContent = "Connection lost. Reconnecting\u2026";
    else if (closed) this.text.textContent = REASONS[detail.name] ?? (detail.reason || "The connection was closed.");
  }
}
