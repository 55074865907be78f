"""What an operator can do on the status page, over real sockets, and what a viewer cannot."""

import json
import re
from typing import Any

import pytest
import structlog

from game_server.web.logs import log_level, set_log_level
from tests.web.admin_site import SECRET, VIEW_SECRET, Site, ask, closed, look_into, receive

BAN_TIMES = "A ban lasts for more than 0 and at most 525600 minutes"
EVERY_ACT: list[dict[str, Any]] = [
    {"act": "kick", "seat": 0, "name": "Ann"},
    {"act": "close"},
    {"act": "notice", "text": "hi"},
    {"act": "ban", "seat": 0, "name": "Ann", "by": "address", "minutes": 5},
    {"act": "unban", "ban": "address 127.0.0.1"},
    {"act": "lock", "locked": True},
    {"act": "log_level", "level": "error"},
    {"act": "drain"},
]


@pytest.mark.gen_test
async def test_closing_a_room_closes_its_players_only(site: Site) -> None:
    """Everybody in the room is closed with 4012 and the reason; other rooms go on; the act is in the log."""
    ann, welcome = await site.play("Ann")
    bob, _ = await site.play("Bob", room=welcome["room"])
    cleo, other = await site.play("Cleo", create=True)
    feed = await site.feed(await site.log_in())
    with structlog.testing.capture_logs() as lines:
        answer = await ask(feed, act="close", room=welcome["room"], reason="moving house")

    assert (True, 1) == (answer["ok"], answer["id"])
    assert [(4012, "moving house")] * 2 == [await closed(ann), await closed(bob)]
    assert [other["room"]] == list(site.hub.lobby.rooms)
    assert "delta" == (await receive(cleo, "delta"))["type"]
    (line,) = [line for line in lines if line["event"] == "admin_act"]
    assert ("close", welcome["room"], "moving house", True, "operator", "127.0.0.1") == tuple(
        line[key] for key in ("act", "room", "reason", "ok", "role", "address")
    )


@pytest.mark.gen_test
async def test_a_removed_player_is_closed_and_nobody_else(site: Site) -> None:
    """The player is closed with 4011 and the seat is free; the others play on; the page lists the act."""
    ann, welcome = await site.play("Ann")
    bob, _ = await site.play("Bob", room=welcome["room"])
    feed = await site.feed(await site.log_in())
    await receive(feed, "update")
    answer = await ask(feed, act="kick", room=welcome["room"], seat=0, name="Ann")

    assert answer["ok"]
    assert (4011, "removed by an admin") == await closed(ann)
    assert [1] == list(site.hub.lobby.rooms[welcome["room"]].sessions)
    assert "delta" == (await receive(bob, "delta"))["type"]
    assert answer["text"] == (await receive(feed, "update"))["acts"][0]["text"]


@pytest.mark.gen_test
async def test_a_player_who_dropped_can_be_removed(site: Site) -> None:
    """A held seat is freed as well."""
    ann, welcome = await site.play("Ann")
    await site.play("Bob", room=welcome["room"])
    room = site.hub.lobby.rooms[welcome["room"]]
    feed = await site.feed(await site.log_in())
    await look_into(feed, room.room_id)
    ann.close()
    while (await receive(feed, "room"))["set"].get("0", {}).get("state") != "dropped":
        pass

    assert (await ask(feed, act="kick", room=welcome["room"], seat=0, name="Ann"))["ok"]
    assert [1] == list(room.sessions)


@pytest.mark.gen_test
@pytest.mark.parametrize(
    ("act", "text"),
    [
        ({"act": "kick", "seat": 7, "name": "Ann"}, "Nobody holds this seat any more"),
        ({"act": "kick", "seat": "0", "name": "Ann"}, "Nobody holds this seat any more"),
        ({"act": "kick", "seat": True, "name": "Ann"}, "Nobody holds this seat any more"),
        ({"act": "kick", "seat": 0, "name": "Bob"}, "Seat 0 is now held by Ann"),
        ({"act": "kick", "seat": 0, "name": "Ann", "room": "nowhere"}, "This room is no more"),
        ({"act": "close", "room": None}, "This room is no more"),
        ({"act": "reboot"}, "No such act"),
        ({"act": "notice", "text": " \n"}, "A notice needs a text"),
        ({"act": "lock", "locked": 1}, "Say whether to lock or to unlock: locked is true or false"),
        ({"act": "log_level", "level": "loud"}, "The log level is one of debug, info, warning, error"),
        ({"act": "unban", "ban": "address 192.0.2.1"}, "This ban holds no more"),
        ({"act": "ban", "seat": 0, "name": "Ann", "by": "user", "minutes": 5}, "Ann has no user id to ban by"),
        ({"act": "ban", "seat": 0, "name": "Ann", "by": "moon", "minutes": 5}, "Ban by address or by user"),
        ({"act": "ban", "seat": 0, "name": "Ann", "by": "address", "minutes": 0}, BAN_TIMES),
        ({"act": "ban", "seat": 0, "name": "Ann", "by": "address", "minutes": True}, BAN_TIMES),
        ({"act": "ban", "seat": 0, "name": "Ann", "by": "address"}, BAN_TIMES),
    ],
)
async def test_an_act_that_makes_no_sense_is_refused(site: Site, act: dict[str, Any], text: str) -> None:
    """It changes nothing and the answer says why."""
    _, welcome = await site.play("Ann")
    feed = await site.feed(await site.log_in())
    answer = await ask(feed, **{"room": welcome["room"], **act})

    assert (False, text) == (answer["ok"], answer["text"])
    assert 1 == site.hub.lobby.players


