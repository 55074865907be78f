/**
 * A hostile server: spoilt frames, spoilt schemas, counts and ids without measure, to the SDK's decoders and to a whole
 * client. Only ProtocolError may come of it, and what is kept stays within bounds.
 *
 * tests/js/fuzz.test.js runs a short form; `node tests/js/fuzz.js [seconds] [seed]` goes on. A seed and a number of
 * rounds decide everything.
 */
import { readFileSync } from "node:fs";
import { pathToFileURL } from "node:url";

import { BinaryCodec } from "../../static/client/codec.js";
import { GameClient } from "../../static/client/index.js";
import { JsonCodec } from "../../static/client/json_codec.js";
import { KIND, ProtocolError } from "../../static/client/protocol.js";
import { ENTITIES_MAX, Replica } from "../../static/client/replica.js";
import { compileSchema } from "../../static/client/schema.js";
import { FakeWorld, seeded, welcomeMessage } from "./support.js";

/** @typedef {{ schema: any, messages: { hex?: string, text?: string }[] }} Script */

/** @type {Script[]} */
const SCRIPTS = JSON.parse(readFileSync(new URL("../vectors/wire.json", import.meta.url), "utf8"));
const NUMBERS = [0, 1, 0x7f, 0x80, 0xff, 0x7fff, 0xffff, 0x7fffffff, 0xffffffff];
const PIECES = ["null", "[]", "{}", "-1", "0", "1e400", "4294967296", '"x"', "true", '{"__proto__":1}', '"constructor"', "[[[[]]]]", "1.5"];

/** @param {string} hex */
export const bytesOf = (hex) => Uint8Array.from(Buffer.from(hex, "hex"));

/** Draws spoilt inputs of good ones. */
export class Mutator {
  #random;

  /** @param {number} seed */
  constructor(seed) {
    this.#random = seeded(seed);
  }

  /** @param {number} count */
  below(count) {
    return Math.floor(this.#random() * count);
  }

  /** @template T @param {readonly T[]} list @returns {T} */
  choose(list) {
    return list[this.below(list.length)];
  }

  /** @param {Uint8Array} good @returns {Uint8Array} */
  bytes(good) {
    let data = [...good];
    for (let i = this.below(4); i > 0; i--) {
      const at = this.below(data.length + 1);
      const way = this.below(7);
      if (way < 2) data[Math.min(at, data.length - 1)] ^= 1 << this.below(8);
      else if (way === 2) data.splice(at, 4, ...new Uint8Array(Uint32Array.of(this.choose(NUMBERS)).buffer));
      else if (way === 3) data.splice(at, 0, ...Array.from({ length: 1 + this.below(6) }, () => this.below(256)));
      else if (way === 4) data.splice(at, 1 + this.below(6));
      else if (way === 5) data.splice(at, 0, 0xff, 0xff, 0xff, 0xff, 0x0f);
      else data = data.slice(0, at);
    }
    return Uint8Array.from(data);
  }

  /** Replace or remove values somewhere inside; the result is JSON still. @param {string} good @returns {string} */
  json(good) {
    const whole = { value: JSON.parse(good) };
    for (let i = 1 + this.below(2); i > 0; i--) {
      /** @type {any} */
      let holder = whole;
      let key = "value";
      while (this.below(8) && typeof holder[key] === "object" && holder[key] !== null && Object.keys(holder[key]).length) {
        holder = holder[key];
        key = this.choose(Object.keys(holder));
      }
      if (this.below(5)) holder[key] = JSON.parse(this.choose(PIECES));
      else delete holder[key];
    }
    return JSON.stringify(whole.value ?? null);
  }

  /** @param {string} good @returns {string} */
  text(good) {
    if (this.below(2)) return this.json(good);
    const tokens = good.match(/"(?:[^"\\]|\\.)*"|[-\d.eE+]+|[[\]{}:,]|\w+/g) ?? [""];
    for (let i = 1 + this.below(3); i > 0; i--) {
      const at = this.below(tokens.length);
      if (this.below(4)) tokens[at] = this.choose(PIECES);
      else tokens.splice(at, 1 + this.below(3));
    }
    return tokens.join("");
  }
}

/** Run; return whether it was taken. Anything thrown but ProtocolError is a fault of ours. @param {() => void} act */
export function survives(act) {
  try {
    act();
    return true;
  } catch (error) {
    if (!(error instanceof ProtocolError)) throw error;
    return false;
  }
}

/** @param {Script} script @param {number} tick */
function newCodec(script, tick) {
  const schema = compileSchema(script.schema);
  return script.messages[0].text === undefined ? new BinaryCodec(schema, tick, 0) : new JsonCodec(schema, tick, 0);
}

