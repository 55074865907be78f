"""A player's seat over real sockets: lost connections, ghosts, two tabs, tokens, what the game hears."""

import asyncio
import time
from typing import ClassVar

import pytest

from game_server.game import Game, Seat, input, int8
from game_server.web.limits_reached import limits_reached
from tests.web.game_site import NewSite, soon


@input
class Push:
    dx: int = int8(min=-1, max=1)


class Told(Game):
    """Writes down which hooks were called; says something each tick."""

    input = Push
    heard: ClassVar[list[str]] = []

    def join(self, seat: Seat) -> None:
        self.heard.append("join")

    def drop(self, seat: Seat) -> None:
        self.heard.append("drop")

    def resume(self, seat: Seat) -> None:
        self.heard.append("resume")

    def leave(self, seat: Seat) -> None:
        self.heard.append("leave")

    def step(self, inputs: dict[Seat, Push]) -> None:
        self.emit("count", self.tick)


GAMES: dict[str, type[Game]] = {"told": Told}


@pytest.fixture(autouse=True)
def nothing_heard() -> None:
    Told.heard.clear()


@pytest.mark.gen_test
async def test_a_lost_connection_is_taken_up_where_it_ended(new_site: NewSite) -> None:
    """Who comes back with token, tick and event gets a delta from that tick, and each missed event once, in order."""
    site = await new_site(GAMES)
    ann = await site.join(game="told")
    bystander = await site.join("Bob", game="told")
    state = await ann.receive("delta")
    seen = [await ann.event("count") for _ in range(3)]
    number = ann.last_event
    ann.raw.reset()
    (room,) = site.hub.lobby.rooms.values()
    until = room.tick + 10
    while room.tick < until:
        await bystander.event("count")
    again = await site.resume(ann.welcome["token"], tick=state["tick"], event=number)
    assert (state["tick"], number, False) == tuple(again.welcome[key] for key in ("tick", "event", "partial"))
    message = await again.receive("events", "delta")
    missed = [event["data"] for event in message["list"]]
    assert len(missed) >= 9
    assert list(range(seen[-1] + 1, seen[-1] + 1 + len(missed))) == missed
    assert state["tick"] == (await again.receive("events", "delta"))["baseline"]
    await soon(lambda: Told.heard == ["join", "join", "drop", "resume"])


@pytest.mark.gen_test
async def test_the_newer_of_two_tabs_wins(new_site: NewSite) -> None:
    """A second tab with the same token takes the seat, the first is told so, and the game hears nothing of it."""
    site = await new_site(GAMES)
    first = await site.join(game="told")
    await first.receive("full")
    second = await site.resume(first.welcome["token"])
    assert (4010, "another connection resumed this seat") == await first.closed()
    assert "tick" in await second.receive("full")
    assert ["join"] == Told.heard


@pytest.mark.gen_test
async def test_a_token_is_good_until_the_next_one_is_used(new_site: NewSite) -> None:
    """A welcome that never arrived locks nobody out; once its token was used, the one before is worth nothing."""
    site = await new_site(GAMES)
    first = await site.join(game="told")
    lost = await site.resume(first.welcome["token"])
    lost.raw.reset()
    again = await site.resume(first.welcome["token"])
    await again.send("ack", ack=(await again.receive("delta"))["tick"])
    await soon(lambda: site.hub.counts().messages_in == 1)
    thief = await site.connect()
    await thief.send("resume", version=1, token=first.welcome["token"])
    assert (4015, "no seat is held for this token; join again") == await thief.closed()


@pytest.mark.gen_test
async def test_tokens_of_earlier_connections_are_forgotten(new_site: NewSite) -> None:
    """However often a player comes back, the server remembers two tokens of it, and none once it has left."""
    site = await new_site(GAMES)
    player = await site.join(game="told")
    for _ in range(20):
        player = await site.resume(player.welcome["token"])
        await player.send("ack", ack=(await player.receive("full"))["tick"])
    assert len(site.hub.lobby._by_token) <= 2
    await player.send("leave")
    await player.closed()
    await soon(lambda: not site.hub.lobby._by_token)


@pytest.mark.gen_test
async def test_a_seat_is_held_for_so_long_and_no_longer(new_site: NewSite) -> None:
    """Within `seat_hold_s` the seat waits; then the game hears `leave`, and the token leads nowhere."""
    site = await new_site(GAMES, seat_hold_s=0.5, dead_after_s=2)
    bystander, ann = await site.join("Bob", game="told"), await site.join(game="told")
    await bystander.receive("delta")
    ann.raw.reset()
    await soon(lambda: Told.heard == ["join", "join", "drop", "leave"])
    late = await site.connect()
    await late.send("resume", version=1, token=ann.welcome["token"])
    assert 4015 == (await late.closed())[0]


@pytest.mark.gen_test
async def test_a_half_open_socket_is_found(new_site: NewSite) -> None:
    """A peer that has vanished, and answers nothing, is dropped within `dead_after_s`: no ghost keeps its seat."""
    site = await new_site(GAMES, dead_after_s=1)
    loop = asyncio.get_running_loop()
    ghost, bystander = await site.join(game="told"), await site.join("Bob", game="told")
    vanished_s = loop.time()
    while "drop" not in Told.heard:
        await bystander.send("ping", client_ms=1)
        await bystander.event("count")
    assert loop.time() - vanished_s >= 0.8
    assert 1 == limits_reached(site.hub)["dead_after_s"]
    assert (4018, "nothing heard for 1 s") == await ghost.closed()
    again = await site.resume(ghost.welcome["token"])
    assert again.welcome["resumed"]


@pytest.mark.gen_test
async def test_any_traffic_is_a_sign_of_life(new_site: NewSite) -> None:
    """A client that only answers pings stays, and so does one that only sends and never answers a ping."""
    site = await new_site(GAMES, dead_after_s=1)
    loop = asyncio.get_running_loop()
    answers, sends = await site.join(game="told"), await site.join("Bob", game="told")
    ends_s = loop.time() + 2.5
    while loop.time() < ends_s:
        await answers.event("count")  # which answers pings on the way
        await sends.send("ack", ack=1)
    assert 2 == len(site.hub.players)


@pytest.mark.gen_test
async def test_a_stall_of_the_server_is_nobodys_silence(new_site: NewSite) -> None:
    """When the process itself stood still, its clients were not silent, and none is dropped for it."""
    site = await new_site(GAMES, dead_after_s=1)
    ann = await site.join(game="told")
    await ann.receive("full")
    time.sleep(1.5)  # noqa: ASYNC251  # the server's loop runs in this thread
    await ann.event("count")
    for _ in range(5):
        await ann.event("count")
    assert [] == [hook for hook in Told.heard if hook == "drop"]
