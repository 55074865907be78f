// @ts-check
/** Thumbs: a stick that appears where the left one lands, and buttons under the right one. Knows only its elements. */

const STICK_RADIUS = 56;
const DEAD_ZONE = 0.16;

export class Touch {
  /** @param {{zone: HTMLElement, base: HTMLElement, knob: HTMLElement, fire: HTMLElement, boost: HTMLElement, beam: HTMLElement}} parts */
  constructor(parts) {
    this.parts = parts;
    /** the direction of the stick, in radians, and how far it is pushed, 0 to 1. @type {{way: number, reach: number} | null} */
    this.stick = null;
    this.fire = false;
    this.boost = false;
    this.beam = false;
    /** @type {number | null} */
    this.pointer = null;
    this.startX = 0;
    this.startY = 0;
    const { zone, fire, boost, beam } = parts;
    zone.addEventListener("pointerdown", (event) => this.grab(event));
    zone.addEventListener("pointermove", (event) => this.move(event));
    for (const end of ["pointerup", "pointercancel", "lostpointercapture"]) {
      zone.addEventListener(end, (event) => this.letGo(/** @type {PointerEvent} */ (event)));
    }
    hold(fire, (down) => (this.fire = down));
    hold(boost, (down) => (this.boost = down));
    hold(beam, (down) => (this.beam = down));
  }

  /** @param {PointerEvent} event */
  grab(event) {
    if (this.pointer !== null) return;
    event.preventDefault();
    this.pointer = event.pointerId;
    this.parts.zone.setPointerCapture(event.pointerId);
    this.startX = event.clientX;
    this.startY = event.clientY;
    const { base } = this.parts;
    base.style.left = `${event.clientX}px`;
    base.style.top = `${event.clientY}px`;
    base.classList.add("stick-held");
    this.move(event);
  }

  /** @param {PointerEvent} event */
  move(event) {
    if (event.pointerId !== this.pointer) return;
    const dx = event.clientX - this.startX;
    const dy = event.clientY - this.startY;
    const distance = Math.hypot(dx, dy);
    const reach = Math.min(1, distance / STICK_RADIUS);
    this.stick = reach < DEAD_ZONE ? null : { way: Math.atan2(dy, dx), reach };
    const share = distance > STICK_RADIUS ? STICK_RADIUS / distance : 1;
    this.parts.knob.style.transform = `translate(${dx * share}px, ${dy * share}px)`;
  }

  /** @param {PointerEvent} event */
  letGo(event) {
    if (event.pointerId !== this.pointer) return;
    this.pointer = null;
    this.stick = null;
    this.parts.base.classList.remove("stick-held");
    this.parts.base.style.left = this.parts.base.style.top = "";
    this.parts.knob.style.transform = "";
  }
}

/**
 * Tell when a button is held, wherever the thumb slides.
 * @param {HTMLElement} button
 * @param {(down: boolean) => void} tell
 */
function hold(button, tell) {
  button.addEventListener("pointerdown", (event) => {
    event.preventDefault();
    button.setPointerCapture(event.pointerId);
    button.classList.add("held");
    tell(true);
  });
  for (const end of ["pointerup", "pointercancel", "lostpointercapture"]) {
    button.addEventListener(end, () => {
      button.classList.remove("held");
      tell(false);
    });
  }
  button.addEventListener("contextmenu", (event) => event.preventDefault());
}
