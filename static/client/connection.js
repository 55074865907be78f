/**
 * One line to the server that mends itself: opens sockets, notices dead ones, waits and tries again.
 *
 * It knows sockets and close codes, and nothing of what the frames say; `nowMs` is given to it, and `poll` must be
 * called several times a second. Whoever owns it hears of four things: a socket that opened, a frame, a change of status,
 * and a close. A frame handler that throws ProtocolError ends the socket; a server that goes on so is given up.
 */

import { CLOSE_CODES, ProtocolError, SERVER_MISBEHAVED } from "./protocol.js";

/**
 * @typedef {"connecting" | "playing" | "reconnecting" | "closed"} Status
 *
 * @typedef {object} StatusDetail
 * @property {Status} status
 * @property {number} attempt tries since the last good connection
 * @property {number | null} retryInMs until the next try; null when none is planned
 * @property {number | null} code of the close that led here
 * @property {string} name of that code
 * @property {string} reason in the server's words
 *
 * @typedef {object} Listener
 * @property {(nowMs: number) => void} opened
 * @property {(data: string | ArrayBuffer, nowMs: number) => void} frame
 * @property {(action: import("./protocol.js").CloseAction, code: number) => void} closed before the status changes
 * @property {(detail: StatusDetail) => void} status
 *
 * @typedef {object} SocketLike
 * @property {string} binaryType
 * @property {((event: any) => void) | null} onopen
 * @property {((event: any) => void) | null} onmessage
 * @property {((event: any) => void) | null} onclose
 * @property {((event: any) => void) | null} onerror
 * @property {(data: any) => void} send
 * @property {(code?: number, reason?: string) => void} close
 */

const OPENING_MAX_MS = 10_000;
const RETRY_FIRST_MS = 250;
const RETRY_MAX_MS = 15_000;

/** While the seat is held for this client it does not wait longer: the network may be back, and the hold is short. */
const RETRY_HELD_MAX_MS = 2_000;

/** A connection that lasted this long was a good one: the next loss starts with short waits again. */
const STEADY_MS = 5_000;

/** A server that breaks the protocol so often in a row will not stop doing so. */
const MISBEHAVIOURS_MAX = 3;
/** Servers that may send each other a client before it waits as after any other loss. */
const MOVES_MAX = 4;

/** A close frame holds 123 bytes of reason; ours are ASCII. */
const REASON_MAX = 120;

export class Connection {
  #options;
  #isOpen = false;
  /** What its status is while it is not there. @type {Status} */
  #trying = "connecting";
  #heardAtMs = 0;
  #silenceMaxMs = OPENING_MAX_MS;
  #steadyAtMs = Infinity;
  #retryAtMs = Infinity;
  #heldMs = 0;
  /** @type {SocketLike | null} */
  #socket = null;
  /** When a lost seat is given away; 0 once it is known to be gone. */
  #heldUntilMs = 1;
  #attempt = 0;
  #misbehaviours = 0;
  /** Of the next socket: that of the options, unless a server has sent the client elsewhere. */
  #url;
  #moves = 0;
  #isMoving = false;

  /** @type {Status} */
  status = "closed";

  /**
   * @param {object} options
   * @param {string} options.url
   * @param {string} options.subprotocol
   * @param {new (url: string, protocols: string[]) => SocketLike} options.WebSocket
   * @param {() => number} options.now
   * @param {() => number} options.random
   * @param {Listener} options.listener
   */
  constructor(options) {
    this.#options = options;
    this.#url = options.url;
  }