@pytest.mark.gen_test
async def test_a_viewer_sees_but_cannot_act(site: Site) -> None:
    """The read-only secret opens the page; every act under it is refused, and the record says who tried."""
    _, welcome = await site.play("Ann")
    feed = await site.feed(await site.log_in(VIEW_SECRET))
    hello = await receive(feed, "hello")
    with structlog.testing.capture_logs() as lines:
        answers = [await ask(feed, **{"room": welcome["room"], **act}) for act in EVERY_ACT]

    assert "viewer" == hello["role"]
    assert ["This log-in may look but not act"] * len(EVERY_ACT) == [answer["text"] for answer in answers]
    assert (1, False, "warning", 0) == (
        site.hub.lobby.players,
        site.hub.lobby.rooms[welcome["room"]].is_locked,
        log_level(),
        len(site.hub.bans),
    )
    assert not site.hub.lobby.is_draining
    assert [("viewer", False)] * len(EVERY_ACT) == [
        (line["role"], line["ok"]) for line in lines if line["event"] == "admin_act"
    ]


@pytest.mark.gen_test
@pytest.mark.parametrize("reason", ["\U0001f680" * 200, "a\x00\x1b[31mb", 7, None, "   "])
async def test_any_reason_makes_a_proper_close(site: Site, reason: Any) -> None:
    """However odd the reason, the player gets 4011 and text that fits a close frame."""
    ann, welcome = await site.play("Ann")
    feed = await site.feed(await site.log_in())
    await ask(feed, act="kick", room=welcome["room"], seat=0, name="Ann", reason=reason)
    code, text = await closed(ann)

    assert 4011 == code
    assert text is not None
    assert text.isprintable()
    assert 0 < len(text.encode()) <= 123


@pytest.mark.gen_test
async def test_acts_are_limited(site: Site) -> None:
    """A page gone mad cannot do hundreds of acts a second."""
    feed = await site.feed(await site.log_in())
    answers = [await ask(feed, act="close", room="nowhere") for _ in range(40)]

    assert "Too many acts at once; wait a moment" == answers[-1]["text"]


@pytest.mark.gen_test
@pytest.mark.parametrize("is_for_all", [False, True])
async def test_a_notice_reaches_a_room_or_all(site: Site, is_for_all: bool) -> None:
    """Everybody in the room, or everywhere, gets the text as an event; nobody else does."""
    ann, welcome = await site.play("Ann")
    bob, other = await site.play("Bob", create=True)
    feed = await site.feed(await site.log_in())
    await ask(feed, act="notice", text="back\nsoon", **({} if is_for_all else {"room": other["room"]}))
    await ask(feed, act="notice", text="last words", room=welcome["room"])
    events = (await receive(ann, "events"))["list"]
    if is_for_all and len(events) < 2:
        events += (await receive(ann, "events"))["list"]

    assert ["back soon"] == [event["data"]["text"] for event in (await receive(bob, "events"))["list"]]
    assert (["back soon"] if is_for_all else []) + ["last words"] == [event["data"]["text"] for event in events]


@pytest.mark.gen_test
async def test_a_locked_room_takes_nobody_until_it_is_unlocked(site: Site) -> None:
    """Who asks for a locked room is refused with 4005; those inside play on."""
    ann, welcome = await site.play("Ann")
    feed = await site.feed(await site.log_in())
    await ask(feed, act="lock", room=welcome["room"], locked=True)
    refused = await site.try_to_play("Bob", room=welcome["room"])
    await ask(feed, act="lock", room=welcome["room"], locked=False)
    _, again = await site.play("Bob", room=welcome["room"])

    assert 4005 == (await closed(refused))[0]
    assert welcome["room"] == again["room"]
    assert "delta" == (await receive(ann, "delta"))["type"]


