"""`/admin` over real sockets: who gets in, and what the feed says."""

import json
from http.cookies import SimpleCookie
from typing import Any

import pytest
import structlog
from tornado.httpclient import HTTPClientError

from game_server.web.admin import CLOSE_LOGGED_OUT
from game_server.web.admin_auth import FAILURES_BURST
from tests.web.admin_site import SECRET, Site, closed, look_into, receive
from tests.web.raw_client import until

# ---- getting in ------------------------------------------------------------------------------------------------


@pytest.mark.gen_test
async def test_without_a_secret_there_is_only_the_form(site: Site) -> None:
    """Who has no cookie gets the log-in form, no figure, and 403."""
    response = await site.fetch("/admin")

    assert 403 == response.code
    assert b'action="/admin/login"' in response.body
    assert b"admin.js" not in response.body


@pytest.mark.gen_test
async def test_the_secret_is_exchanged_for_a_cookie(site: Site) -> None:
    """The secret in the URL is answered by a redirect without it and a strict cookie that is not the secret."""
    response = await site.fetch(f"/admin?secret={SECRET}")
    (morsel,) = SimpleCookie(response.headers["Set-Cookie"]).values()

    assert (303, "/admin") == (response.code, response.headers["Location"])
    assert ("/admin", "Strict", True, "") == (morsel["path"], morsel["samesite"], morsel["httponly"], morsel["secure"])
    assert SECRET not in response.headers["Set-Cookie"]
    assert 200 == (await site.fetch("/admin", Cookie=f"{morsel.key}={morsel.value}")).code


@pytest.mark.gen_test
async def test_over_tls_the_cookie_is_secure(site: Site) -> None:
    """Behind a proxy that speaks TLS the cookie never travels in the clear."""
    response = await site.fetch(f"/admin?secret={SECRET}", X_Forwarded_Proto="https")

    assert "Secure" in response.headers["Set-Cookie"]


@pytest.mark.gen_test
async def test_the_form_lets_in(site: Site) -> None:
    """The secret may be typed instead; a form of a page without referrer says that its origin is null."""
    headers = {"Content_Type": "application/x-www-form-urlencoded", "Origin": "null", "Sec_Fetch_Site": "same-origin"}
    response = await site.fetch("/admin/login", "POST", f"secret={SECRET}", **headers)

    assert 303 == response.code
    assert "HttpOnly" in response.headers["Set-Cookie"]


@pytest.mark.gen_test
@pytest.mark.parametrize("headers", [{"Origin": "http://evil.test"}, {"Sec_Fetch_Site": "cross-site"}])
async def test_another_site_cannot_log_in(site: Site, headers: dict[str, str]) -> None:
    """A form on some other site is refused, with the right secret too."""
    form = {"Content_Type": "application/x-www-form-urlencoded"}
    response = await site.fetch("/admin/login", "POST", f"secret={SECRET}", **form, **headers)

    assert (403, None) == (response.code, response.headers.get("Set-Cookie"))


@pytest.mark.gen_test
async def test_wrong_secrets_are_refused_and_then_limited(site: Site) -> None:
    """A wrong secret gets the form again and says so; after a few, 429 and when to come back."""
    codes = [(await site.fetch("/admin?secret=guess")).code for _ in range(FAILURES_BURST)]
    limited = await site.fetch(f"/admin?secret={SECRET}")

    assert [403] * FAILURES_BURST == codes
    assert (429, "10") == (limited.code, limited.headers["Retry-After"])
    assert b"Too many wrong secrets" in limited.body


@pytest.mark.gen_test
@pytest.mark.parametrize("path", ["/admin", f"/admin?secret={SECRET}", "/admin?secret=guess", "/admin/login"])
async def test_every_answer_is_strict(site: Site, path: str) -> None:
    """No answer may be cached, framed, or tell another page where it came from."""
    headers = (await site.fetch(path)).headers

    assert ("no-referrer", "no-store") == (headers["Referrer-Policy"], headers["Cache-Control"])
    assert "default-src 'none'; script-src 'self'" in headers["Content-Security-Policy"]
    assert "frame-ancestors 'none'" in headers["Content-Security-Policy"]


