"""Clients that send too much or what does harm, over real sockets; and honest ones, who must not be taken for them."""

import asyncio
import struct
from typing import Any, ClassVar

import pytest

from game_server.game import Game, Seat, input, int8
from game_server.settings import BadSettings, Settings
from game_server.web.limits_reached import limits_reached
from tests.client_frames import frame
from tests.web.game_site import BINARY, NewSite, SitePlayer, message, soon


@input
class Push:
    dx: int = int8(min=-1, max=1)


class Fast(Game):
    """As fast as a game may be."""

    tick_rate = 240
    input = Push
    commands: ClassVar[int] = 0

    def command(self, seat: Seat, name: str, data: Any) -> None:
        type(self).commands += 1

    def step(self, inputs: dict[Seat, Push]) -> None:
        pass


GAMES: dict[str, type[Game]] = {"fast": Fast}


async def errors(player: SitePlayer, code: str) -> str:
    """Return the text of the next error of this code."""
    while (error := await player.receive("error"))["code"] != code:
        pass
    return str(error["message"])


@pytest.mark.parametrize(
    ("kind", "values", "limit", "text"),
    [
        ("chat", {"text": "again"}, "chat_per_s", "over 1 chat messages a second; this one was discarded"),
        ("command", {"name": "x"}, "commands_per_s", "over 10 commands a second; this one was discarded"),
        ("ping", {"client_ms": 1}, "pings_per_s", "over 10 pings a second; this one was discarded"),
        ("resync", {}, "resyncs_per_s", "over 0.5 full states a second; this one was discarded"),
    ],
)
@pytest.mark.gen_test
async def test_each_kind_has_its_limit(
    new_site: NewSite, kind: str, values: dict[str, Any], limit: str, text: str
) -> None:
    """A surplus is discarded, said, and counted by the name of its setting; play goes on."""
    site = await new_site()
    burst = getattr(site.hub.settings, {"chat": "chat_burst", "command": "command_burst"}.get(kind, f"{kind}_burst"))
    ann = await site.join()
    await ann.raw.send(message(kind, **values) * (burst + 1))
    assert text == await errors(ann, "rate_limited")
    assert 1 == limits_reached(site.hub)[limit]
    await ann.receive("delta")


@pytest.mark.parametrize("kind", ["chat", "ping", "resync", "command"])
@pytest.mark.gen_test
async def test_a_flood_of_any_kind_ends(new_site: NewSite, kind: str) -> None:
    """Who goes on after being told is closed with 4008 long before the burst of harmless messages is used up."""
    site = await new_site()
    wordings: dict[str, dict[str, Any]] = {"chat": {"text": "x"}, "ping": {"client_ms": 1}, "command": {"name": "x"}}
    ann = await site.join()
    await ann.raw.send(message(kind, **wordings.get(kind, {})) * 500)
    assert 4008 == (await ann.closed())[0]
    assert 1 == limits_reached(site.hub)["messages_per_s"]


@pytest.mark.gen_test
async def test_bytes_are_limited_too(new_site: NewSite) -> None:
    """Few but large messages are too much as well."""
    site = await new_site(bytes_per_s=1000, bytes_burst=20_000, dead_after_s=2)
    ann = await site.join()
    for _ in range(20):
        await ann.send("command", name="x", data="y" * 3000)
    assert (4008, "over 1000 bytes a second for too long") == await ann.closed()
    assert 1 == limits_reached(site.hub)["bytes_per_s"]


@pytest.mark.gen_test
async def test_too_many_pings_of_the_wire_are_counted_by_name(new_site: NewSite) -> None:
    """Control frames are the connection's affair; that their limit was reached is seen with all others."""
    site = await new_site(control_frames_per_s_max=10)
    ann = await site.join()
    await ann.raw.send(frame(9, b"") * 11)
    assert (4008, "too many control frames") == await ann.closed()
    assert 1 == limits_reached(site.hub)["control_frames_per_s_max"]


@pytest.mark.gen_test
async def test_a_resume_is_no_new_allowance(new_site: NewSite) -> None:
    """What was used up stays so: a client that was closed for flooding and resumes has a second's worth."""
    site = await new_site(messages_per_s=30, message_burst=400)
    ann = await site.join()
    await ann.raw.send(message("ack", ack=1) * 600)
    assert 4008 == (await ann.closed())[0]
    again = await site.resume(ann.welcome["token"])
    await again.raw.send(message("ack", ack=1) * 200)
    assert 4008 == (await again.closed())[0]
    once_more = await site.resume(again.welcome["token"])
    await once_more.send("chat", text="sorry")
    assert "sorry" == (await once_more.event("chat"))["text"]


