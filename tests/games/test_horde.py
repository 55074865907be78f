"""The horde: waves, shots, bites, and the end. Played through a room, as the server runs it."""

import random
from itertools import pairwise
from typing import Any

import numpy as np
import pytest

from game_server.core import codec
from game_server.core.definition import GameDefinition
from game_server.core.limits import RoomLimits
from game_server.core.replica import Replica
from game_server.core.room import Room
from game_server.core.session import Event, Session
from game_server.errors import CloseCode
from game_server.games.horde import BRAIN, GAME
from game_server.games.horde.rules import BURST_BULLETS, LIVES, REST_S, SAFE_S, Bullet, Mob

DEFINITION = GameDefinition.of("horde", GAME)


class Match:
    """A room of the horde whose players are steered by hand or by brains."""

    def __init__(self, players: int = 1, seed: int = 1) -> None:
        self.room = Room("room", DEFINITION, None, seed, RoomLimits(), 0.0)
        self.sessions: list[Session] = [self.join(f"p{number}") for number in range(players)]
        self.game: Any = self.room.game
        self.frames: list[str | bytes] = []
        self.seq = 0

    def join(self, name: str) -> Session:
        return self.room.join(name, "token", object(), False, 0.0)

    def run(self, ticks: int, **held: Any) -> None:
        """Run some ticks with this input of everybody; keeps the first player's frames."""
        for _ in range(ticks):
            self.seq += 1
            data = DEFINITION.input_type.encode_binary(self.seq, 0, 0.0, held)
            for session in self.room.connected():
                self.room.receive(session, data, self.seq / 20)
            self.room.take_inputs()
            self.room.step()
            self.room.capture()
            self.frames += [frame for session, frame in self.room.outgoing() if session is self.sessions[0]]

    def until_wave(self) -> None:
        """Run until the first wave is there."""
        while not self.mobs:
            self.run(1)
        assert 1 == self.game.wave

    @property
    def mobs(self) -> Any:
        return self.room.world.columns(Mob)

    @property
    def bullets(self) -> Any:
        return self.room.world.columns(Bullet)

    def player(self, number: int = 0) -> Any:
        return self.game.players[number]


def test_the_first_wave_comes_after_a_rest() -> None:
    """It comes from the edges, and chases."""
    match = Match()
    match.run(int(REST_S * 20) - 2)
    assert 0 == len(match.mobs)
    match.until_wave()
    x, y = match.mobs.x.copy(), match.mobs.y.copy()
    at_edge = (np.minimum(x, 640 - x) < 12) | (np.minimum(y, 400 - y) < 12)
    assert at_edge.all()
    before = np.hypot(x - 320, y - 200).mean()
    ids = match.mobs.ids
    match.run(30)

    stayed = np.isin(ids, match.mobs.ids)
    assert before - 20 > np.hypot(match.mobs.x - 320, match.mobs.y - 200).mean()
    assert stayed.any()


def test_waves_are_larger_with_more_players_and_later() -> None:
    """Whatever the number, everybody meets a crowd."""
    sizes = []
    for players in (1, 4):
        match = Match(players)
        match.until_wave()
        sizes.append(len(match.mobs))
        match.mobs.despawn(np.ones(len(match.mobs), bool))
        while match.game.wave < 2 or not match.mobs:
            match.run(1)
        sizes.append(len(match.mobs))
    assert sizes[0] < sizes[1] < sizes[2] < sizes[3]


def test_shots_find_the_nearest_mob_and_count() -> None:
    """A mob in reach is shot without a key; it and the bullet are gone, and the player has one more."""
    match = Match()
    match.until_wave()
    match.mobs.despawn(np.arange(len(match.mobs)) > 0)
    match.mobs.x, match.mobs.y = 420, 200
    while match.mobs:
        match.run(1)

    assert (0, 1, LIVES) == (len(match.mobs), match.player().kills, match.player().lives)
    match.run(20)
    assert 0 == len(match.bullets)


def test_a_burst_goes_all_ways_and_takes_time() -> None:
    """Held, the key spends it once until it is ready again; only its owner is told when."""
    match = Match(2)
    match.run(1, burst=True)
    assert 2 * BURST_BULLETS == len(match.bullets)
    match.run(10, burst=True)
    assert 2 * BURST_BULLETS == len(match.bullets)
    assert not match.player().burst_ready
    match.run(90)
    assert match.player().burst_ready
    replica = replay(match)
    assert [{"burst_ready": True}, {}] == [
        {key: value for key, value in each.values().items() if key == "burst_ready"} for each in replica.all("Player")
    ]


def test_bites_cost_lives_and_then_it_begins_anew() -> None:
    """A bitten player is safe for a moment; when all are down, the mobs are gone and it is wave 0 again."""
    match = Match()
    match.until_wave()

    def stay() -> None:
        match.mobs.x, match.mobs.y = match.player().x, match.player().y

    lives: list[tuple[int, int]] = []
    while match.game.wave:
        if match.mobs:
            stay()
        else:
            match.mobs.spawn(5)
        match.run(1)
        if not lives or lives[-1][0] != match.player().lives:
            lives.append((match.player().lives, match.room.tick))

    assert [LIVES - 1, LIVES - 2, LIVES] == [number for number, _ in lives]
    gaps = [later - earlier for (_, earlier), (_, later) in pairwise(lives)]
    assert all(gap >= SAFE_S * 20 for gap in gaps)
    assert (0, 0) == (len(match.mobs), len(match.bullets))


def test_who_left_and_who_came_late() -> None:
    """Bullets of one who left count for nobody; a newcomer is safe at first."""
    match = Match(2)
    match.until_wave()
    match.run(1, burst=True)
    match.room.remove(match.sessions[1], Event.LEAVE, CloseCode.NORMAL, "left", 1.0)
    match.run(5)
    assert [0] == list(match.game.players)
    match.mobs.x, match.mobs.y = 320, 200
    match.join("late")
    match.run(1)
    assert LIVES == match.player(1).lives


@pytest.mark.parametrize("seed", [1, 2])
def test_bots_play_and_a_client_sees_it(seed: int) -> None:
    """Brains flee and shoot; what a client decodes is what the room has, and the same seed is the same
    match."""
    ends = []
    for _ in range(2):
        match = Match(3, seed)
        brains = [BRAIN(random.Random(number)) for number in range(3)]
        for _ in range(600):
            match.seq += 1
            for session, brain in zip(match.sessions, brains, strict=True):
                own = match.room.world.owned.get(session.seat.number, {})
                data = DEFINITION.input_type.encode_binary(match.seq, 0, 0.0, brain.think(match.room.world, own))
                match.room.receive(session, data, match.seq / 20)
            match.room.take_inputs()
            match.room.step()
            match.room.capture()
            match.frames += [frame for session, frame in match.room.outgoing() if session is match.sessions[0]]
        assert 0 < max(player.kills for player in match.game.players.values())
        replica = replay(match)
        for index in (2, 3):
            assert dict(match.room.snapshot.tables[index]) == replica.rows()[index]
        ends.append([match.game.wave, *(dict(table) for table in match.room.snapshot.tables)])
    assert ends[0] == ends[1]


def replay(match: Match) -> Replica:
    """Return what the first player's client holds."""
    replica = Replica(DEFINITION.schema)
    for frame in match.frames:
        if isinstance(frame, bytes):
            message = codec.decode_binary(replica.types, frame)
            assert isinstance(message, codec.StateMessage)
            replica.apply(message)
            assert message.checksum in (None, replica.checksum())
    return replica