@pytest.mark.gen_test
async def test_a_link_on_another_site_leads_in(site: Site) -> None:
    """Strict cookies are withheld after a click elsewhere: then the form's page asks again by itself, once."""
    elsewhere = await site.fetch("/admin", Sec_Fetch_Site="cross-site")
    here = await site.fetch("/admin", Sec_Fetch_Site="same-origin")

    assert (True, False) == (b"http-equiv" in elsewhere.body, b"http-equiv" in here.body)


@pytest.mark.gen_test
async def test_logging_out_ends_cookie_and_pages(site: Site) -> None:
    """After the log-out the cookie opens nothing and the pages that were open are closed; other sites cannot do it."""
    cookie = await site.log_in()
    feed = await site.feed(cookie)
    refused = await site.fetch("/admin/logout", "POST", "", Cookie=cookie, Origin="http://evil.test")
    still = await site.fetch("/admin", Cookie=cookie)
    done = await site.fetch("/admin/logout", "POST", "", Cookie=cookie, Origin=site.origin)

    assert (403, 200, 204) == (refused.code, still.code, done.code)
    assert CLOSE_LOGGED_OUT == (await closed(feed))[0]
    assert 403 == (await site.fetch("/admin", Cookie=cookie)).code


@pytest.mark.gen_test
async def test_no_secret_is_logged(site: Site) -> None:
    """Right or wrong, what was typed stands in no line of the log; who came in does."""
    with structlog.testing.capture_logs() as lines:
        await site.log_in()
        await site.fetch("/admin?secret=guess-guess")
        await site.fetch("/admin?secret=%ff")

    assert ["log_in"] == [line["act"] for line in lines if line["event"] == "admin_act"]
    assert [] == [line for line in lines if SECRET in str(line) or "guess" in str(line)]


# ---- the feed --------------------------------------------------------------------------------------------------


@pytest.mark.gen_test
@pytest.mark.parametrize(
    ("has_cookie", "origin"),
    [(False, "own"), (True, None), (True, "null"), (True, "http://evil.test"), (True, "http://127.0.0.1")],
)
async def test_the_feed_asks_for_cookie_and_origin(site: Site, has_cookie: bool, origin: str | None) -> None:
    """Without the cookie, or from any page but this server's own, or from no page at all, the feed is refused."""
    cookie = await site.log_in() if has_cookie else None

    with pytest.raises(HTTPClientError) as refusal:
        await site.feed(cookie, origin)

    assert 403 == refusal.value.code


@pytest.mark.gen_test
async def test_the_feed_tells_rooms_and_process(site: Site) -> None:
    """A page learns the process's figures, each room, and then only what changed of it."""
    _, welcome = await site.play("Ann", create=True, private=True)
    feed = await site.feed(await site.log_in())
    hello = await receive(feed, "hello")
    first, second = await receive(feed, "update"), await receive(feed, "update")
    room = first["rooms"][welcome["room"]]

    assert ("operator", {}) == (hello["role"], hello["rooms"])
    assert ("swarm", 1, 10, 20, welcome["code"]) == tuple(
        room[key] for key in ("game", "taken", "seats", "tick_rate", "code")
    )
    assert (1, 1, 1) == tuple(first["process"][key] for key in ("players", "rooms", "connections"))
    assert first["process"]["memory_bytes"] > 1e6
    assert first["verdict"]["level"] in ("good", "strained", "bad")
    assert 1 == first["counters"]["joins"]
    assert second["process"]["bytes_out_s"] > 0
    assert second["counters"]["bytes_out"] > first["counters"]["bytes_out"]
    assert "game" not in second["rooms"].get(welcome["room"], {})


@pytest.mark.gen_test
async def test_a_second_page_begins_with_all_there_is(site: Site) -> None:
    """Who opens the page later gets all rooms and figures at once, and then the seconds before."""
    _, welcome = await site.play("Ann")
    cookie = await site.log_in()
    await receive(await site.feed(cookie), "update")
    later = await site.feed(cookie)
    hello = await receive(later, "hello")
    history = await receive(later, "history")

    assert [welcome["room"]] == list(hello["rooms"])
    assert 1 == hello["process"]["players"]
    assert history["count"] >= 1
    assert {history["count"]} == {len(column) for column in history["columns"].values()}


