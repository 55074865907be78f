"""What bad input gets over a real socket: a documented code, a counter, and no effect on anybody else."""

import json
import re
from collections.abc import Iterator
from typing import Any

import pytest
import structlog

from game_server.core.codec import Tag
from game_server.errors import CloseCode
from game_server.game import Game, Seat, flag, input, int8
from tests.client_frames import frame
from tests.server_process import ROOT
from tests.web.game_site import BINARY, CLOSE, TEXT, GameSite, NewSite, SitePlayer, message
from tests.web.raw_client import until


@input
class Push:
    """A direction, or the end."""

    dx: int = int8(min=-1, max=1)
    boom: bool = flag()


class Fragile(Game):
    """Fails when it is asked to."""

    seats = 2
    input = Push

    def step(self, inputs: dict[Seat, Push]) -> None:
        if any(push.boom for push in inputs.values()):
            raise RuntimeError("asked for")


@pytest.fixture
def log() -> Iterator[list[Any]]:
    """What is logged."""
    with structlog.testing.capture_logs() as lines:
        yield lines


async def played(site: GameSite) -> SitePlayer:
    """Return a player in a room of its own who must not notice anything."""
    return await site.join("Witness", game="fragile", create=True)


OPENINGS = [
    (frame(TEXT, b"garbage"), CloseCode.BAD_MESSAGE, "not JSON"),
    (frame(TEXT, b"[1,2]"), CloseCode.BAD_MESSAGE, "type must be one of"),
    (frame(TEXT, b"NaN"), CloseCode.BAD_MESSAGE, ""),
    (frame(TEXT, b"\xff\xfe"), CloseCode.INVALID_UTF8, ""),
    (frame(BINARY, b"\x01\x02"), CloseCode.UNSUPPORTED_DATA, "JSON codec"),
    (message("chat", text="hello"), CloseCode.ILLEGAL_STATE, "first message must be join or resume"),
    (message("join", version=2, game="fragile"), CloseCode.UNSUPPORTED_VERSION, "speaks version 1, not 2"),
    (message("join", game="fragile"), CloseCode.UNSUPPORTED_VERSION, "not None"),
    (message("join", version=1), CloseCode.BAD_MESSAGE, "game"),
    (message("join", version=1, game=7), CloseCode.BAD_MESSAGE, "game"),
    (message("join", version=1, game="fragile", shoe=42), CloseCode.BAD_MESSAGE, "shoe"),
    (message("join", version=1, game="chess"), CloseCode.BAD_JOIN, "no game 'chess'"),
    (message("join", version=1, game="fragile", room="nowhere"), CloseCode.ROOM_NOT_FOUND, "no fragile room"),
    (message("join", version=1, game="fragile", code="ZZZZZZ"), CloseCode.ROOM_NOT_FOUND, "this code"),
    (message("join", version=1, game="fragile", options={"a": 1}), CloseCode.BAD_JOIN, "takes no options"),
    (message("join", version=1, game="fragile", schema_hash="0"), CloseCode.SCHEMA_CHANGED, "reload the page"),
    (message("resume", version=1, token="guess"), CloseCode.SEAT_GONE, "join again"),
    (frame(TEXT, b"x" * 5000), CloseCode.MESSAGE_TOO_BIG, ""),
    (b"\x81\x05hello", CloseCode.PROTOCOL_ERROR, ""),  # not masked
    (frame(3, b""), CloseCode.PROTOCOL_ERROR, ""),
]


@pytest.mark.gen_test
@pytest.mark.parametrize(("data", "code", "words"), OPENINGS, ids=[str(number) for number in range(len(OPENINGS))])
async def test_a_bad_beginning_is_closed_by_its_code(
    new_site: NewSite, log: list[Any], data: bytes, code: CloseCode, words: str
) -> None:
    """The documented code, the reason in words, one counter, one line; a player in another room plays on."""
    site = await new_site(own_games={"fragile": Fragile})
    witness = await played(site)
    intruder = await site.connect()
    await intruder.raw.send(data)

    closed, reason = await intruder.closed()
    tick = (await witness.receive("delta"))["tick"]

    assert (code, True) == (closed, words in reason)
    assert 1 == site.hub.closes[code.name.lower()]
    assert 1 == len([line for line in log if line["event"] == f"closed_{code.name.lower()}"])
    assert tick < (await witness.receive("delta"))["tick"]
    assert 1 == len(site.hub.lobby.rooms)
    assert not [line for line in log if line["log_level"] == "error"]


@pytest.mark.gen_test
async def test_a_full_room_says_so(new_site: NewSite) -> None:
    """With the number of its seats."""
    site = await new_site(own_games={"fragile": Fragile})
    ann = await site.join("Ann", game="fragile")
    await site.join("Bob", game="fragile")
    late = await site.connect()
    await late.send("join", version=1, game="fragile", room=ann.welcome["room"])

    assert (CloseCode.ROOM_FULL, "all 2 seats are taken") == await late.closed()


@pytest.mark.gen_test
@pytest.mark.parametrize(
    ("wrong", "code"),
    [
        ({"type": "input", "seq": 1, "dx": 5}, "bad_value"),
        ({"type": "input", "seq": 1, "up": 1}, "bad_value"),
        ({"type": "chat", "text": " "}, "chat_refused"),
        ({"type": "command", "name": "dance"}, "bad_command"),
    ],
)
async def test_a_refusal_keeps_the_connection(new_site: NewSite, wrong: dict[str, Any], code: str) -> None:
    """What was asked for is refused by name, and the player plays on."""
    site = await new_site(own_games={"fragile": Fragile})
    ann = await site.join("Ann", game="fragile")
    await ann.send(**{"kind": wrong["type"], **{key: value for key, value in wrong.items() if key != "type"}})
    error = await ann.receive("error")
    await ann.send("input", seq=2, dx=1)
    state = await ann.receive("delta")
    while state["ack"] < 2:
        state = await ann.receive("delta")

    assert code == error["code"]


