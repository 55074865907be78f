/**
 * The swarm workload on bare `ws`, hand-written: binary both ways, latest input wins, one buffer a client a tick.
 *
 * Usage: node server.mjs PORT. Path /K is room K. Input: 0x01, uint32 sequence, int8 dx, int8 dy. State: 0x02, uint32 tick,
 * uint32 returned sequence, then for each player uint16 id, uint16 x, uint16 y (1/16 of a unit). Little-endian.
 * The timer is drift-free: setInterval loses half a frame of twenty.
 */
import { createServer } from "node:http";
import { WebSocketServer } from "ws";

const WORLD = 4096;
const SPEED = 8;
const PERIOD_MS = 50;
const HEADER_BYTES = 9;
const ENTITY_BYTES = 6;

class Player {
  constructor(id, socket) {
    this.id = id;
    this.socket = socket;
    this.x = Math.random() * WORLD;
    this.y = Math.random() * WORLD;
    this.vx = Math.random() < 0.5 ? SPEED : -SPEED;
    this.vy = Math.random() < 0.5 ? SPEED : -SPEED;
    this.sequence = 0;
    this.dx = 0;
    this.dy = 0;
  }

  move() {
    if (this.dx) this.vx = this.dx * SPEED;
    if (this.dy) this.vy = this.dy * SPEED;
    this.x += this.vx;
    this.y += this.vy;
    if (this.x < 0 || this.x >= WORLD) {
      this.vx = -this.vx;
      this.x = this.x < 0 ? -this.x : 2 * WORLD - this.x - 1 / 16;
    }
    if (this.y < 0 || this.y >= WORLD) {
      this.vy = -this.vy;
      this.y = this.y < 0 ? -this.y : 2 * WORLD - this.y - 1 / 16;
    }
  }
}

class Room {
  players = new Set();
  tick = 0;
  lastId = 0;

  constructor(offsetMs) {
    this.dueMs = performance.now() + PERIOD_MS + offsetMs;
    this.schedule();
  }

  schedule() {
    setTimeout(() => this.step(), Math.max(0, this.dueMs - performance.now()));
  }

  step() {
    this.tick++;
    const body = Buffer.allocUnsafe(this.players.size * ENTITY_BYTES);
    let at = 0;
    for (const player of this.players) {
      player.move();
      body.writeUInt16LE(player.id, at);
      body.writeUInt16LE(Math.floor(player.x * 16), at + 2);
      body.writeUInt16LE(Math.floor(player.y * 16), at + 4);
      at += ENTITY_BYTES;
    }
    for (const player of this.players) {
      const message = Buffer.allocUnsafe(HEADER_BYTES + body.length);
      message[0] = 2;
      message.writeUInt32LE(this.tick, 1);
      message.writeUInt32LE(player.sequence, 5);
      body.copy(message, HEADER_BYTES);
      player.socket.send(message);
    }
    this.dueMs = Math.max(this.dueMs + PERIOD_MS, performance.now() - PERIOD_MS);
    this.schedule();
  }
}

const rooms = new Map();
const server = createServer();
const sockets = new WebSocketServer({ server, perMessageDeflate: false, maxPayload: 4096 });

sockets.on("connection", (socket, request) => {
  let room = rooms.get(request.url);
  if (!room) rooms.set(request.url, (room = new Room(((rooms.size * 0.618034) % 1) * PERIOD_MS)));
  const player = new Player(++room.lastId, socket);
  room.players.add(player);
  socket.on("message", (data) => {
    if (data.length !== 7 || data[0] !== 1) return socket.close(1008);
    player.sequence = data.readUInt32LE(1);
    player.dx = data.readInt8(5);
    player.dy = data.readInt8(6);
  });
  socket.on("close", () => room.players.delete(player));
  socket.on("error", () => socket.terminate());
});

server.listen(Number(process.argv[2]), "127.0.0.1");