  /** Open a socket now, unless one is there. */
  open() {
    if (this.#socket) return;
    const { url, subprotocol, WebSocket, listener, now } = this.#options;
    let socket;
    try {
      socket = new WebSocket(this.#url, [subprotocol]);
    } catch (error) {
      if (this.#url === url) throw error; // the page's own mistake
      return this.#ended(1006, String(error));
    }
    this.#socket = socket;
    this.#retryAtMs = this.#steadyAtMs = Infinity;
    this.#heardAtMs = now();
    this.#silenceMaxMs = OPENING_MAX_MS;
    socket.binaryType = "arraybuffer";
    socket.onerror = () => {}; // a close follows; without a listener the `ws` package would end the process
    socket.onopen = () => {
      this.#isOpen = true;
      listener.opened(now());
    };
    socket.onmessage = (event) => this.#receive(event.data);
    socket.onclose = (event) => this.#ended(event.code, event.reason);
    this.#setStatus(this.#trying);
  }

  /**
   * The first message was answered.
   *
   * @param {number} silenceMaxMs after which the connection counts as dead
   * @param {number} heldMs how long the seat outlives a lost connection
   */
  established(silenceMaxMs, heldMs) {
    this.#heldMs = heldMs;
    this.#heldUntilMs = Infinity;
    this.#trying = "reconnecting";
    this.#silenceMaxMs = silenceMaxMs;
    this.#steadyAtMs = this.#options.now() + STEADY_MS;
    this.#setStatus("playing");
  }

  /**
   * The next socket goes to another server of the same service, at once; should that not be reached, to the first again.
   *
   * @param {string} url
   */
  move(url) {
    this.#isMoving = ++this.#moves <= MOVES_MAX;
    this.#url = url;
  }

  /** @param {string | Uint8Array} data @returns {boolean} whether there was an open socket to take it */
  send(data) {
    if (!this.#isOpen) return false;
    this.#socket?.send(data);
    return true;
  }

  /** @param {any} data */
  #receive(data) {
    const nowMs = this.#options.now();
    this.#heardAtMs = nowMs;
    try {
      this.#options.listener.frame(data, nowMs);
    } catch (error) {
      if (!(error instanceof ProtocolError)) throw error;
      this.#misbehaviours++;
      this.#drop(SERVER_MISBEHAVED, error.message);
    }
  }

  /** Notice silence, and try again when it is time. @param {number} nowMs */
  poll(nowMs) {
    if (nowMs >= this.#retryAtMs) this.open();
    if (this.#socket && nowMs - this.#heardAtMs > this.#silenceMaxMs) this.#drop(1006, "silence");
    if (nowMs >= this.#steadyAtMs) {
      this.#steadyAtMs = Infinity;
      this.#attempt = this.#misbehaviours = this.#moves = 0;
    }
  }

  /** End the connection for good. @param {string} reason */
  close(reason) {
    if (this.status === "closed") return;
    this.#detach()?.close(1000, reason);
    this.#retryAtMs = Infinity;
    this.#setStatus("closed", 1000, reason);
  }

  /** Give a socket up without waiting for its answer. @param {number} code @param {string} reason */
  #drop(code, reason) {
    const socket = this.#detach();
    // 1006 is for a close that never came: it cannot be sent
    socket?.close(code === SERVER_MISBEHAVED ? code : 1000, reason.slice(0, REASON_MAX));
    this.#ended(code, reason);
  }

  #detach() {
    const socket = this.#socket;
    if (socket) socket.onopen = socket.onmessage = socket.onclose = null;
    this.#socket = null;
    this.#isOpen = false;
    return socket;
  }

  /** @param {number} code @param {string} reason */
  #ended(code, reason) {
    this.#detach();
    const isHopeless = this.#misbehaviours > MISBEHAVIOURS_MAX;
    const action = isHopeless ? "stop" : (CLOSE_CODES[code]?.action ?? "resume");
    this.#options.listener.closed(action, code);
    if (action === "stop" || action === "reload") return this.#setStatus("closed", code, reason);
    const nowMs = this.#options.now();
    if (this.#isMoving) {
      this.#isMoving = false;
      this.#retryAtMs = nowMs;
      return this.#setStatus(this.#trying, code, reason);
    }
    this.#url = this.#options.url;
    this.#heldUntilMs = Math.min(this.#heldUntilMs, nowMs + this.#heldMs);
    // The server is there, however long it was not: a new seat is asked for soon. Once; not when a new one is taken.
    if (action === "join" && this.#heldUntilMs && !(this.#steadyAtMs < Infinity)) this.#attempt = this.#heldUntilMs = 0;
    this.#steadyAtMs = Infinity;
    const mostMs = nowMs < this.#heldUntilMs ? RETRY_HELD_MAX_MS : RETRY_MAX_MS;
    const longestMs = Math.min(mostMs, RETRY_FIRST_MS * 2 ** this.#attempt++);
    this.#retryAtMs = nowMs + longestMs * (0.5 + this.#options.random() / 2);
    this.#setStatus(this.#trying, code, reason);
  }

  /** @param {Status} status @param {number | null} [code] @param {string} [reason] */
  #setStatus(status, code = null, reason = "") {
    this.status = status;
    this.#options.listener.status({
      status,
      attempt: this.#attempt,
      retryInMs: this.#retryAtMs < Infinity ? this.#retryAtMs - this.#options.now() : null,
      code,
      name: code === null ? "" : (CLOSE_CODES[code]?.name ?? "unknown"),
      reason,
    });
  }
}