@pytest.mark.gen_test
async def test_a_number_used_before_is_refused(new_site: NewSite) -> None:
    """An `input_seq` that was consumed is not played again."""
    site = await new_site(own_games={"fragile": Fragile})
    ann = await site.join("Ann", game="fragile")
    for seq in (5, 5):
        await ann.send("input", seq=seq, dx=1)
    error = await ann.receive("error")

    assert ("stale_input", True) == (error["code"], "not above 5" in error["message"])
    assert 1 == site.hub.counts().inputs_stale


@pytest.mark.gen_test
async def test_refusals_are_logged_with_who_and_why(new_site: NewSite, log: list[Any]) -> None:
    """A line for each kind, however often it happened; and nothing in it that a terminal would act on."""
    site = await new_site(own_games={"fragile": Fragile})
    ann = await site.join("Ann", game="fragile")
    for _ in range(5):
        await ann.send("input", seq=1, dx=5)
        await ann.send("input", seq=3, dx=1)
        await ann.send("chat", text=" ")
        await ann.send("command", name="\x1b[2J")
    await until(lambda: 4 <= len([line for line in log if line["event"].startswith("refused_")]))

    refused = {line["event"]: line for line in log if line["event"].startswith("refused_")}
    assert {"refused_bad_value", "refused_stale_input", "refused_chat_refused", "refused_bad_command"} == set(refused)
    assert "must be a whole number from -1 to 1, not 5" in refused["refused_bad_value"]["reason"]
    assert [(ann.welcome["room"], 0)] * 4 == [(line["room"], line["seat"]) for line in refused.values()]
    assert all(line["reason"].isprintable() for line in refused.values())


@pytest.mark.gen_test
async def test_unknown_subprotocols_are_refused(new_site: NewSite) -> None:
    """With the names that would do."""
    site = await new_site(own_games={"fragile": Fragile})
    player = await site.connect(subprotocols=["game.v0.binary"])

    assert (4002, "offer game.v1.binary or game.v1.json") == await player.closed()


@pytest.mark.gen_test
async def test_a_game_that_raises_closes_its_room_only(new_site: NewSite, log: list[Any]) -> None:
    """Its players are told, a report is kept, and the other room's ticks go on."""
    site = await new_site(own_games={"fragile": Fragile})
    witness, ann = await played(site), await site.join("Ann", game="fragile", create=True)
    await ann.send("input", seq=1, boom=True)

    closed, reason = await ann.closed()
    tick = (await witness.receive("delta"))["tick"]

    assert (CloseCode.ROOM_CRASHED, True) == (closed, "failed at tick" in reason)
    assert tick < (await witness.receive("delta"))["tick"]
    assert [ann.welcome["room"]] == [report.room_id for report in site.hub.crashes.kept]
    assert 1 == len([line for line in log if line["event"] == "room_crashed"])
    assert [witness.welcome["room"]] == list(site.hub.lobby.rooms)


@pytest.mark.gen_test
async def test_log_lines_are_limited_by_cause(new_site: NewSite, log: list[Any]) -> None:
    """Forty bad clients make a few lines and not forty; the counter has them all."""
    site = await new_site()
    for _ in range(40):
        player = await site.connect()
        await player.raw.send(frame(TEXT, b"garbage"))
        await player.closed()

    assert 40 == site.hub.closes["bad_message"]
    assert 1 <= len([line for line in log if line["event"] == "closed_bad_message"]) <= 10


# ---- what the documents say ------------------------------------------------------------------------------------

PROTOCOL = (ROOT / "docs" / "protocol.md").read_text(encoding="utf-8")


def test_the_documents_list_every_close_code() -> None:
    """docs/protocol.md has the codes and names of errors.CloseCode: all of them, and no others."""
    table = re.findall(r"^\| (\d{4}) \| `(\w+)` \|", PROTOCOL, flags=re.MULTILINE)

    assert sorted((str(int(code)), code.name.lower()) for code in CloseCode) == sorted(table)


def test_the_documents_draw_every_binary_message() -> None:
    """Each tag of a binary message stands in docs/protocol.md."""
    assert [] == [tag.name for tag in Tag if f"0x{tag:02x}" not in PROTOCOL.lower()]


def test_the_documents_quote_what_is_said() -> None:
    """The conversation by hand in docs/protocol.md is made of valid messages."""
    block = PROTOCOL.split("## A conversation by hand", 1)[1].split("##", 1)[0]
    said = [line[6:] for line in block.splitlines() if line.startswith("    > ")]

    assert ["join", "input"] == [json.loads(text)["type"] for text in said]


@pytest.mark.parametrize("code", [CloseCode.TOO_SLOW, CloseCode.ROOM_CRASHED])
@pytest.mark.gen_test
async def test_what_a_client_says_at_its_end_is_no_finding_of_the_servers(
    new_site: NewSite, log: list[Any], code: CloseCode
) -> None:
    """A client may close with any code: it is not counted or logged as if the server had closed it with that code."""
    site = await new_site()
    ann = await site.join()
    await ann.raw.send(frame(CLOSE, code.to_bytes(2, "big") + b"your server is on fire"))
    await ann.closed()
    await until(lambda: not site.hub.players)
    assert {"other": 1} == dict(site.hub.closes)
    assert [] == [line for line in log if line["event"].startswith("closed_")]
