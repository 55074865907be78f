// @ts-check
/** How long the server will be there yet: second by second, between the notices that tell it. Knows no page. */

const EVERY_MS = 250;

export class Shutdown {
  #show;
  /** @type {number | undefined} */
  #timer;

  /** @param {(text: string) => void} show */
  constructor(show) {
    this.#show = show;
  }

  /** The server said how long. @param {number} leftS */
  tell(leftS) {
    this.stop();
    const endsAtMs = performance.now() + leftS * 1000;
    const show = () => {
      const seconds = Math.max(0, Math.ceil((endsAtMs - performance.now()) / 1000));
      this.#show(`The server shuts down in ${seconds} s. You can finish what you are at.`);
    };
    show();
    this.#timer = window.setInterval(show, EVERY_MS);
  }

  /** It did, or the connection is gone for another reason. */
  stop() {
    window.clearInterval(this.#timer);
    this.#timer = undefined;
  }
}
