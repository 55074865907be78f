"""Clients that read slowly or not at all, over real sockets: bounded memory, nothing lost, others unharmed."""

import asyncio
from typing import Any

import pytest

from game_server.game import Entity, Game, Seat, entity, input, int8, text
from game_server.web.limits_reached import limits_reached
from tests.client_frames import frame
from tests.soak.player import SlowPlayer
from tests.web.game_site import GameSite, NewSite, soon

PING = 9


@input
class Push:
    dx: int = int8(min=-1, max=1)


@entity
class Page(Entity):
    words: str = text(4000)


class Talkative(Game):
    """Sends several kilobytes at each tick, and an event."""

    input = Push
    entities = (Page,)
    page: Page | None = None

    def start(self) -> None:
        self.page = self.world.spawn(Page(words=""))

    def step(self, inputs: dict[Seat, Push]) -> None:
        assert self.page is not None
        self.page.words = f"{self.tick:08}" * 500
        if self.tick % 10 == 0:
            self.emit("count", self.tick // 10)


GAMES: dict[str, type[Game]] = {"talkative": Talkative}
#: so little that a client which stops reading is noticed within a second
SMALL: dict[str, Any] = {"send_buffer_bytes": 4096, "notsent_lowat_bytes": 2048, "dead_after_s": 10}


async def join_slow(site: GameSite, bytes_per_s: float) -> SlowPlayer:
    player = SlowPlayer(site.port, bytes_per_s)
    await player.join(game="talkative")
    return player


async def blocked(site: GameSite) -> None:
    """Wait until the server cannot send to somebody."""
    await soon(lambda: any(player.connection.unsent_bytes for player in site.hub.players))


@pytest.mark.gen_test
async def test_who_stops_reading_has_one_state_unsent(new_site: NewSite) -> None:
    """Nothing is queued behind an unsent state, however long it takes; others get every state."""
    site = await new_site(GAMES, **SMALL)
    bystander = await site.join(game="talkative")
    slow = await join_slow(site, 0)
    await blocked(site)
    (stuck,) = [player for player in site.hub.players if player.connection.unsent_bytes]
    most = 0
    ticks = []
    for _ in range(30):
        ticks.append((await bystander.receive("delta"))["tick"])
        most = max(most, stuck.connection.unsent_bytes)
    assert most < 2 * 4000 + 500
    assert list(range(ticks[0], ticks[0] + 30)) == ticks
    assert site.hub.counts().states_skipped >= 20
    slow.close()


@pytest.mark.gen_test
async def test_who_reads_again_has_the_newest_at_once(new_site: NewSite) -> None:
    """A client that was stuck gets the present as soon as it reads, and every event in order, none twice."""
    site = await new_site(GAMES, **SMALL)
    bystander = await site.join(game="talkative")
    slow = await site.connect(receive_buffer_bytes=4096)
    await slow.send("join", version=1, game="talkative", name="slow")
    await blocked(site)
    for _ in range(60):
        await bystander.receive("delta")
    (room,) = site.hub.lobby.rooms.values()
    stood_at = room.tick
    events = [await slow.event("count")]
    while len(events) < 9:
        events.append(await slow.event("count"))
    assert list(range(events[0], events[0] + 9)) == events
    state = await slow.receive("delta")
    assert state["tick"] >= stood_at - 2 * 20
    while (await slow.receive("delta", "full"))["tick"] < room.tick - 5:
        pass


@pytest.mark.gen_test
async def test_pings_of_a_stuck_client_pile_nothing_up(new_site: NewSite) -> None:
    """Answers are not queued for a client that does not take them."""
    site = await new_site(GAMES, **SMALL)
    slow = await site.connect(receive_buffer_bytes=4096)
    await slow.send("join", version=1, game="talkative", name="slow")
    await blocked(site)
    (stuck,) = site.hub.players
    (room,) = site.hub.lobby.rooms.values()
    until, most = room.tick + 20, 0
    for number in range(100):
        await slow.send("ping", client_ms=number)
        if number % 5 == 0:
            await slow.raw.send(frame(PING, b"?" * 100))
    while room.tick < until:
        most = max(most, stuck.connection.unsent_bytes)
        await asyncio.sleep(0.005)
    assert most < 2 * 4000 + 500


@pytest.mark.gen_test
async def test_who_takes_nothing_for_too_long_is_closed_and_may_resume(new_site: NewSite) -> None:
    """Beyond `backlog_soft_s` a stuck client is closed with 4014, told so, and gets its seat back."""
    site = await new_site(GAMES, **SMALL, backlog_soft_s=1)
    slow = await site.connect(receive_buffer_bytes=4096)
    await slow.send("join", version=1, game="talkative", name="slow")
    slow.welcome = await slow.receive("welcome")
    await blocked(site)
    await soon(lambda: site.hub.closes["too_slow"])
    assert (4014, "took nothing for 1 s") == await slow.closed()
    assert (await site.resume(slow.welcome["token"])).welcome["resumed"]


@pytest.mark.gen_test
async def test_who_has_too_much_unsent_is_closed_and_may_resume(new_site: NewSite) -> None:
    """Over `backlog_hard_bytes`, however short a time: with 4014, counted under its name."""
    site = await new_site(GAMES, **SMALL, backlog_hard_bytes=1, backlog_soft_s=60)
    slow = await site.connect(receive_buffer_bytes=4096)
    await slow.send("join", version=1, game="talkative", name="slow")
    slow.welcome = await slow.receive("welcome")
    await soon(lambda: limits_reached(site.hub)["backlog_hard_bytes"])
    assert (4014, "over 1 bytes unsent") == await slow.closed()
    assert (await site.resume(slow.welcome["token"])).welcome["resumed"]


@pytest.mark.gen_test
async def test_who_applies_nothing_for_too_long_is_closed(new_site: NewSite) -> None:
    """A client whose buffers swallow everything gives itself away by its acks, which stand still."""
    site = await new_site(backlog_soft_s=0.5, slow_ack_ms=500, late_ack_ms=200, dead_after_s=4)
    ann = await site.join()
    tick = (await ann.receive("delta"))["tick"]
    (player,) = site.hub.players
    while not player.is_closing:
        await ann.send("ack", ack=tick)
        await asyncio.sleep(0.05)
    assert (4014, "applied no state for 0.5 s") == await ann.closed()


@pytest.mark.gen_test
async def test_a_narrow_line_stays(new_site: NewSite) -> None:
    """A line that is always blocked but moves is no reason to close; it gets fewer states than there are."""
    site = await new_site(GAMES, **SMALL, backlog_soft_s=1)
    slow = await join_slow(site, 20_000)
    (room,) = site.hub.lobby.rooms.values()
    await slow.play(3)
    assert slow.closed is None
    assert 3 <= slow.states <= room.tick / 2
    assert slow.tick > 20
    slow.close()
