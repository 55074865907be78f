// @ts-check
/**
 * What the player wants, from keyboard, mouse and touch: one `read` a picture gives the input's fields.
 *
 * Keys turn at full rate. A mouse or a thumb points to where the ship should look, and `turnTowards` makes the turn that gets it there
 * without overshooting. Whatever was used last steers. Knows the page's elements it listens to, nothing of the network.
 */

import { TURN_RATE } from "./movement.js";

/** @typedef {import("./movement.js").Steering} Steering */

const TICK_RATE = 30;
/** Under 1, because the heading that is seen is up to one step old: a full correction would swing to and fro. */
const GAIN = 0.5;

/** physical keys, so that they lie alike on every keyboard layout. @type {Record<string, string>} */
const KEYS = {
  ArrowLeft: "left",
  KeyA: "left",
  ArrowRight: "right",
  KeyD: "right",
  ArrowUp: "thrust",
  KeyW: "thrust",
  ArrowDown: "brake",
  KeyS: "brake",
  Space: "fire",
  ShiftLeft: "boost",
  ShiftRight: "boost",
  KeyE: "beam",
  KeyQ: "beam",
};

/**
 * Return the turn, in hundredths, that brings a heading to a goal in as few steps as can be.
 * @param {number} heading
 * @param {number} goal
 */
export function turnTowards(heading, goal) {
  const off = Math.atan2(Math.sin(goal - heading), Math.cos(goal - heading));
  return Math.max(-100, Math.min(100, Math.trunc(((off * TICK_RATE) / TURN_RATE) * 100 * GAIN)));
}

export class Controls {
  /**
   * @param {HTMLElement} surface takes the mouse
   * @param {import("./touch.js").Touch} touch
   */
  constructor(surface, touch) {
    this.touch = touch;
    /** Physical keys. @type {Set<string>} */
    this.held = new Set();
    /** where the mouse points, from the middle of the screen; null while keys steer. @type {{x: number, y: number} | null} */
    this.mouse = null;
    this.mouseFire = false;
    this.mouseThrust = false;
    this.mouseBeam = false;
    window.addEventListener("keydown", (event) => this.key(event, true));
    window.addEventListener("keyup", (event) => this.key(event, false));
    window.addEventListener("blur", () => this.release());
    surface.addEventListener("pointermove", (event) => this.point(event));
    surface.addEventListener("pointerdown", (event) => this.press(event));
    // of two buttons only the first to be pressed and the last to be let go come as such: the others come as moves
    window.addEventListener("pointermove", (event) => event.button >= 0 && this.press(event));
    for (const end of ["pointerup", "pointercancel"]) {
      window.addEventListener(end, (event) => this.press(/** @type {PointerEvent} */ (event)));
    }
    surface.addEventListener("contextmenu", (event) => event.preventDefault());
  }

  /** Let go of everything, as when the window loses the focus or a text is typed. */
  release() {
    this.held.clear();
    this.mouseFire = this.mouseThrust = this.mouseBeam = false;
  }

  /**
   * @param {KeyboardEvent} event
   * @param {boolean} down
   */
  key(event, down) {
    const { code, key, target } = event;
    if (!down) {
      this.held.delete(code);
      if (key === "Meta") this.held.clear(); // while it is held, macOS tells of no other key that is let go
      return;
    }
    const act = KEYS[code];
    const typing = target instanceof HTMLInputElement || target instanceof HTMLSelectElement;
    const pressing = target instanceof HTMLButtonElement || target instanceof HTMLAnchorElement;
    if (!act || event.ctrlKey || event.metaKey || event.altKey) return;
    if (typing || (pressing && act === "fire")) return;
    event.preventDefault();
    this.held.add(code);
    if (act === "left" || act === "right") this.mouse = null;
  }

  /** Whether a key for it is held: there may be two. @param {string} act */
  holds(act) {
    return [...this.held].some((code) => KEYS[code] === act);
  }

  /** @param {PointerEvent} event */
  point(event) {
    if (event.pointerType === "touch") return;
    this.mouse = { x: event.clientX - window.innerWidth / 2, y: event.clientY - window.innerHeight / 2 };
  }

  /** A button of the mouse was pressed or let go. @param {PointerEvent} event */
  press(event) {
    if (event.pointerType === "touch") return;
    if (event.type === "pointerdown") this.point(event);
    const { buttons } = event;
    this.mouseFire = (buttons & 1) !== 0;
    this.mouseThrust = (buttons & 2) !== 0;
    this.mouseBeam = (buttons & 4) !== 0;
  }

  /**
   * Return what to send, for a ship with this heading.
   * @param {number} heading
   * @param {{x: number, y: number}} [offset] of the ship from the middle of the screen, in CSS pixels
   * @returns {Steering}
   */
  read(heading, offset = { x: 0, y: 0 }) {
    const { touch } = this;
    let turn = (this.holds("right") ? 100 : 0) - (this.holds("left") ? 100 : 0);
    let thrust = this.holds("thrust") || this.mouseThrust ? 100 : this.holds("brake") ? -100 : 0;
    if (touch.stick) {
      turn = turnTowards(heading, touch.stick.way);
      thrust = Math.round(touch.stick.reach * 100);
    } else if (turn === 0 && this.mouse) {
      turn = turnTowards(heading, Math.atan2(this.mouse.y - offset.y, this.mouse.x - offset.x));
    }
    const boost = this.holds("boost") || touch.boost;
    if (boost && thrust === 0) thrust = 100;
    const fire = this.holds("fire") || this.mouseFire || touch.fire;
    return { turn, thrust, fire, boost, beam: this.holds("beam") || this.mouseBeam || touch.beam };
  }
}
