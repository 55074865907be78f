"""The game: waves come from the edges, players run and shoot together; when all are down it begins anew.

    players move and shoot -> mobs chase -> bullets fly and hit -> mobs bite -> the wave goes on

A player who is down comes back with the next wave.
"""

import math
from typing import Any

import numpy as np

from ...game import Game, Seat, fixed, uint16
from . import crowd
from .rules import (
    BULLET_LIFE_S,
    BULLET_SPEED_PER_S,
    BURST_BULLETS,
    BURST_READY_S,
    EDGE,
    HEIGHT,
    LIVES,
    MOB_SPEED_MAX_PER_S,
    MOB_SPEED_MORE_A_WAVE,
    MOB_SPEED_PER_S,
    MOB_STRAY,
    MOBS_FIRST_WAVE,
    MOBS_MAX,
    MOBS_MORE_A_PLAYER,
    MOBS_MORE_A_WAVE,
    PLAYER_RADIUS,
    PLAYER_SPEED_PER_S,
    REST_S,
    SAFE_S,
    SHOT_EVERY_TICKS,
    SHOT_REACH,
    WIDTH,
    Bullet,
    Mob,
    Move,
    Player,
)


class Horde(Game):
    """Waves of mobs against everybody in the room."""

    title = "Horde"
    tick_rate = 20
    seats = 8
    entities = (Player, Mob, Bullet)
    input = Move
    spectator_delay_s = 1.0

    wave: int = uint16()
    mobs_left: int = uint16()
    rest_s: float = fixed(0, 16, step=1 / 4, default=REST_S)
    players: dict[int, Player] = {}  # by seat number

    def join(self, seat: Seat) -> None:
        player = Player(x=WIDTH / 2, y=HEIGHT / 2, name=seat.name)
        player.safe_until_tick = self.tick + int(SAFE_S / self.dt)
        self.players[seat.number] = self.world.spawn(player, owner=seat)

    def leave(self, seat: Seat) -> None:
        self.world.despawn(self.players.pop(seat.number))

    def step(self, inputs: dict[Seat, Move]) -> None:
        mobs, bullets = self.world.columns(Mob), self.world.columns(Bullet)
        for seat, move in inputs.items():
            player = self.players[seat.number]
            if player.is_up:
                self._run(player, move)
                self._shoot(player, seat, move, mobs, bullets)
        up = [player for player in self.players.values() if player.is_up]
        crowd.chase(mobs, _points(up), self.dt)
        crowd.fly(bullets, self.dt, self.tick)
        for number, count in crowd.hit(bullets, mobs).items():
            if number in self.players:
                self.players[number].kills += count
        self._bite(up, mobs)
        self._go_on(mobs, bullets)

    def _run(self, player: Player, move: Move) -> None:
        pace = PLAYER_SPEED_PER_S * self.dt * (math.sqrt(0.5) if move.dx and move.dy else 1.0)
        player.x = min(max(player.x + move.dx * pace, PLAYER_RADIUS), WIDTH - PLAYER_RADIUS)
        player.y = min(max(player.y + move.dy * pace, PLAYER_RADIUS), HEIGHT - PLAYER_RADIUS)
        player.burst_ready = self.tick >= player.burst_at_tick

    def _shoot(self, player: Player, seat: Seat, move: Move, mobs: Any, bullets: Any) -> None:
        if move.burst and player.burst_ready:
            player.burst_ready = False
            player.burst_at_tick = self.tick + int(BURST_READY_S / self.dt)
            self._fire(player, seat, np.arange(BURST_BULLETS) * (math.tau / BURST_BULLETS), bullets)
        elif (self.tick + seat.number) % SHOT_EVERY_TICKS == 0 and len(mobs):
            away = crowd.distances(mobs.x, mobs.y, _points([player]))[:, 0]
            nearest = int(away.argmin())
            if away[nearest] < SHOT_REACH:
                angle = math.atan2(mobs.y[nearest] - player.y, mobs.x[nearest] - player.x)
                self._fire(player, seat, np.array([angle]), bullets)

    def _fire(self, player: Player, seat: Seat, angles: Any, bullets: Any) -> None:
        bullets.spawn(
            len(angles),
            x=player.x,
            y=player.y,
            vx=np.cos(angles) * BULLET_SPEED_PER_S,
            vy=np.sin(angles) * BULLET_SPEED_PER_S,
            by=seat.number,
            gone_at_tick=self.tick + int(BULLET_LIFE_S / self.dt),
        )

    def _bite(self, up: list[Player], mobs: Any) -> None:
        if not up:
            return
        for player, is_bitten in zip(up, crowd.bitten(mobs, _points(up)).tolist(), strict=True):
            if is_bitten and self.tick >= player.safe_until_tick:
                player.lives -= 1
                player.safe_until_tick = self.tick + int(SAFE_S / self.dt)
                if not player.is_up:
                    self.emit("down", {"name": player.name})

    def _go_on(self, mobs: Any, bullets: Any) -> None:
        self.mobs_left = len(mobs)
        if self.players and not any(player.is_up for player in self.players.values()):
            self.emit("overrun", {"wave": self.wave})
            mobs.despawn(np.ones(len(mobs), np.bool_))
            bullets.despawn(np.ones(len(bullets), np.bool_))
            self.wave, self.mobs_left, self.rest_s = 0, 0, REST_S
            for player in self.players.values():
                player.lives, player.kills = LIVES, 0
        elif not self.mobs_left:
            self.rest_s -= self.dt
            if self.rest_s <= 0:
                self._next_wave(mobs)

    def _next_wave(self, mobs: Any) -> None:
        self.wave += 1
        self.rest_s = REST_S
        for player in self.players.values():
            player.lives = max(player.lives, 1)
        for_one = MOBS_FIRST_WAVE + MOBS_MORE_A_WAVE * (self.wave - 1)
        count = min(int(for_one * (1 + MOBS_MORE_A_PLAYER * (len(self.players) - 1))), MOBS_MAX)
        along = np.array([self.random.random() for _ in range(count)])
        side = np.array([self.random.randrange(4) for _ in range(count)])
        speed = min(MOB_SPEED_PER_S + MOB_SPEED_MORE_A_WAVE * self.wave, MOB_SPEED_MAX_PER_S)
        mobs.spawn(
            count,
            x=np.where(side < 2, along * (WIDTH - 2 * EDGE) + EDGE, np.where(side == 2, EDGE, WIDTH - EDGE)),
            y=np.where(side >= 2, along * (HEIGHT - 2 * EDGE) + EDGE, np.where(side == 0, EDGE, HEIGHT - EDGE)),
            speed_per_s=[self.random.uniform(0.7, 1.2) * speed for _ in range(count)],
            stray_x=[self.random.uniform(-MOB_STRAY, MOB_STRAY) for _ in range(count)],
            stray_y=[self.random.uniform(-MOB_STRAY, MOB_STRAY) for _ in range(count)],
        )
        self.mobs_left = count
        self.emit("wave", {"number": self.wave, "mobs": count})


def _points(players: list[Player]) -> crowd.Floats:
    return np.array([(player.x, player.y) for player in players], np.float64).reshape(-1, 2)
