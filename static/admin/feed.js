// @ts-check
/**
 * The socket behind the page: messages in, acts out, and coming back by itself.
 * A refused connection may mean that the log-in has ended: the page then asks once over HTTP, and reloads to the form.
 */

const LOGGED_OUT = 4401;
const ANSWER_TIMEOUT_MS = 5000;
const RETRY_MIN_MS = 500;
const RETRY_MAX_MS = 5000;

/**
 * @typedef {"connecting" | "live" | "lost"} Status
 * @typedef {{ok: boolean, text: string, ticket?: string}} Answer
 */

export class Feed {
  /**
   * @param {(message: Record<string, any>) => void} onMessage
   * @param {(status: Status) => void} onStatus
   */
  constructor(onMessage, onStatus) {
    this.onMessage = onMessage;
    this.onStatus = onStatus;
    /** @type {WebSocket | null} */
    this.socket = null;
    this.retryMs = RETRY_MIN_MS;
    this.lastId = 0;
    /** @type {Map<number, (answer: Answer) => void>} */
    this.waiting = new Map();
  }

  connect() {
    const scheme = location.protocol === "https:" ? "wss" : "ws";
    const socket = new WebSocket(`${scheme}://${location.host}/admin/feed`);
    this.socket = socket;
    socket.addEventListener("open", () => {
      this.retryMs = RETRY_MIN_MS;
      this.onStatus("live");
    });
    socket.addEventListener("message", (event) => this.receive(JSON.parse(event.data)));
    socket.addEventListener("close", (event) => void this.closed(event.code));
  }

  /** @param {Record<string, any>} message */
  receive(message) {
    if (message.type !== "done") {
      this.onMessage(message);
      return;
    }
    this.waiting.get(message.id)?.({ ok: message.ok, text: message.text, ticket: message.ticket });
    this.waiting.delete(message.id);
  }

  /** @param {number} code */
  async closed(code) {
    this.socket = null;
    this.onStatus("lost");
    if (code === LOGGED_OUT || (await isLoggedOut())) {
      location.reload();
      return;
    }
    setTimeout(() => this.connect(), this.retryMs);
    this.retryMs = Math.min(this.retryMs * 2, RETRY_MAX_MS);
  }

  /** Look into a room, or into none. @param {string | null} room @param {boolean} state whether its live state is wanted */
  watch(room, state) {
    this.write({ act: "watch", room, state });
  }

  /**
   * Ask for an act and return how it went.
   * @param {Record<string, any>} act
   * @returns {Promise<Answer>}
   */
  act(act) {
    this.lastId += 1;
    const id = this.lastId;
    if (!this.write({ ...act, id })) return Promise.resolve({ ok: false, text: "Not connected to the server" });
    return new Promise((resolve) => {
      this.waiting.set(id, resolve);
      setTimeout(() => {
        if (this.waiting.delete(id)) resolve({ ok: false, text: "The server did not answer" });
      }, ANSWER_TIMEOUT_MS);
    });
  }

  /** @param {Record<string, any>} message */
  write(message) {
    if (this.socket?.readyState !== WebSocket.OPEN) return false;
    this.socket.send(JSON.stringify(message));
    return true;
  }
}

/** @returns {Promise<boolean>} whether the server is there and does not know us */
async function isLoggedOut() {
  try {
    return (await fetch("/admin", { method: "HEAD", cache: "no-store" })).status === 403;
  } catch {
    return false;
  }
}
