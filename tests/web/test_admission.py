"""Who may connect, over real sockets: limits of connections, handshakes, rooms, slow senders, origins and proxies."""

import asyncio
from typing import Any

import pytest

from game_server.errors import ProtocolError
from game_server.settings import Settings
from game_server.web.addresses import Addresses
from game_server.web.admission import Admission
from game_server.web.bans import Bans
from game_server.web.descriptors import ACCEPTS_A_TURN_MAX
from game_server.web.limits_reached import limits_reached
from tests.web.game_site import NewSite, soon

#: nobody is exempt: all tests come from one address
STRICT: dict[str, Any] = {"exempt_addresses": []}


@pytest.mark.gen_test
async def test_the_players_of_an_address_are_limited(new_site: NewSite) -> None:
    """One more player of an address is refused with the reason, and let in once another has left."""
    site = await new_site(**STRICT, connections_address_max=2)
    first, _ = await site.join(), await site.join()
    third = await site.connect()
    await third.send("join", version=1, game="swarm")
    assert (4017, "this address has its 2 players") == await third.closed()
    assert 1 == limits_reached(site.hub)["connections_address_max"]
    await first.send("leave")
    await first.closed()
    await soon(lambda: not site.hub.players or len(site.hub.players) < 2)
    await site.join()


def test_exempt_addresses_use_up_nobodys_share() -> None:
    """Who is exempt counts for no limit: neither for neighbours in the same IPv6 /64, nor in what machines tell."""
    exempt, neighbour = "2001:db8::5", "2001:db8::6"
    values: dict[str, Any] = {"exempt_addresses": [exempt], "connections_address_max": 1}
    settings = Settings(**values)
    addresses = Addresses([], settings.forwarded_header, settings.exempt_addresses)
    admission = Admission(settings, addresses, Bans(None, 1), lambda _: None)
    for address in (exempt, exempt, neighbour):
        admission.refuse_surplus(address, frozenset())
        admission.open()
        admission.join(address)

    assert {"2001:db8::/64": 1} == admission.limited_addresses
    with pytest.raises(ProtocolError, match="this address has its 1 players"):
        admission.refuse_surplus(neighbour, frozenset())
    for address in (exempt, exempt, neighbour):
        admission.leave(address, has_joined=True)
    assert ({}, 0) == (admission.limited_addresses, admission.joined)


@pytest.mark.gen_test
async def test_who_comes_back_is_let_in(new_site: NewSite) -> None:
    """A valid resume is no new player: it is let in where its address, or the server, has as many as it may."""
    site = await new_site(**STRICT, connections_address_max=1, connections_max=1)
    ann = await site.join()
    again = await site.resume(ann.welcome["token"])
    assert again.welcome["resumed"]
    assert (4010, "another connection resumed this seat") == await ann.closed()


@pytest.mark.gen_test
async def test_listed_addresses_are_exempt(new_site: NewSite) -> None:
    """Limits by address do not concern those that the operator lists."""
    site = await new_site(exempt_addresses=["127.0.0.1"], connections_address_max=1, rooms_address_burst=1)
    for _ in range(3):
        await site.join(create=True)


@pytest.mark.gen_test
async def test_players_are_limited_in_all(new_site: NewSite) -> None:
    """A full server says so."""
    site = await new_site(connections_max=1)
    await site.join()
    second = await site.connect()
    await second.send("join", version=1, game="swarm")
    assert (4017, "the server has its 1 players") == await second.closed()


@pytest.mark.gen_test
async def test_handshakes_of_an_address_are_limited(new_site: NewSite) -> None:
    """Who opens connections on and on gets 429 before the upgrade, and is let in again later."""
    site = await new_site(
        **STRICT, connections_address_max=3, handshake_address_burst=3, handshakes_address_per_s=0.001
    )
    for _ in range(3):
        await site.connect()
    with pytest.raises(ConnectionError, match="429"):
        await site.connect()
    assert 1 == limits_reached(site.hub)["handshakes_address_per_s"]


@pytest.mark.gen_test
async def test_handshakes_are_limited_in_all(new_site: NewSite) -> None:
    """The limit of all addresses together holds for exempt ones too."""
    site = await new_site(handshake_burst=2, handshakes_per_s=0.001)
    await site.connect()
    await site.connect()
    with pytest.raises(ConnectionError, match="429"):
        await site.connect()


@pytest.mark.gen_test
async def test_who_only_sits_there_gives_the_seat_up(new_site: NewSite) -> None:
    """With `idle_timeout_s`, whose input has not changed for so long is closed."""
    site = await new_site(idle_timeout_s=0.3)
    ann = await site.join()
    assert (4009, "the same input for 0.3 s") == await ann.closed()
    assert 1 == site.hub.closes["idle"]


@pytest.mark.gen_test
async def test_connections_that_never_join_are_limited(new_site: NewSite) -> None:
    """Only so many may be about to join; those that do not are closed, and make place."""
    site = await new_site(openings_max=1, join_timeout_s=0.3, dead_after_s=2)
    idler, surplus = await site.connect(), await site.connect()
    assert (4017, "1 connections are joining already") == await surplus.closed()
    assert (4003, "no join within 0.3 s") == await idler.closed()
    idler.raw.close()
    surplus.raw.close()
    await soon(lambda: not site.hub.players)
    await site.join()


