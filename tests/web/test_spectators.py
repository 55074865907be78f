"""Spectators over real sockets: watching, leaving, and what becomes of them when nobody plays."""

from typing import Any

import pytest

from game_server.core.entity import Entity, entity
from game_server.core.fields import uint16
from game_server.core.game import Game, Seat
from game_server.core.inputs import input_type
from game_server.core.room import Room
from game_server.web.hub import Hub
from tests.web.game_site import NewSite


@input_type
class Nothing:
    """Players only are here."""


@entity
class Counter(Entity):
    """Counts steps."""

    steps: int = uint16()


class Stage(Game):
    """A counter that the public sees a little later."""

    title, tick_rate, seats = "Stage", 50, 4
    entities, input = (Counter,), Nothing
    spectator_delay_s = 0.1

    def start(self) -> None:
        self.world.spawn(Counter())

    def step(self, inputs: dict[Seat, Nothing]) -> None:
        for counter in self.world.all(Counter):
            counter.steps += 1


def only_room(hub: Hub) -> Room:
    """Return the one room there is."""
    (room,) = hub.lobby.rooms.values()
    return room


@pytest.mark.gen_test
async def test_the_public_watches_a_game_that_is_played(new_site: NewSite) -> None:
    """Who joins to watch gets a welcome without a seat, a full state and deltas; rooms are listed as open to it."""
    site = await new_site(own_games={"stage": Stage})
    ann = await site.join("Ann", "stage")
    await ann.receive("full")
    watcher = await site.join("Ben", "stage", spectate=True)

    assert (None, "public", 0.1) == tuple(watcher.welcome[key] for key in ("seat", "spectator", "delay_s"))
    full = await watcher.receive("full")
    first: dict[str, Any] = await watcher.receive("delta")
    assert first["baseline"] == full["tick"]
    assert {"steps": first["tick"]} == first["update"]["Counter"]["1"]
    (listed,) = site.hub.questions["rooms"]()
    assert (1, True, 1) == tuple(listed[key] for key in ("seats_taken", "watchable", "spectators"))
    await watcher.send("leave")
    assert 1000 == (await watcher.closed())[0]
    assert [] == list(only_room(site.hub).spectators)


@pytest.mark.gen_test
async def test_a_lost_spectator_leaves_no_trace(new_site: NewSite) -> None:
    """Its place is free again at once: nothing is held for it."""
    site = await new_site(own_games={"stage": Stage})
    ann = await site.join("Ann", "stage")
    watcher = await site.join(game="stage", spectate=True)
    watcher.raw.close()
    while list(only_room(site.hub).spectators):
        await ann.receive("delta")

    assert 1 == site.hub.lobby.players


@pytest.mark.gen_test
async def test_spectators_keep_no_room(new_site: NewSite) -> None:
    """A room without players sleeps, its spectators are still answered, and they are told when it is gone."""
    site = await new_site(own_games={"stage": Stage}, empty_room_s=1.5, seat_hold_s=0)
    ann = await site.join("Ann", "stage")
    watcher = await site.join(game="stage", spectate=True)
    await ann.send("leave")
    await ann.closed()
    assert not only_room(site.hub).is_awake
    await watcher.send("ping", client_ms=5)

    assert 5 == (await watcher.receive("pong"))["client_ms"]
    assert 4012 == (await watcher.closed())[0]


@pytest.mark.gen_test
async def test_an_admin_watches_a_sleeping_room_unseen(new_site: NewSite) -> None:
    """A ticket shows its room at once, asleep or not; a wrong one shows nothing."""
    site = await new_site(own_games={"stage": Stage}, seat_hold_s=30)
    ann = await site.join("Ann", "stage")
    await ann.receive("full")
    ann.raw.close()
    room = only_room(site.hub)
    ticket = site.hub.lobby.tickets.make(room, site.hub.now_s())
    admin = await site.join(game="stage", ticket=ticket)

    assert ("unseen", 0.0) == (admin.welcome["spectator"], admin.welcome["delay_s"])
    assert "Counter" in (await admin.receive("full"))["spawn"]
    assert 0 == site.hub.questions["rooms"]()[0]["spectators"]
    stranger = await site.connect()
    await stranger.send("join", version=1, game="stage", ticket="guess")
    assert 4004 == (await stranger.closed())[0]
