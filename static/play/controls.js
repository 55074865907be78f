// @ts-check
/**
 * The player's hands: keys, and the same keys as buttons on the screen that say what they do; sliders for other numbers.
 *
 * Knows the page's elements and the bindings of `keys.js`; tells of each change and knows nothing of the network.
 */

import { make } from "../shared/dom.js";
import { inputOf, shown } from "./keys.js";

/**
 * @typedef {import("./keys.js").Bindings} Bindings
 * @typedef {import("./keys.js").KeyBinding} KeyBinding
 */

export class Controls {
  /** @type {Bindings} */
  #bindings = { keys: [], sliders: [] };
  /** by key or by pointer, so that a button held with a thumb outlives a key let go. @type {Map<KeyBinding, Set<string>>} */
  #holders = new Map();
  /** @type {Map<KeyBinding, HTMLButtonElement>} */
  #buttons = new Map();
  #box;
  #tell;

  /**
   * @param {HTMLElement} box gets the buttons and sliders
   * @param {(input: Record<string, number | boolean>) => void} tell
   */
  constructor(box, tell) {
    this.#box = box;
    this.#tell = tell;
    window.addEventListener("keydown", (event) => this.#key(event, true));
    window.addEventListener("keyup", (event) => this.#key(event, false));
    window.addEventListener("blur", () => this.release());
  }

  /** Make the buttons and sliders anew, with nothing held and the sliders where they begin. @param {Bindings} bindings */
  show(bindings) {
    this.release();
    this.#bindings = bindings;
    this.#buttons.clear();
    const pad = make("div", "pad");
    const acts = make("div", "acts");
    for (const binding of bindings.keys) (binding.place === "act" ? acts : pad).append(this.#makeButton(binding));
    const sliders = make("div", "sliders", ...bindings.sliders.map((slider) => this.#makeSlider(slider)));
    this.#box.replaceChildren(...[pad, acts, sliders].filter((part) => part.childElementCount > 0));
    this.#box.hidden = this.#box.childElementCount === 0;
    for (const { field, value } of bindings.sliders) this.#tell({ [field]: value });
  }

  /** Let go of everything, as when the window loses the focus or a text is typed. */
  release() {
    if (this.#holders.size === 0) return;
    this.#holders.clear();
    this.#changed();
  }

  /**
   * @param {KeyboardEvent} event
   * @param {boolean} down
   */
  #key(event, down) {
    const { key, code } = event;
    if (!down && key === "Meta") this.release(); // while it is held, macOS tells of no other key that is let go
    const keys = this.#bindings.keys;
    const binding = keys.find((one) => one.key === key.toLowerCase()) ?? keys.find((one) => one.code === code);
    if (!binding) return;
    const { target } = event;
    const typing = target instanceof HTMLInputElement ? target.type !== "range" || key.startsWith("Arrow") : target instanceof HTMLSelectElement;
    const pressing = target instanceof HTMLElement && target.closest("a, button, summary") !== null;
    if (down && (typing || event.ctrlKey || event.metaKey || event.altKey || (pressing && key === " "))) return;
    if (down) event.preventDefault();
    this.#hold(binding, `key ${code}`, down);
  }

  /**
   * @param {KeyBinding} binding
   * @param {string} holder
   * @param {boolean} down
   */
  #hold(binding, holder, down) {
    const holders = this.#holders.get(binding) ?? new Set();
    const before = holders.size;
    if (down) holders.add(holder);
    else holders.delete(holder);
    if (holders.size > 0) this.#holders.set(binding, holders);
    else this.#holders.delete(binding);
    if (holders.size > 0 !== before > 0) this.#changed();
  }

  #changed() {
    const held = new Set(this.#holders.keys());
    for (const [binding, button] of this.#buttons) button.classList.toggle("held", held.has(binding));
    this.#tell(inputOf(this.#bindings.keys, held));
  }

  /** @param {KeyBinding} binding */
  #makeButton(binding) {
    const cap = make("kbd", "", binding.cap);
    const button = make("button", `key key-${binding.place}`, cap);
    if (binding.place === "act") button.append(make("span", "", binding.says));
    button.type = "button";
    button.tabIndex = -1; // the key that it shows does the same
    button.setAttribute("aria-label", binding.says);
    button.addEventListener("pointerdown", (event) => {
      event.preventDefault();
      button.setPointerCapture(event.pointerId);
      this.#hold(binding, `pointer ${event.pointerId}`, true);
    });
    for (const end of ["pointerup", "pointercancel", "lostpointercapture"]) {
      button.addEventListener(end, (event) => {
        this.#hold(binding, `pointer ${/** @type {PointerEvent} */ (event).pointerId}`, false);
      });
    }
    button.addEventListener("contextmenu", (event) => event.preventDefault());
    this.#buttons.set(binding, button);
    return button;
  }

  /** @param {import("./keys.js").Slider} slider */
  #makeSlider({ field, min, max, step, value }) {
    const input = make("input", "");
    Object.assign(input, { type: "range", min: String(min), max: String(max), step: String(step), value: String(value) });
    const output = make("output", "number", String(value));
    input.addEventListener("input", () => {
      output.textContent = String(Math.round(input.valueAsNumber * 100) / 100);
      this.#tell({ [field]: input.valueAsNumber });
    });
    return make("label", "slider", make("span", "", shown(field)), input, output);
  }
}