@pytest.mark.gen_test
async def test_rooms_of_an_address_are_limited(new_site: NewSite) -> None:
    """Who makes rooms on and on is told to slow down; others' rooms, and rooms that are there, stay open to it."""
    site = await new_site(**STRICT, rooms_address_burst=2, rooms_address_per_s=0.001)
    maker = await site.join(create=True)
    await site.join(create=True)
    third = await site.connect()
    await third.send("join", version=1, game="swarm", create=True)
    assert (4008, "over 0.001 new rooms a second from this address") == await third.closed()
    await site.join(room=maker.welcome["room"])
    assert 1 == limits_reached(site.hub)["rooms_address_per_s"]


@pytest.mark.gen_test
async def test_behind_a_trusted_proxy_each_client_counts_alone(new_site: NewSite) -> None:
    """The proxy's word on the address is what limits go by, and what it passes on from the client is not."""
    site = await new_site(**STRICT, connections_address_max=1, trusted_proxies=["127.0.0.1"])
    for address in ("198.51.100.1", "198.51.100.2"):
        await site.join(headers={"X-Forwarded-For": f"6.6.6.6, {address}"})
    assert {"198.51.100.1", "198.51.100.2"} == {player.connection.remote_address for player in site.hub.players}


@pytest.mark.gen_test
async def test_nobody_else_is_believed(new_site: NewSite) -> None:
    """Without a trusted proxy a forwarded address is an invention."""
    site = await new_site(**STRICT)
    await site.join(headers={"X-Forwarded-For": "198.51.100.1", "X-Real-Ip": "198.51.100.1"})
    assert {"127.0.0.1"} == {player.connection.remote_address for player in site.hub.players}


@pytest.mark.parametrize(
    ("origin", "is_let_in"),
    [
        (None, True),
        ("http://localhost", True),
        ("https://play.example.org", True),
        ("https://evil.example.org", False),
        ("http://localhost.evil.example.org", False),
        ("null", False),
        ("http://[", False),
    ],
)
@pytest.mark.gen_test
async def test_pages_of_other_sites_are_kept_out(new_site: NewSite, origin: str | None, is_let_in: bool) -> None:
    """A page may connect from this very host or from a listed origin."""
    site = await new_site(allowed_origins=["https://play.example.org"])
    # With Sec-Fetch-Site Tornado itself would not look at the origin.
    headers = {"Origin": origin, "Sec-Fetch-Site": "same-origin"} if origin else {}
    if is_let_in:
        await site.connect(headers)
    else:
        with pytest.raises(ConnectionError, match="403"):
            await site.connect(headers)


@pytest.mark.gen_test
async def test_half_a_header_or_body_is_cut_off(new_site: NewSite) -> None:
    """Who sends a request byte by byte is closed when its time is over, and not in the meantime."""
    site = await new_site(header_timeout_s=0.3, body_timeout_s=0.3)
    for start in (b"GET / HTTP/1.1\r\nHost: ", b"POST /admin/login HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\nse"):
        raw = await site.open()
        await raw.send(start)
        assert b"" == await raw.rest()
    await soon(lambda: not site.front.http_connections)


@pytest.mark.gen_test
async def test_slow_senders_do_not_keep_a_player_out(new_site: NewSite) -> None:
    """When all HTTP connections are taken by slow senders the oldest gives way, and a player gets in."""
    site = await new_site(http_connections_max=5)
    slow = [await site.open() for _ in range(5)]
    for raw in slow:
        await raw.send(b"GET /ws HTTP/1.1\r\nHost: ")
    await soon(lambda: site.front.http_connections == 5)
    ann = await site.join()
    await ann.receive("full")
    assert b"" == await slow[0].rest()
    assert 1 <= limits_reached(site.hub)["http_connections_max"]


@pytest.mark.gen_test
async def test_http_connections_of_an_address_are_limited(new_site: NewSite) -> None:
    """One more connection of an address is told 429; those of games do not count."""
    site = await new_site(**STRICT, http_connections_address_max=2)
    players = [await site.join() for _ in range(3)]
    await soon(lambda: not site.front.http_connections)
    for _ in range(2):
        await site.open()
    await soon(lambda: site.front.http_connections == 2)
    surplus = await site.open()
    assert (await surplus.rest()).startswith(b"HTTP/1.1 429 ")
    await players[0].receive("full")


@pytest.mark.gen_test
async def test_a_crowd_is_let_in_a_few_at_a_time(new_site: NewSite) -> None:
    """However many wait to be accepted, the event loop turns in between."""
    site = await new_site()
    site.crowd(100)
    turns = 0
    while site.front.http_connections < 100:
        await asyncio.sleep(0)
        turns += 1
    assert turns >= 100 / ACCEPTS_A_TURN_MAX


@pytest.mark.gen_test
async def test_limits_are_in_the_metrics(new_site: NewSite) -> None:
    """Each limit is counted by the name of its setting, also while it was never reached."""
    site = await new_site(connections_max=1)
    await site.join()
    refused = await site.connect()
    await refused.send("join", version=1, game="swarm")
    await refused.closed()
    text = (await site.fetch("/metrics")).body.decode()
    assert 'game_server_limits_reached_total{limit="connections_max"} 1.0' in text
    assert 'game_server_limits_reached_total{limit="bytes_per_s"} 0.0' in text