/**
 * Spoilt states to codec and replica, each behind a good beginning.
 *
 * @param {number} seed
 * @param {number} rounds
 * @returns {number} how many were taken
 */
export function fuzzStates(seed, rounds) {
  const mutator = new Mutator(seed);
  let taken = 0;
  for (let round = 0; round < rounds; round++) {
    const script = mutator.choose(SCRIPTS);
    const codec = newCodec(script, 0);
    const replica = new Replica(codec.schema);
    const start = mutator.below(4);
    for (let i = 0; i <= start; i++) {
      const { hex, text } = script.messages[i];
      const good = hex === undefined ? String(text) : bytesOf(hex);
      const data = i < start ? good : typeof good === "string" ? mutator.text(good) : mutator.bytes(good);
      const isTaken = survives(() => {
        const message = codec.decode(data);
        if (message.type !== "full" && message.type !== "delta") return;
        replica.apply(message);
        replica.checksum();
      });
      if (i < start && !isTaken) throw new Error(`a good message is refused: ${hex ?? text}`);
      if (i === start && isTaken) taken++;
      if (replica.size > ENTITIES_MAX) throw new Error(`${replica.size} entities are held`);
    }
  }
  return taken;
}

/** Spoilt schemas. @param {number} seed @param {number} rounds @returns {number} how many were taken */
export function fuzzSchemas(seed, rounds) {
  const mutator = new Mutator(seed);
  let taken = 0;
  for (let round = 0; round < rounds; round++) {
    const raw = JSON.parse(mutator.json(JSON.stringify(mutator.choose(SCRIPTS).schema)));
    if (survives(() => new Replica(compileSchema(raw)))) taken++;
  }
  return taken;
}

/**
 * A whole client, with a server that begins well and goes on badly: nothing may escape from its handlers, and it ends
 * its connection by itself.
 *
 * @param {number} seed
 * @param {number} rounds connections
 * @returns {number} connections that it gave up
 */
export function fuzzClients(seed, rounds) {
  const mutator = new Mutator(seed);
  let ended = 0;
  for (let round = 0; round < rounds; round++) {
    const script = mutator.choose(SCRIPTS.filter(({ messages }) => messages[0].hex));
    const world = new FakeWorld();
    const client = new GameClient({
      url: "ws://test/ws", game: "script", WebSocket: world.WebSocket, now: world.now, random: seeded(round), timers: world.timers,
      storage: world.storage,
    });
    client.connect();
    const socket = world.socket;
    socket.accept();
    const welcome = welcomeMessage({ schema: script.schema, tick: null });
    socket.push(round % 3 ? welcome : mutator.text(JSON.stringify(welcome)));
    const events = { type: "events", list: [{ number: 1, tick: 1, name: "chat", data: { text: "hi" } }] };
    const texts = [events, { type: "pong", client_ms: 1, room_ms: 2 }, { type: "error", code: "bad_value", message: "no" }];
    for (let i = 0; i < 6; i++) {
      const good = bytesOf(String(script.messages[i].hex));
      socket.push(i < 2 ? good : mutator.below(3) ? mutator.bytes(good) : mutator.text(JSON.stringify(mutator.choose(texts))));
      world.pass(mutator.below(200));
      client.frame();
    }
    if (socket.closedWith) ended++;
    client.leave();
  }
  return ended;
}

/** Ids in a row cost no bytes: the frame that spawns `count` entities of a type without fields. @param {number} type @param {number} first @param {number} count */
export function spawnMany(type, first, count) {
  /** @type {number[]} */
  const bytes = [KIND.delta, 1, 0, 0, 1 | (type << 2)];
  for (let value of [count * 4, first]) {
    for (; value > 127; value = Math.floor(value / 128)) bytes.push((value % 128) + 128);
    bytes.push(value);
  }
  return Uint8Array.from(bytes);
}

/** Go on until the time is up. */
function main() {
  const seconds = Number(process.argv[2] ?? 30);
  const seed = Number(process.argv[3] ?? Date.now() % 1e9);
  const untilMs = performance.now() + seconds * 1000;
  let rounds = 0;
  for (let turn = 0; performance.now() < untilMs; turn++) {
    fuzzStates(seed + turn, 2000);
    fuzzSchemas(seed + turn, 200);
    fuzzClients(seed + turn, 50);
    rounds += 2250;
  }
  process.stdout.write(`${rounds} rounds from seed ${seed}: nothing but ProtocolError\n`);
}

if (import.meta.url === pathToFileURL(process.argv[1]).href) main();
