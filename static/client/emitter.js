/**
 * Handlers by event name. It knows nothing of what the events mean.
 *
 * A handler that throws stops neither the others nor the caller: its error surfaces on its own, as an uncaught one.
 */

/** @template {Record<string, any>} Events */
export class Emitter {
  /** @type {Map<keyof Events, Set<(detail: any) => void>>} */
  #handlers = new Map();

  /**
   * Call `handler` for each event of this name.
   *
   * @template {keyof Events} Name
   * @param {Name} name
   * @param {(detail: Events[Name]) => void} handler
   * @returns {() => void} takes the handler off again
   */
  on(name, handler) {
    const handlers = this.#handlers.get(name) ?? new Set();
    this.#handlers.set(name, handlers.add(handler));
    return () => void handlers.delete(handler);
  }

  /**
   * @template {keyof Events} Name
   * @param {Name} name
   * @param {Events[Name]} detail
   */
  emit(name, detail) {
    for (const handler of this.#handlers.get(name) ?? []) {
      try {
        handler(detail);
      } catch (error) {
        queueMicrotask(() => {
          throw error;
        });
      }
    }
  }
}
