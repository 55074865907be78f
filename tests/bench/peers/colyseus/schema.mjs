/**
 * The state of the swarm workload as a Colyseus schema, in the variants that the size comparison asks for.
 *
 * fields: "float32" (its usual choice for positions) or "uint16" (its quantised field, 16 bits over the world).
 * seq: whether each player carries the uint32 sequence number that was consumed last.
 */
import { schema, t } from "@colyseus/schema";

export const WORLD = 4096;

export function swarmState(fields, seq) {
  const position = () => (fields === "uint16" ? t.quantized({ min: 0, max: WORLD, bits: 16 }) : t.float32());
  const Player = schema({ x: position(), y: position(), ...(seq ? { seq: t.uint32() } : {}) }, "Player");
  const State = schema({ players: t.map(Player) }, "State");
  return { Player, State };
}

export const Direction = schema({ dx: t.int8(), dy: t.int8() }, "Direction");
