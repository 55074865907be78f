/**
 * The swarm workload on Socket.IO, as its documentation shows games: rooms, JSON events, a volatile broadcast a tick
 * (encoded once a room by its adapter). WebSocket transport only; the first HTTP request is dropped, as its page on memory use advises.
 *
 * Usage: node server.mjs PORT. The query parameter `room` names the room. Input event: {seq, dx, dy}. State event:
 * {tick, players: [[id, x, y, seq], ...]}, so each client finds its own returned sequence number in its player's row.
 */
import { createServer } from "node:http";
import { Server } from "socket.io";

const WORLD = 4096;
const SPEED = 8;
const PERIOD_MS = 50;

const server = createServer();
const io = new Server(server, { transports: ["websocket"], serveClient: false });

const reflect = (at) => (at < 0 ? -at : 2 * WORLD - at - 1 / 16);
const rounded = (at) => Math.round(at * 100) / 100;

class Room {
  players = new Map();
  tick = 0;
  lastId = 0;

  constructor(name, offsetMs) {
    this.name = name;
    this.dueMs = performance.now() + PERIOD_MS + offsetMs;
    this.schedule();
  }

  schedule() {
    setTimeout(() => this.step(), Math.max(0, this.dueMs - performance.now()));
  }

  step() {
    const players = [];
    for (const player of this.players.values()) {
      if (player.dx) player.vx = player.dx * SPEED;
      if (player.dy) player.vy = player.dy * SPEED;
      player.x += player.vx;
      player.y += player.vy;
      if (player.x < 0 || player.x >= WORLD) {
        player.x = reflect(player.x);
        player.vx = -player.vx;
      }
      if (player.y < 0 || player.y >= WORLD) {
        player.y = reflect(player.y);
        player.vy = -player.vy;
      }
      players.push([player.id, rounded(player.x), rounded(player.y), player.seq]);
    }
    io.to(this.name).volatile.emit("state", { tick: ++this.tick, players });
    this.dueMs = Math.max(this.dueMs + PERIOD_MS, performance.now() - PERIOD_MS);
    this.schedule();
  }
}

const rooms = new Map();
io.on("connection", (socket) => {
  const name = socket.handshake.query.room;
  socket.conn.request = null;
  let room = rooms.get(name);
  if (!room) rooms.set(name, (room = new Room(name, ((rooms.size * 0.618034) % 1) * PERIOD_MS)));
  socket.join(name);
  const player = {
    id: ++room.lastId,
    x: Math.random() * WORLD,
    y: Math.random() * WORLD,
    vx: Math.random() < 0.5 ? SPEED : -SPEED,
    vy: Math.random() < 0.5 ? SPEED : -SPEED,
    seq: 0,
    dx: 0,
    dy: 0,
  };
  room.players.set(socket.id, player);
  socket.on("input", ({ seq, dx, dy }) => {
    player.seq = seq;
    player.dx = dx;
    player.dy = dy;
  });
  socket.on("disconnect", () => room.players.delete(socket.id));
});

server.listen(Number(process.argv[2]), "127.0.0.1");