@pytest.mark.gen_test
async def test_what_happened_before_anybody_looked_is_kept(site: Site) -> None:
    """The process is sampled while nobody watches; rooms are not looked at."""
    await site.play("Ann")
    feed = site.feed_of_server
    await until(lambda: feed.sampler.history.count >= 2)
    history = feed.sampler.history

    assert 1.0 == history.column("players")[-1]
    assert {} == feed.sampler.rooms
    assert "cpu_percent tick_ms_p99 step_ms_max bytes_out_s resumes_s".split() == [
        name for name in "cpu_percent tick_ms_p99 step_ms_max bytes_out_s resumes_s".split() if name in history.names
    ]


@pytest.mark.gen_test
async def test_closes_are_kept_by_reason(site: Site) -> None:
    """Each reason for which connections were closed becomes a column when it first occurs."""
    _, welcome = await site.play("Ann")
    feed = await site.feed(await site.log_in())
    await receive(feed, "update")
    site.hub.kick(site.hub.lobby.rooms[welcome["room"]].sessions[0], "out")
    update = await receive(feed, "update")
    while "kicked" not in update["closes"]:
        update = await receive(feed, "update")

    assert 1 == update["second"]["close_kicked"]


@pytest.mark.gen_test
async def test_only_what_changed_is_told_again(site: Site) -> None:
    """A figure that stands still is in no update but the first."""
    feed = await site.feed(await site.log_in())
    first, second = await receive(feed, "update"), await receive(feed, "update")

    assert {"players", "rooms", "memory_bytes"} <= first["process"].keys()
    assert {"players", "rooms"}.isdisjoint(second["process"])
    assert {"verdict", "bans", "facts", "crashes"}.isdisjoint(second)


@pytest.mark.gen_test
async def test_a_room_can_be_looked_into(site: Site) -> None:
    """Its seats come at once: name, state, address, queue, bytes; then what changed, with the measured round trip."""
    _, welcome = await site.play("Ann")
    await site.play("Bob", room=welcome["room"])
    feed = await site.feed(await site.log_in())
    room = await look_into(feed, welcome["room"])
    row = room["set"]["0"]
    news = await receive(feed, "room")
    while news["set"].get("0", {}).get("rtt_ms") is None:
        news = await receive(feed, "room")

    assert ["Ann", "Bob"] == [seat["name"] for seat in room["set"].values()]
    assert ("seated", "127.0.0.1", "json", 0, 0) == tuple(
        row[key] for key in ("state", "address", "codec", "queue", "drops")
    )
    assert row["bytes_out"] > 0
    assert news["set"]["0"]["rtt_ms"] >= 0
    assert "name" not in news["set"]["0"]


@pytest.mark.gen_test
async def test_a_seat_that_is_given_up_is_gone(site: Site) -> None:
    """A seat that nobody holds any more is named once."""
    ann, welcome = await site.play("Ann")
    await site.play("Bob", room=welcome["room"])
    feed = await site.feed(await site.log_in())
    await look_into(feed, welcome["room"])
    await ann.write_message('{"type":"leave"}')
    news = await receive(feed, "room")
    while not news["gone"]:
        news = await receive(feed, "room")

    assert ["0"] == news["gone"]


@pytest.mark.gen_test
async def test_the_live_state_is_shown_when_asked_for(site: Site) -> None:
    """Entities by type with their values and who sees each field; then only what moved, and what is new."""
    ann, welcome = await site.play("Ann")
    await receive(ann, "full")
    feed = await site.feed(await site.log_in())
    assert "state" not in await look_into(feed, welcome["room"])
    whole = (await look_into(feed, welcome["room"], state=True))["state"]
    news = (await receive(feed, "room"))["state"]
    while not news["types"]:
        news = (await receive(feed, "room"))["state"]
    room = site.hub.lobby.rooms[welcome["room"]]
    movers: list[Any] = room.world.all("Mover")
    mover = movers[0]
    before = whole["types"]["Mover"]["set"][str(mover.id)]

    assert whole["counts"]["Mover"] == len(room.world.all("Mover"))
    assert {"x", "y"} <= before.keys()
    assert {"x": "all", "y": "all", "vx": "server", "vy": "server"} == {
        field["name"]: field["to"] for field in whole["fields"]["Mover"]
    }
    assert set(news["types"]["Mover"]["set"]) <= {str(entity.id) for entity in movers}


