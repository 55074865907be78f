// @ts-check
/** The list of who shot whom, newest last. */

import { make } from "../../shared/dom.js";
import { colourOf } from "./palette.js";

const LINES_MAX = 5;
const LINE_LIFE_MS = 6000;
const SVG = "http://www.w3.org/2000/svg";

export class Feed {
  /** @param {HTMLElement} list */
  constructor(list) {
    this.list = list;
  }

  /**
   * @param {{by: number, by_name: string, victim: number, victim_name: string}} kill
   * @param {number | null} meId
   */
  add(kill, meId) {
    const mine = kill.by === meId || kill.victim === meId;
    const line = make(
      "li",
      mine ? "mine" : "",
      makeName(kill.by_name, colourOf(kill.by, meId)),
      makeMark(),
      makeName(kill.victim_name, colourOf(kill.victim, meId)),
    );
    this.list.append(line);
    while (this.list.childElementCount > LINES_MAX) this.list.firstElementChild?.remove();
    window.setTimeout(() => line.classList.add("old"), LINE_LIFE_MS);
    window.setTimeout(() => line.remove(), LINE_LIFE_MS + 600);
  }
}

/**
 * @param {string} name
 * @param {string} colour
 */
function makeName(name, colour) {
  const element = make("span", "name", name);
  element.style.color = colour;
  return element;
}

function makeMark() {
  const mark = document.createElementNS(SVG, "svg");
  mark.setAttribute("viewBox", "0 0 16 16");
  mark.setAttribute("role", "img");
  mark.setAttribute("aria-label", "destroyed");
  const path = document.createElementNS(SVG, "path");
  path.setAttribute("d", "M7 0h2v3.100A5 5 0 0 1 12.900 7H16v2h-3.100A5 5 0 0 1 9 12.900V16H7v-3.100A5 5 0 0 1 3.100 9H0V7h3.100A5 5 0 0 1 7 3.100Zm1 5a3 3 0 1 0 0 6 3 3 0 0 0 0-6Z");
  mark.append(path);
  return mark;
}
