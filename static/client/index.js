/**
 * What the package offers. Most games need only GameClient; the parts below it are for tools, tests and bots.
 */

export { GameClient } from "./client.js";
export { Clock } from "./clock.js";
export { ClientCodec } from "./codec.js";
export { Emitter } from "./emitter.js";
export { dequantise, quantise, round } from "./fields.js";
export { Interpolator } from "./interpolator.js";
export { Outbound } from "./outbound.js";
export { Predictor } from "./predictor.js";
export { CLOSE_CODES, ProtocolError, VERSION } from "./protocol.js";
export { Replica } from "./replica.js";
export { compileSchema } from "./schema.js";