@pytest.mark.gen_test
async def test_events_are_fed_on(site: Site) -> None:
    """What happens in the room that is looked into arrives with number, tick, name and data."""
    ann, welcome = await site.play("Ann")
    feed = await site.feed(await site.log_in())
    await look_into(feed, welcome["room"])
    await ann.write_message('{"type":"chat","text":"hello"}')
    events = (await receive(feed, "room"))["events"]
    while not events:
        events = (await receive(feed, "room"))["events"]

    assert ("chat", None) == (events[0]["name"], events[0]["to"])
    assert "hello" == json.loads(events[0]["data"])["text"]


@pytest.mark.gen_test
async def test_the_ticks_of_a_room_are_shown_by_phase(site: Site) -> None:
    """Each second tells where a tick of this room goes and what it may take."""
    _, welcome = await site.play("Ann")
    feed = await site.feed(await site.log_in())
    await look_into(feed, welcome["room"])
    ticks = (await receive(feed, "room"))["ticks"]
    while not ticks or ticks[0]["step"] is None:
        ticks = (await receive(feed, "room"))["ticks"]

    assert 25.0 == ticks[0]["budget_ms"]
    assert {"inputs", "step", "snapshot", "encode", "send", "p50", "p99", "max"} <= ticks[0].keys()
    assert ticks[0]["max"] > 0


@pytest.mark.gen_test
async def test_a_player_in_trouble_is_named(site: Site) -> None:
    """Over all rooms, who is badly off stands in the update with room, seat and the reason."""
    ann, welcome = await site.play("Ann")
    await site.play("Bob", room=welcome["room"])
    feed = await site.feed(await site.log_in())
    ann.close()
    update = await receive(feed, "update")
    while not update.get("troubles"):
        update = await receive(feed, "update")
    (trouble,) = update["troubles"]

    assert (welcome["room"], 0, "Ann") == (trouble["room"], trouble["seat"], trouble["name"])
    assert "connection lost" in trouble["why"]


@pytest.mark.gen_test
async def test_a_room_that_ends_is_gone(site: Site) -> None:
    """A room that is no more is named as gone, once."""
    _, welcome = await site.play("Ann")
    feed = await site.feed(await site.log_in())
    await receive(feed, "update")
    site.hub.lobby.rooms[welcome["room"]].close("over")
    update = await receive(feed, "update")
    while not update["gone"]:
        update = await receive(feed, "update")

    assert [welcome["room"]] == update["gone"]
    assert 0 == update["process"]["rooms"]


@pytest.mark.gen_test
async def test_rooms_are_left_alone_when_the_last_page_goes(site: Site) -> None:
    """With the last page rooms are not looked at any more, and nothing is kept of them."""
    await site.play("Ann")
    feed = await site.feed(await site.log_in())
    while not (await receive(feed, "update"))["rooms"]:
        pass
    feed.close()
    await closed(feed)
    await until(lambda: not site.feed_of_server.sampler.rooms)

    assert not site.feed_of_server.watchers


@pytest.mark.gen_test
@pytest.mark.parametrize(
    "garbage", ["", "{", "[]", "7", '{"act":null}', '{"act":"watch","room":{}}', "\x00", b"\xff\x00"]
)
async def test_garbage_harms_nothing(site: Site, garbage: str | bytes) -> None:
    """Whatever a page sends, the feed goes on."""
    feed = await site.feed(await site.log_in())
    await feed.write_message(garbage, binary=isinstance(garbage, bytes))

    assert "update" == (await receive(feed, "update"))["type"]
