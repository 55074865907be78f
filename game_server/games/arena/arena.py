"""The arena: people and bots in small ships, round after round.

One step: the clock of the round, bots to fit the number of people, ships that come back, everybody's move in the order
of their players, bullets, pickups. Bots go through the same `move` with the same kind of input as people do. Nothing
here reads a clock; every wait is a tick to be reached, and every choice is drawn from the room's random.
"""

from typing import Any

from ...game import Game, Seat, uint8, uint16, uint32
from .brain import Brain
from .combat import fire, fly, shine
from .crew import free_name
from .movement import BEAM, ENERGY_MAX, SHIP_RADIUS, move
from .placing import open_place, spawn_place
from .rules import (
    BEAM_DAMAGE,
    BEAM_SHOWN_STEPS,
    BULLET_DAMAGE,
    COVER_MS,
    FIRST_SPAWN_STEPS,
    HULL_MAX,
    KILL_REPAIR,
    KILL_SCORE,
    PICKUP_DROP_SHARE,
    PICKUP_EVERY_STEPS,
    PICKUP_RADIUS,
    PICKUPS,
    RAPID_STEPS,
    REPAIR_HULL,
    RESPAWN_STEPS,
    RESULTS_S,
    REWIND_MAX_MS,
    SAFE_STEPS,
    SEATS,
    SHIELD_MAX,
    STREAK_BONUS,
    STREAK_BONUS_MAX,
    STREAK_NOTICE,
    TICK_RATE,
    ArenaOptions,
    Beam,
    Bullet,
    Phase,
    Pickup,
    PickupKind,
    Player,
    Ship,
    Steer,
)
from .scores import save_scores

_IDLE = Steer()
_PICKUP_REACH = (PICKUP_RADIUS + SHIP_RADIUS) * (PICKUP_RADIUS + SHIP_RADIUS)


