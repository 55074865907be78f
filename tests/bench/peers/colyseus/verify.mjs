/**
 * Reads a dump of one client's messages (format: generator.c) with Colyseus' own decoder.
 *
 * Usage: node verify.mjs DUMP. Prints {"states": [{player: [x, y], ...}, ...], "returned": newest sequence number}.
 */
import { readFileSync } from "node:fs";
import { decode, Reflection } from "@colyseus/schema";

const [JOIN_ROOM, ROOM_STATE, ROOM_STATE_PATCH, TIMED, RECORD_BYTES] = [10, 14, 15, 0x80, 13];

const data = readFileSync(process.argv[2]);
let decoder;
let returned = 0;
const states = [];

function takeJoin(message) {
  const it = { offset: 1 };
  it.offset += 1 + message[it.offset];    // reconnection token
  it.offset += 1 + message[it.offset];    // serializer id
  const length = decode.number(message, it);
  decoder = Reflection.decode(message.subarray(it.offset, it.offset + length));
}

function takeState(message) {
  let offset = 1;
  if (message[0] & TIMED) {
    returned = Math.max(returned, message.readUInt32LE(5));
    offset += 8;
  }
  if (message.length === offset) return;    // a heartbeat without a state
  decoder.decode(message.subarray(offset));
  const state = {};
  decoder.state.players.forEach((player, key) => {
    state[key] = [player.x, player.y];
    if (player.seq !== undefined) returned = Math.max(returned, player.seq);
  });
  states.push(state);
}

for (let at = 0; at + RECORD_BYTES <= data.length; ) {
  const length = data.readUInt32LE(at + 8);
  const message = data.subarray(at + RECORD_BYTES, at + RECORD_BYTES + length);
  at += RECORD_BYTES + length;
  const code = message[0] & 0x1f;
  if (code === JOIN_ROOM) takeJoin(message);
  else if (code === ROOM_STATE || code === ROOM_STATE_PATCH) takeState(message);
}
console.log(JSON.stringify({ states, returned }));
