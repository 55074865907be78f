/**
 * What a game's page needs. The parts below it, for tools, tests and bots, are modules of their own: game-client/clock.js.
 */

export { GameClient } from "./client.js";
export { CLOSE_CODES, ProtocolError, VERSION } from "./protocol.js";
