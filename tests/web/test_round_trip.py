"""The measured round trip: alone, and over a real socket."""

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from tornado.httpserver import HTTPServer
from tornado.netutil import bind_sockets

from game_server.core.frames import PING, PONG
from game_server.settings import Settings
from game_server.web.app import make_app
from game_server.web.games import load_games
from game_server.web.hub import Hub
from game_server.web.round_trip import GIVE_UP_S, MARK, RoundTrip
from tests.client_frames import frame
from tests.web.raw_client import RawClient, until


def measured(*taken_ms: float) -> RoundTrip:
    """Return a round trip that was measured once a second."""
    trip = RoundTrip()
    for number, ms in enumerate(taken_ms):
        assert trip.begin(float(number))
        assert trip.end(MARK, number + ms / 1000)
    return trip


def test_one_measurement_is_the_round_trip() -> None:
    """The first answer says it all, and of jitter nothing yet."""
    trip = measured(80.0)

    assert pytest.approx(80.0) == trip.rtt_ms
    assert trip.jitter_ms == 0.0


def test_steady_answers_have_no_jitter_and_shaky_ones_have() -> None:
    """Jitter is how far answers stray from the smoothed round trip."""
    steady, shaky = measured(*[50.0] * 20), measured(*[20.0, 80.0] * 20)

    assert pytest.approx(0.0, abs=1e-6) == steady.jitter_ms
    assert 20.0 < (shaky.jitter_ms or 0.0) < 60.0


def test_one_ping_at_a_time_and_a_lost_one_is_given_up() -> None:
    """While an answer is awaited no other ping goes out, until it cannot be expected any more."""
    trip = RoundTrip()

    assert [True, False, True] == [trip.begin(0.0), trip.begin(1.0), trip.begin(GIVE_UP_S)]


@pytest.mark.parametrize("payload", [b"", b"x", MARK + b"!"])
def test_another_answer_is_not_taken_for_it(payload: bytes) -> None:
    """What a client says unasked measures nothing."""
    trip = RoundTrip()
    trip.begin(0.0)

    assert (False, None) == (trip.end(payload, 1.0), trip.rtt_ms)
    assert not RoundTrip().end(MARK, 1.0)


@pytest.mark.gen_test
@pytest.mark.parametrize("transport", ["lean", "tornado"])
async def test_the_server_measures_a_client(tmp_path: Path, transport: str) -> None:
    """A client that takes its time to answer has at least that round trip, though no room reads its socket."""
    values: dict[str, Any] = {"games": ["swarm"], "data_dir": tmp_path, "transport": transport}
    settings = Settings(**values)
    hub = Hub(settings, load_games(settings.games))
    server, sockets = HTTPServer(make_app(hub, settings, "secret")), bind_sockets(0, "127.0.0.1")
    server.add_sockets(sockets)
    client = await RawClient.connect(sockets[0].getsockname()[1], "/ws", subprotocols=["game.v1.binary"])
    await until(has_players(hub))
    (player,) = hub.players
    player.connection.watch(False)  # as in a room, which reads at its ticks
    player.connection.measure()
    opcode, payload = await client.receive()
    await asyncio.sleep(0.05)
    await client.send(frame(PONG, payload))
    await until(lambda: player.connection.round_trip.rtt_ms is not None)
    rtt_ms = player.connection.round_trip.rtt_ms
    player.connection.abort()
    client.close()
    server.stop()
    await server.close_all_connections()

    assert (PING, MARK) == (opcode, payload)
    assert rtt_ms is not None
    assert rtt_ms >= 50.0


def has_players(hub: Hub) -> Callable[[], bool]:
    return lambda: bool(hub.players)
