// @ts-check
/** What was said and what happened, as text and never as markup; and the line to say something. */

import { byId, make } from "../shared/dom.js";
import { shown } from "./keys.js";
import { shownValue } from "./panel.js";

const LINES_MAX = 80;

/**
 * Say an event that this page knows nothing of in words: its name, then what it carries.
 *
 * @param {string} name
 * @param {unknown} data
 */
export function eventText(name, data) {
  if (data === null || data === undefined) return shown(name);
  if (typeof data !== "object" || Array.isArray(data)) return `${shown(name)}: ${shownValue(data)}`;
  const parts = Object.entries(data).map(([key, value]) => `${shown(key)} ${shownValue(value)}`);
  return parts.length ? `${shown(name)}: ${parts.join(", ")}` : shown(name);
}

export class Log {
  #lines = byId("log", HTMLDivElement);
  #input = byId("chat-text", HTMLInputElement);

  /** @param {{send: (text: string) => void, opened: () => void}} page */
  constructor(page) {
    byId("chat-form", HTMLFormElement).addEventListener("submit", (event) => {
      event.preventDefault();
      const text = this.#input.value.trim();
      if (text) page.send(text);
      this.#input.value = "";
      this.#input.blur();
    });
    this.#input.addEventListener("focus", () => page.opened());
    this.#input.addEventListener("keydown", (event) => {
      if (event.key === "Escape") this.#input.blur();
    });
    window.addEventListener("keydown", (event) => {
      const elsewhere = event.target instanceof HTMLElement && event.target.closest("a, button, input, select, summary") !== null;
      if (event.key !== "Enter" || elsewhere || event.isComposing) return;
      event.preventDefault();
      this.#input.focus();
    });
  }

  /** @param {number} lengthMax */
  limit(lengthMax) {
    this.#input.maxLength = lengthMax;
  }

  /** @param {string} name @param {string} text */
  chat(name, text) {
    this.#add(make("p", "said", make("span", "who", name), text));
  }

  /** A word of the server, the page or the game. @param {string} text @param {string} [kind] */
  note(text, kind = "note") {
    this.#add(make("p", kind, text));
  }

  /** @param {HTMLElement} line */
  #add(line) {
    const lines = this.#lines;
    const atEnd = lines.scrollHeight - lines.scrollTop - lines.clientHeight < 40;
    lines.append(line);
    while (lines.childElementCount > LINES_MAX) lines.firstElementChild?.remove();
    if (atEnd) lines.scrollTop = lines.scrollHeight;
  }
}