class Arena(Game):
    """Ships, bullets, pickups, rounds; bots until people come."""

    title = "Arena"
    tick_rate = TICK_RATE
    send_every = 1
    seats = SEATS
    rewind_max_ms = REWIND_MAX_MS
    entities = (Player, Ship, Bullet, Pickup, Beam)
    input = Steer
    Options = ArenaOptions
    spectator_delay_s = 3.0
    outside = {"save_scores": save_scores}

    phase: int = uint8(max=len(Phase) - 1)
    #: the tick at which this phase ends
    phase_end: int = uint32()
    round_number: int = uint16(default=1)
    #: seat number -> id of its Player
    players: dict[int, int] = {}
    #: Player id of a bot -> its mind
    brains: dict[int, Brain] = {}

    def start(self) -> None:
        self.phase_end = self.tick + self._round_steps()
        for _ in range(PICKUPS // 2):
            self._spawn_pickup()
        self._fit_bots()

    def join(self, seat: Seat) -> None:
        player = self._add_player(seat.name, seat)
        self.players[seat.number] = player.id
        self._fit_bots()
        self.emit("joined", {"player": player.id, "name": player.name})

    def drop(self, seat: Seat) -> None:
        self._player_of(seat).away = True

    def resume(self, seat: Seat) -> None:
        self._player_of(seat).away = False

    def leave(self, seat: Seat) -> None:
        player = self._player_of(seat)
        del self.players[seat.number]
        self.emit("left", {"player": player.id, "name": player.name})
        self._remove_player(player)
        self._fit_bots()

    def step(self, inputs: dict[Seat, Steer]) -> None:
        if self.tick >= self.phase_end:
            self._next_phase()
        if self.phase == Phase.RESULTS:
            return
        steers = {self.players[seat.number]: (seat, steer) for seat, steer in inputs.items()}
        for player in self.world.all(Player):
            ship = self.world.get(player.ship_id)
            if ship is None:
                if self.tick >= player.respawn_tick and not player.away:
                    self._spawn_ship(player)
                continue
            brain = self.brains.get(player.id)
            if brain is not None:
                self._fly_ship(ship, Steer(**brain.think(self.world, (ship.id,))), None)
            else:
                seat, steer = steers.get(player.id, (None, _IDLE))
                self._fly_ship(ship, _IDLE if player.away else steer, seat)
        self._fly_bullets()
        for beam in self.world.all(Beam):
            if self.tick - beam.born >= BEAM_SHOWN_STEPS:
                self.world.despawn(beam)
        self._take_pickups()
        if self.tick % PICKUP_EVERY_STEPS == 0 and len(self.world.all(Pickup)) < PICKUPS:
            self._spawn_pickup()

    def on_outside(self, name: str, result: Any, error: Any) -> None:
        if error is None:
            self.emit("scores_saved", result)

    # who is here

    def _player_of(self, seat: Seat) -> Player:
        player: Player = self.world.get(self.players[seat.number])
        return player

    def _add_player(self, name: str, seat: Seat | None) -> Player:
        player = Player(name=name, bot=seat is None, respawn_tick=self.tick + FIRST_SPAWN_STEPS)
        return self.world.spawn(player, owner=seat)

    def _remove_player(self, player: Player) -> None:
        ship = self.world.get(player.ship_id)
        if ship is not None:
            self.world.despawn(ship)
        shots: list[Bullet | Beam] = [*self.world.all(Bullet), *self.world.all(Beam)]
        for shot in shots:
            if shot.player == player.id:
                self.world.despawn(shot)
        self.brains.pop(player.id, None)
        self.world.despawn(player)

    def _fit_bots(self) -> None:
        """Add or remove bots until people and bots together make the number asked for."""
        wanted = max(0, min(self.options.bots, SEATS) - len(self.players))
        while len(self.brains) < wanted:
            name = free_name(self.random, [player.name for player in self.world.all(Player)])
            bot = self._add_player(name, None)
            self.brains[bot.id] = Brain(self.random, self.options.skill)
        while len(self.brains) > wanted:
            bots = [player for player in self.world.all(Player) if player.bot]
            # one that is dead goes unnoticed; else the least successful
            self._remove_player(min(bots, key=lambda bot: (bot.ship_id != 0, bot.score, -bot.id)))

    # ships

    def _spawn_ship(self, player: Player) -> None:
        x, y, heading = spawn_place(self.random, self.world.all(Ship))
        ship = self.world.spawn(
            Ship(
                player=player.id, x=x, y=y, heading=heading, safe=True, safe_until=self.tick + SAFE_STEPS,
                energy=ENERGY_MAX,
            ),
            owner=player.owner,
        )  # fmt: skip
        player.ship_id, player.respawn_tick = ship.id, 0

    def _fly_ship(self, ship: Ship, steer: Steer, seat: Seat | None) -> None:
        fired = move(ship, steer, self.dt)
        ship.thrusting = steer.thrust > 0
        if ship.safe and (fired or self.tick >= ship.safe_until):
            ship.safe = False
        if fired == BEAM:
            self._fire_beam(ship, seat)
        elif fired:
            self._fire_bullet(ship, seat)

    def _fire_bullet(self, ship: Ship, seat: Seat | None) -> None:
        bullet = fire(ship, self.tick)
        if bullet is None:
            return
        if seat is not None:
            bullet.shot = self.input_seq(seat) & 0xFFFF
            bullet.offset, bullet.came = self.tick - self.rewind(seat).tick, self.input_tick(seat)
        self.world.spawn(bullet, owner=ship.owner)

    def _fire_beam(self, ship: Ship, seat: Seat | None) -> None:
        if seat is None:
            beam, hit_id = shine(ship, self.world.all(Ship), self.world.get, self.tick)
        else:
            beam, hit_id = shine(ship, self.rewind(seat).all(Ship), self.rewind(seat, COVER_MS).get, self.tick)
            beam.shot = self.input_seq(seat) & 0xFFFF
        beam.struck = hit_id != 0
        self.world.spawn(beam, owner=ship.owner)
        self._hurt(hit_id, ship.player, BEAM_DAMAGE)

    def _fly_bullets(self) -> None:
        ended = fly(self.world.all(Bullet), self.world.all(Ship), self.tick, lambda tick: self.past(tick).all(Ship))
        for bullet, hit_id in ended:
            self.world.despawn(bullet)
            self._hurt(hit_id, bullet.player, BULLET_DAMAGE)

    def _hurt(self, ship_id: int, shooter_id: int, damage: int) -> None:
        """Take damage off a ship, if it is still there and can be hurt."""
        ship = self.world.get(ship_id)
        if ship is None or ship.hull <= 0 or ship.safe:
            return
        absorbed = min(ship.shield, damage)
        ship.shield -= absorbed
        ship.hull = max(0, ship.hull - (damage - absorbed))
        if ship.hull == 0:
            self._kill(ship, self.world.get(shooter_id))

    def _kill(self, ship: Ship, killer: Player) -> None:
        """Settle a death. The killer is there: the bullets of somebody who leaves leave too."""
        victim: Player = self.world.get(ship.player)
        bounty = KILL_SCORE + min(victim.streak * STREAK_BONUS, STREAK_BONUS_MAX)
        killer.score += bounty
        killer.kills += 1
        killer.streak = min(killer.streak + 1, 255)
        victim.deaths += 1
        victim.streak = 0
        victim.ship_id, victim.respawn_tick = 0, self.tick + RESPAWN_STEPS
        winner = self.world.get(killer.ship_id)
        if winner is not None:
            winner.hull = min(HULL_MAX, winner.hull + KILL_REPAIR)
        self.world.despawn(ship)
        self.emit(
            "kill",
            {
                "by": killer.id,
                "by_name": killer.name,
                "victim": victim.id,
                "victim_name": victim.name,
                "score": bounty,
                "streak": killer.streak if killer.streak >= STREAK_NOTICE else 0,
                "x": ship.x,
                "y": ship.y,
            },
        )
        if self.random.random() < PICKUP_DROP_SHARE:
            self._spawn_pickup(ship.x, ship.y)

    # pickups

    def _spawn_pickup(self, x: float | None = None, y: float | None = None) -> None:
        if x is None or y is None:
            x, y = open_place(self.random, PICKUP_RADIUS)
        kind = self.random.choice((PickupKind.REPAIR, PickupKind.REPAIR, PickupKind.RAPID, PickupKind.SHIELD))
        self.world.spawn(Pickup(kind=int(kind), x=x, y=y))

    def _take_pickups(self) -> None:
        ships = self.world.all(Ship)
        for pickup in self.world.all(Pickup):
            for ship in ships:
                dx, dy = ship.x - pickup.x, ship.y - pickup.y
                if dx * dx + dy * dy < _PICKUP_REACH:
                    self._give(ship, pickup.kind)
                    self.world.despawn(pickup)
                    self.emit("pickup", {"player": ship.player, "kind": pickup.kind, "x": pickup.x, "y": pickup.y})
                    break

    def _give(self, ship: Ship, kind: int) -> None:
        if kind == PickupKind.REPAIR:
            ship.hull = min(HULL_MAX, ship.hull + REPAIR_HULL)
        elif kind == PickupKind.RAPID:
            ship.rapid = RAPID_STEPS
        else:
            ship.shield = SHIELD_MAX

    # rounds

    def _round_steps(self) -> int:
        return int(self.options.round_s * TICK_RATE)

    def _next_phase(self) -> None:
        if self.phase == Phase.FIGHT:
            self._end_round()
        else:
            self._start_round()

    def _end_round(self) -> None:
        self.phase, self.phase_end = int(Phase.RESULTS), self.tick + RESULTS_S * TICK_RATE
        for kind in (Ship, Bullet, Beam):
            for entity in self.world.all(kind):
                self.world.despawn(entity)
        players = self.world.all(Player)
        for player in players:
            player.ship_id, player.respawn_tick = 0, 0
        people = [player for player in players if not player.bot and player.score > 0]
        self.emit("round_end", {"round": self.round_number})
        if people:
            self.outside_call("save_scores", [[who.name, who.score, who.kills, who.deaths] for who in people])

    def _start_round(self) -> None:
        self.phase, self.phase_end = int(Phase.FIGHT), self.tick + self._round_steps()
        self.round_number = self.round_number % 65535 + 1
        for player in self.world.all(Player):
            player.score = player.kills = player.deaths = player.streak = 0
        self.emit("round_start", {"round": self.round_number})
