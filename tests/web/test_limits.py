"""Limits that few meet, over real sockets: each does what docs/operations.md says, and is counted where it says."""

import asyncio
import time
from typing import Any, ClassVar

import pytest

from game_server.game import Game, OutsideContext, Seat, flag, input
from game_server.settings import BadSettings
from game_server.web.bans import Ban, BanBy, TooManyBans
from game_server.web.limits_reached import limits_reached
from tests.web.game_site import NewSite, message


@input
class Press:
    on: bool = flag()


async def dawdle(context: OutsideContext) -> None:
    """Work that takes too long."""
    await asyncio.sleep(60)


class Waiting(Game):
    """Asks for work that does not end, and says what it is told of it."""

    tick_rate, input = 20, Press
    outside: ClassVar[dict[str, Any]] = {"dawdle": dawdle}

    def join(self, seat: Seat) -> None:
        self.outside_call("dawdle")

    def step(self, inputs: dict[Seat, Press]) -> None:
        pass

    def on_outside(self, name: str, result: Any, error: str | None) -> None:
        self.emit("told", {"error": error})


@pytest.mark.gen_test
async def test_outside_work_that_takes_too_long_fails(new_site: NewSite) -> None:
    """After `outside_timeout_s` the game hears so, and it is counted."""
    site = await new_site({"waiting": Waiting}, outside_timeout_s=0.2)
    ann = await site.join(game="waiting")
    assert {"error": "no result within 0.2 s"} == await ann.event("told")
    assert 1 == limits_reached(site.hub)["outside_timeout_s"]


@pytest.mark.gen_test
async def test_bans_are_bounded(new_site: NewSite) -> None:
    """One more than `bans_max` is refused with what to do, and counted."""
    site = await new_site(bans_max=1)
    now = time.time()
    site.hub.bans.add(Ban(BanBy.USER, "ann", "Ann", "rude", "admin", now + 60), now)
    with pytest.raises(TooManyBans, match="1 bans hold already; lift one first"):
        site.hub.bans.add(Ban(BanBy.USER, "bob", "Bob", "rude", "admin", now + 60), now)
    assert 1 == limits_reached(site.hub)["bans_max"]


@pytest.mark.gen_test
async def test_a_message_too_large_is_counted(new_site: NewSite) -> None:
    """Over `message_bytes_max` a connection is closed with 1009."""
    site = await new_site(message_bytes_max=1000, chat_len_max=100)
    ann = await site.join()
    await ann.send("command", name="x", data="y" * 1000)
    assert 1009 == (await ann.closed())[0]
    assert 1 == limits_reached(site.hub)["message_bytes_max"]


@pytest.mark.parametrize(("kind", "values"), [("ping", {"client_ms": 1}), ("resync", {})])
@pytest.mark.gen_test
async def test_bursts_are_as_large_as_set(new_site: NewSite, kind: str, values: dict[str, Any]) -> None:
    """The message after `ping_burst` or `resync_burst` of them at once is the first that is refused."""
    site = await new_site(**{f"{kind}_burst": 2, f"{kind}s_per_s": 0.001})
    ann = await site.join()
    await ann.raw.send(message(kind, **values) * 2 + message("chat", text="x"))
    await ann.event("chat")
    assert 0 == limits_reached(site.hub)[f"{kind}s_per_s"]
    await ann.send(kind, **values)
    assert "rate_limited" == (await ann.receive("error"))["code"]
    assert 1 == limits_reached(site.hub)[f"{kind}s_per_s"]


@pytest.mark.gen_test
async def test_long_headers_and_bodies_are_refused(new_site: NewSite) -> None:
    """A header over `header_bytes_max` is closed without an answer; one that announces too long a body gets 400."""
    site = await new_site(header_bytes_max=1000, body_bytes_max=1000)
    raw = await site.open()
    await raw.send(b"GET /livez HTTP/1.1\r\nHost: x\r\nX-Long: " + b"x" * 2000 + b"\r\n\r\n")
    assert b"" == await raw.rest()
    raw = await site.open()
    await raw.send(b"POST /admin/login HTTP/1.1\r\nHost: x\r\nContent-Length: 1001\r\n\r\n" + b"x" * 1001)
    assert (await raw.rest()).startswith(b"HTTP/1.1 400 ")
    assert 200 == (await site.fetch("/livez")).code


@pytest.mark.gen_test
async def test_the_chosen_header_names_the_client(new_site: NewSite) -> None:
    """With `forwarded_header` set, a trusted proxy's word stands there, and the other headers say nothing."""
    site = await new_site(exempt_addresses=[], trusted_proxies=["127.0.0.1"], forwarded_header="X-Real-Ip")
    await site.join(headers={"X-Real-Ip": "198.51.100.7", "X-Forwarded-For": "198.51.100.1"})
    assert {"198.51.100.7"} == {player.connection.remote_address for player in site.hub.players}


@pytest.mark.gen_test
async def test_pages_may_connect_to_listed_servers(new_site: NewSite) -> None:
    """`connect_origins` stand in the policy of the pages; what is no origin is refused at start."""
    site = await new_site(connect_origins=["wss://eu2.example.org"])
    policy = (await site.fetch("/")).headers["Content-Security-Policy"]
    (sources,) = (part for part in policy.split(";") if part.strip().startswith("connect-src"))
    assert "wss://eu2.example.org" in sources
    with pytest.raises(BadSettings, match="without a path"):
        await new_site(connect_origins=["wss://eu2.example.org/ws"])


@pytest.mark.parametrize(("tick_slot_ms", "moments"), [(50.0, 1), (10.0, 4)])
@pytest.mark.gen_test
async def test_rooms_are_spread_by_slots(new_site: NewSite, tick_slot_ms: float, moments: int) -> None:
    """Four rooms of 20 Hz tick at one moment of the period where a slot is as long, at four where it is a fifth."""
    site = await new_site(tick_slot_ms=tick_slot_ms)
    for _ in range(4):
        await site.join(create=True)
    phases = {round(room.clock.origin_s % 0.05 / 0.05 * 5) % 5 for room in site.hub.lobby.rooms.values()}
    assert moments == len(phases)
