/** What a GameClient is made with, and what it tells: types only. */

/**
 * @typedef {import("./protocol.js").Welcome} Welcome
 * @typedef {import("./protocol.js").GameEvent} GameEvent
 *
 * A signed token, or what fetches one; a function is asked anew for each join, since tokens expire.
 * @typedef {string | (() => string | Promise<string>)} Identity
 *
 * @typedef {object} Options
 * @property {string} url of the game socket, such as wss://host/ws
 * @property {string} game
 * @property {string} [name] the player's
 * @property {string} [room] join this room by id
 * @property {string} [code] join a private room by its code
 * @property {boolean} [create] make a new room
 * @property {boolean} [private] of a new room: not listed
 * @property {Record<string, unknown>} [options] what the room is made with
 * @property {boolean} [spectate] watch instead of playing; `welcome.delay_s` says how far behind the players
 * @property {string} [ticket] from the status page: watch its room unseen and without delay
 * @property {Identity} [identity] who the player is, for games that ask; absent: a guest
 * @property {string} [schemaHash] the schema the page was made for
 * @property {typeof import("./codec.js").BinaryCodec} [codec] default: BinaryCodec; the other is JsonCodec of json_codec.js
 * @property {import("./predictor.js").Prediction} [predict] absent: nothing is predicted
 * @property {import("./seat.js").Storage | null} [storage] where a reload finds the seat again; default: nowhere
 * @property {any} [WebSocket] default: the global one
 * @property {() => number} [now] milliseconds that never go back; default: performance.now
 * @property {() => number} [random] default: Math.random
 * @property {{ setInterval(run: () => void, everyMs: number): any, clearInterval(timer: any): void }} [timers] default: the global ones
 * @property {Page | null} [page] whether anybody looks; default: the document, in Node nobody is asked
 *
 * @typedef {object} Page as a document is
 * @property {boolean} hidden
 * @property {(name: "visibilitychange", listener: () => void) => void} addEventListener
 * @property {(name: "visibilitychange", listener: () => void) => void} removeEventListener
 *
 * @typedef {object} Events
 * @property {import("./connection.js").StatusDetail} status
 * @property {Welcome} welcome
 * @property {{ message: import("./codec.js").StateMessage, changes: import("./replica.js").Changes }} state after each that was applied
 * @property {import("./replica.js").State} spawn in the newest state; the picture shows it a little later
 * @property {import("./replica.js").State} update the same
 * @property {import("./replica.js").State} despawn the same
 * @property {GameEvent} event
 * @property {{ code: string, message: string, re?: string | null }} error the server refused something, or broke the protocol
 * @property {import("./predictor.js").Correction & { tick: number, missing: number }} correction the own entity was not where it was
 *   predicted; `missing` steps without an input were reported with it
 * @property {null} sleep nobody looks: inputs stop
 * @property {null} wake the picture is at the present again
 * @property {null} reload the page is older than the server
 */

export {};