@pytest.mark.parametrize("game", ["swarm", "fast"])
@pytest.mark.gen_test
async def test_an_honest_client_comes_out_of_a_stall_unpunished(new_site: NewSite, game: str) -> None:
    """All that a client sent in `dead_after_s` arrives at once: surplus inputs are discarded, nothing else happens."""
    site = await new_site(GAMES)
    ann = await site.join(game=game)
    seconds, rate = site.hub.settings.dead_after_s, ann.welcome["tick_rate"]
    late = [message("input", seq=seq, ack=1, dx=1) for seq in range(1, int(seconds * rate) + 1)]
    late += [message("ping", client_ms=number) for number in range(int(seconds) * 2)]
    await ann.raw.send(*late)
    await ann.send("chat", text="back again")
    assert "back again" == (await ann.event("chat"))["text"]
    (room,) = site.hub.lobby.rooms.values()
    assert room.counts.inputs == seconds * rate
    assert room.counts.inputs_discarded >= seconds * rate - 60
    # Ticks are dropped where the machine is busy with other work: that is nobody's punishment.
    borne = {"input_queue_len_max", "catch_up_ticks_max"}
    assert borne >= {name for name, times in limits_reached(site.hub).items() if times}


@pytest.mark.gen_test
async def test_a_fast_game_may_be_played(new_site: NewSite) -> None:
    """A game that wants 240 inputs a second has room for them, above `messages_per_s`."""
    site = await new_site(GAMES, message_burst=1200)
    ann = await site.join(game="fast")
    (room,) = site.hub.lobby.rooms.values()
    seq = 0
    while room.tick < 480:
        for _ in range(12):
            seq += 1
            await ann.send("input", seq=seq, ack=1, dx=1)
        await asyncio.sleep(0.05)
    await ann.receive("delta")


def test_bursts_that_punish_the_honest_are_refused() -> None:
    """A burst smaller than what comes at once after a stall is a contradiction, told at start."""
    for setting, rate in (("message_burst", "messages_per_s"), ("bytes_burst", "bytes_per_s")):
        values: dict[str, Any] = {setting: 100}
        with pytest.raises(BadSettings, match=f"{setting} must be at least {rate} \\* dead_after_s"):
            Settings(**values)


@pytest.mark.parametrize(
    ("data", "code"),
    [
        (frame(BINARY, struct.pack("<BI", 2, 0)), 1003),
        (frame(1, b"x" * 5000), 1009),
        (frame(1, b'{"type":"eval","code":"1"}'), 4000),
        (frame(1, b"{" * 4000), 4000),
        (frame(1, b'{"type":"join","version":1,"game":"swarm"}'), 4019),
    ],
)
@pytest.mark.gen_test
async def test_nonsense_is_answered_with_its_code(new_site: NewSite, data: bytes, code: int) -> None:
    """Whatever a client sends costs at most its own connection."""
    site = await new_site()
    ann, bob = await site.join("Ann"), await site.join("Bob")
    await ann.raw.send(data)
    assert code == (await ann.closed())[0]
    await bob.receive("delta")


@pytest.mark.gen_test
async def test_a_name_that_was_cut_is_counted(new_site: NewSite) -> None:
    """One that only shrank by being cleaned was not cut."""
    site = await new_site(name_len_max=4)
    for name in ("Ann", "A\u202en\u200bn\u200d\x00\x01a", "Annabel"):
        await site.join(name)
    (room,) = site.hub.lobby.rooms.values()
    assert ["Ann", "Anna", "Anna"] == [session.seat.name for session in room.sessions.values()]
    assert 1 == limits_reached(site.hub)["name_len_max"]


@pytest.mark.gen_test
async def test_names_and_chat_are_cleaned_on_the_way(new_site: NewSite) -> None:
    """What reaches others has no direction overrides, controls or hidden characters."""
    site = await new_site()
    ann = await site.join("\u202eA\u200bnn\x07\u3164" + "\U0001f600" * 30)
    assert "Ann " + "\U0001f600" * 12 == ann.welcome["name"]
    await ann.send("chat", text="\u202eabc\u202c\n\x1b[31mred")
    assert "abc [31mred" == (await ann.event("chat"))["text"]
    await ann.send("chat", text="\u200b\u2066")
    assert "chat has 1 to 200 visible characters" == await errors(ann, "chat_refused")


@pytest.mark.gen_test
async def test_a_flood_costs_nobody_a_state(new_site: NewSite) -> None:
    """While one floods, and after it was closed without reading why, the others get every state."""
    site = await new_site()
    bob, flooder = await site.join("Bob"), await site.join("Mallory")
    await flooder.raw.send(message("input", seq=1, dx=0) * 3000)
    ticks = [(await bob.receive("delta"))["tick"] for _ in range(40)]
    assert list(range(ticks[0], ticks[0] + 40)) == ticks
    await soon(lambda: site.hub.closes["rate_limited"])
