// @ts-check
/** Chat: what is said is only ever text. Enter opens the line, Enter sends it, Escape leaves it. */

import { byId, make } from "../../shared/dom.js";

const LINES_MAX = 60;
const LINE_LIFE_MS = 12000;

export class Chat {
  /**
   * @param {{send: (text: string) => void, opened: () => void}} page
   */
  constructor(page) {
    this.log = byId("chat-log", HTMLDivElement);
    this.form = byId("chat-form", HTMLFormElement);
    this.input = byId("chat-text", HTMLInputElement);
    this.page = page;
    this.form.addEventListener("submit", (event) => {
      event.preventDefault();
      const text = this.input.value.trim();
      if (text) page.send(text);
      this.input.value = "";
      this.close();
    });
    this.input.addEventListener("focus", () => {
      document.body.classList.add("chat-open");
      page.opened();
    });
    this.input.addEventListener("blur", () => document.body.classList.remove("chat-open"));
    this.input.addEventListener("keydown", (event) => {
      if (event.key === "Escape") this.close();
      event.stopPropagation();
    });
    window.addEventListener("keydown", (event) => {
      const elsewhere = event.target instanceof HTMLElement && event.target.closest("a, button, select") !== null;
      if (event.key !== "Enter" || elsewhere || event.isComposing) return;
      event.preventDefault();
      this.open();
    });
  }

  open() {
    document.body.classList.add("chat-open");
    this.input.focus();
  }

  close() {
    this.input.blur();
  }

  /** @param {number} lengthMax code points that the server takes */
  limit(lengthMax) {
    this.input.maxLength = lengthMax;
  }

  /**
   * Add what a player said.
   * @param {string} name
   * @param {string} text
   * @param {string} colour
   */
  add(name, text, colour) {
    const who = make("span", "who", name);
    who.style.color = colour;
    this.append(make("p", "", who, text));
  }

  /** Add a word of the server or the game. @param {string} text */
  note(text) {
    this.append(make("p", "system", text));
  }

  /** @param {HTMLElement} line */
  append(line) {
    this.log.append(line);
    while (this.log.childElementCount > LINES_MAX) this.log.firstElementChild?.remove();
    window.setTimeout(() => line.classList.add("old"), LINE_LIFE_MS);
  }
}