@pytest.mark.gen_test
async def test_a_banned_address_stays_out_until_the_ban_is_lifted(site: Site) -> None:
    """The player goes at once and may neither join nor resume; the list says so; lifting it opens the door."""
    ann, welcome = await site.play("Ann")
    feed = await site.feed(await site.log_in())
    await receive(feed, "update")
    ban = {"act": "ban", "room": welcome["room"], "seat": 0, "name": "Ann", "by": "address"}
    answer = await ask(feed, **ban, minutes=10, reason="cheating")
    update = await receive(feed, "update")
    joined = await closed(await site.try_to_play("Ann"))
    resumed = await closed(await site.try_to("resume", token=welcome["token"], tick=None, event=0))
    (row,) = update["bans"]
    lifted = await ask(feed, act="unban", ban=row["key"])
    await site.play("Ann")

    assert "Banned Ann by address for 10 minutes" == answer["text"]
    assert (4011, "cheating") == await closed(ann)
    assert [4021, 4021] == [joined[0], resumed[0]]
    assert re.fullmatch(r"until \d{4}-\d\d-\d\d \d\d:\d\d UTC: cheating", joined[1] or "")
    assert ("127.0.0.1", "Ann", "cheating") == (row["who"], row["name"], row["reason"])
    assert "Lifted the ban of Ann (address 127.0.0.1)" == lifted["text"]
    assert 2 == site.hub.bans.refused


@pytest.mark.gen_test
async def test_a_ban_by_address_concerns_all_from_there(site: Site) -> None:
    """Whoever else is connected from the address goes as well, and the answer says how many."""
    ann, welcome = await site.play("Ann")
    bob, _ = await site.play("Bob", create=True)
    feed = await site.feed(await site.log_in())
    ban = {"act": "ban", "room": welcome["room"], "seat": 0, "name": "Ann", "by": "address", "minutes": 1}
    answer = await ask(feed, **ban)

    assert "Banned Ann by address for 1 minutes, and 1 other player from there" == answer["text"]
    assert [4011, 4011] == [(await closed(ann))[0], (await closed(bob))[0]]


@pytest.mark.gen_test
async def test_the_log_level_can_be_changed(site: Site) -> None:
    """Lines below the new level are not written any more; the page shows which level holds."""
    feed = await site.feed(await site.log_in())
    hello = await receive(feed, "hello")
    before = hello["facts"]["log_level"]
    try:
        answer = await ask(feed, act="log_level", level="error")
        held = log_level()
    finally:
        set_log_level(before)

    assert ("error", f"Log level {before} is now error") == (held, answer["text"])


@pytest.mark.gen_test
async def test_every_act_is_recorded_in_the_file(site: Site) -> None:
    """One JSON line an act: when, who, what was asked, how it went; refusals too; the file is for its owner only."""
    _, welcome = await site.play("Ann")
    feed = await site.feed(await site.log_in())
    await ask(feed, act="kick", room=welcome["room"], seat=0, name="Ann", reason="be nice")
    await ask(feed, act="close", room="nowhere")
    path = site.hub.settings.data_dir / "audit.jsonl"
    lines = [json.loads(line) for line in path.read_text().splitlines()]

    assert ["log_in", "kick", "close"] == [line["act"] for line in lines]
    assert [True, True, False] == [line["ok"] for line in lines]
    assert ("Ann", "be nice", "operator", "127.0.0.1") == tuple(
        lines[1][key] for key in ("name", "reason", "role", "address")
    )
    assert 0o600 == path.stat().st_mode & 0o777


@pytest.mark.gen_test
async def test_a_drain_is_asked_for(site: Site) -> None:
    """The server is asked to stop as a signal would ask it; once it does, a second wish is refused."""
    await site.play("Ann")
    feed = await site.feed(await site.log_in())
    first = await ask(feed, act="drain")
    was_asked = site.hub.stop_asked.is_set()
    site.hub.lobby.is_draining = True
    second = await ask(feed, act="drain")

    assert (True, "Shutting down: 1 player told, 3 s left") == (was_asked, first["text"])
    assert (False, "The server is shutting down already") == (second["ok"], second["text"])


@pytest.mark.gen_test
@pytest.mark.parametrize("secret", [SECRET, VIEW_SECRET])
async def test_whoever_may_look_may_watch_unseen(site: Site, secret: str) -> None:
    """A ticket lets the game's own page watch the room, without a seat; who asked for it is recorded."""
    _, welcome = await site.play("Ann", create=True, private=True)
    feed = await site.feed(await site.log_in(secret))
    answer = await ask(feed, act="ticket", room=welcome["room"])
    refused = await ask(feed, act="ticket", room="nowhere")
    _, watching = await site.play("Eve", ticket=answer["ticket"])

    assert (True, False) == (answer["ok"], refused["ok"])
    assert (welcome["room"], None, "unseen") == (watching["room"], watching["seat"], watching["spectator"])
    assert 1 == site.hub.lobby.players
    assert f"Watches swarm room {welcome['room']} unseen" == answer["text"]


@pytest.mark.gen_test
async def test_only_a_page_with_a_ticket_may_be_framed(site: Site) -> None:
    """The status page may frame this host's pages, and only one that came with a ticket is framed."""
    cookie = await site.log_in()
    policies = [
        (await site.fetch(path, Cookie=cookie)).headers["Content-Security-Policy"]
        for path in ("/admin", "/play/swarm?ticket=x", "/play/swarm", "/")
    ]

    assert [True, False, False, False] == ["frame-src 'self'" in policy for policy in policies]
    assert [False, True, False, False] == ["frame-ancestors 'self'" in policy for policy in policies]
