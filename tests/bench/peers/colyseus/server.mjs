/**
 * The swarm workload on Colyseus, as its documentation shows it: a Room with schema state, simulation and patches at 50 ms.
 *
 * Usage: node server.mjs PORT. Environment: FIELDS=float32|uint16, SEQ=1|0 (see schema.mjs) and INPUT:
 *   message  inputs are messages {seq, dx, dy} (MessagePack), the consumed number returns in the player's seq field
 *   input    the input API of 0.18 (defineInput): schema-encoded inputs, numbered by count; the number returns in the
 *            header of each state message, so that no seq field is needed
 * Join options: room (which one) and seats (its capacity).
 */
import { createServer } from "node:http";
import { Room, Server } from "@colyseus/core";
import { WebSocketTransport } from "@colyseus/ws-transport";
import { Direction, swarmState, WORLD } from "./schema.mjs";

const SPEED = 8;
const withInputApi = process.env.INPUT === "input";
const withSeq = process.env.SEQ !== "0";
const { Player, State } = swarmState(process.env.FIELDS ?? "float32", withSeq);

const reflect = (at) => (at < 0 ? -at : 2 * WORLD - at - 1 / 16);

class SwarmRoom extends Room {
  state = new State();
  patchRate = 50;
  inputs = withInputApi ? this.defineInput(Direction) : undefined;
  movers = new Map();    // what stays on the server: speed, newest input
  seatReservationTimeout = 120;    // the bench reserves all seats before it connects the first client

  onCreate({ seats }) {
    this.maxClients = seats;
    if (!withInputApi) {
      this.onMessage("input", (client, { seq, dx, dy }) => {
        const mover = this.movers.get(client.sessionId);
        mover.seq = seq;
        mover.dx = dx;
        mover.dy = dy;
      });
    }
    this.setTimestep(() => this.step(), 50);
  }

  onJoin(client) {
    const player = new Player();
    player.x = Math.random() * WORLD;
    player.y = Math.random() * WORLD;
    if (withSeq) player.seq = 0;
    this.state.players.set(client.sessionId, player);
    const speed = () => (Math.random() < 0.5 ? SPEED : -SPEED);
    this.movers.set(client.sessionId, { player, vx: speed(), vy: speed(), seq: 0, dx: 0, dy: 0 });
  }

  onLeave(client) {
    this.state.players.delete(client.sessionId);
    this.movers.delete(client.sessionId);
  }

  step() {
    for (const [sessionId, mover] of this.movers) {
      const { player } = mover;
      const input = withInputApi ? this.inputs.get(sessionId).next() : mover;
      if (input) {
        if (input.dx) mover.vx = input.dx * SPEED;
        if (input.dy) mover.vy = input.dy * SPEED;
      }
      let x = player.x + mover.vx;
      let y = player.y + mover.vy;
      if (x < 0 || x >= WORLD) {
        x = reflect(x);
        mover.vx = -mover.vx;
      }
      if (y < 0 || y >= WORLD) {
        y = reflect(y);
        mover.vy = -mover.vy;
      }
      player.x = x;
      player.y = y;
      if (withSeq) player.seq = mover.seq;
    }
  }
}

const server = new Server({ transport: new WebSocketTransport({ server: createServer() }), greet: false });
server.define("swarm", SwarmRoom).filterBy(["room"]);
await server.listen(Number(process.argv[2]), "127.0.0.1");
