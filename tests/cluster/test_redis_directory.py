"""The board in a real Redis: no seat spoken for twice, nothing lost for good, whatever happens to nodes and Redis."""

import asyncio
import random
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from game_server.cluster.board import DirectoryDown, NodeState, Overview, Sought
from game_server.cluster.redis_directory import RedisDirectory
from game_server.core.directory import Report, RoomFacts, node_of
from game_server.core.one_seats import Claim
from tests.cluster.faults import SEATS, WISH, Node, board, run_faults
from tests.cluster.redis_server import SKIPPED, RedisServer, find_redis
from tests.system_packages import in_ci

pytestmark = pytest.mark.skipif(find_redis() is None and not in_ci(), reason=SKIPPED)


@pytest.fixture
def server(free_port: int, tmp_path: Path) -> Iterator[RedisServer]:
    """A running Redis."""
    running = RedisServer(free_port, tmp_path)
    yield running
    running.go_on()
    running.stop()


async def overview(one: RedisDirectory, **state: Any) -> Overview:
    """Report, and return what the board answers."""
    found = await one.report(NodeState(Report(0.1, 0), **state))
    assert found is not None
    return found


def story(told: Callable[[], Awaitable[None]]) -> None:
    """Run what happens."""

    async def bounded() -> None:
        await asyncio.wait_for(told(), 60)

    asyncio.run(bounded())


def test_a_connection_that_is_lost_at_any_moment_is_no_bug(server: RedisServer) -> None:
    """Whatever the client library makes of it: a question is answered or the directory is said to be down, and later
    ones, and what is told to all, get through."""

    async def told() -> None:
        one, heard = board(server, "a"), asyncio.Event()
        one.listen(lambda _: heard.set())

        async def ask() -> str | None:
            try:
                return await one.room_of_code("NONE")
            except DirectoryDown:
                return None

        for steps in range(300):
            asking = asyncio.gather(*(ask() for _ in range(5)))
            for _ in range(steps % 30):
                await asyncio.sleep(0)
            await one._redis.connection_pool.disconnect(inuse_connections=True)
            assert {None} == set(await asking)
        async with asyncio.timeout(30):
            while not heard.is_set():
                await one.tell_all({})
                await asyncio.sleep(0.01)
        await one.close()

    story(told)


def test_a_directory_is_let_go_of_at_any_moment(server: RedisServer) -> None:
    """However far it has got with listening, closing it ends."""

    async def told() -> None:
        for steps in range(120):
            one = board(server, "a")
            one.listen(lambda _: None)
            for _ in range(steps):
                await asyncio.sleep(0)
            await one.close()

    story(told)


def test_a_thousand_at_once_fill_rooms(server: RedisServer) -> None:
    """Over three nodes, before any could report a room: every seat is spoken for once, rooms are full but for one."""

    async def told() -> None:
        nodes = {name: Node(board(server, name)) for name in ("a", "b", "c")}
        for node in nodes.values():
            await node.report()
        boards = [node.board for node in nodes.values()]

        async def match(player: int) -> None:
            seat = await boards[player % 3].place(WISH, is_new=False)
            assert seat is not None
            assert seat.room == await nodes[seat.node].board.redeem(seat.ticket)
            assert nodes[seat.node].take(seat.room, player, seat.ticket)

        for start in range(0, 1000, 100):
            await asyncio.gather(*(match(player) for player in range(start, start + 100)))
        counts = [len(who) for node in nodes.values() for who in node.rooms.values()]
        assert 1000 == sum(counts)
        assert 1 >= sum(1 for count in counts if count < SEATS)
        for each in boards:
            await each.close()

    story(told)


def test_a_crowd_at_one_process_is_placed_whole(server: RedisServer) -> None:
    """However many ask at once: to wait for a connection to Redis is not to be without it."""

    async def told() -> None:
        node = Node(board(server, "a"))
        await node.report()
        seats = await asyncio.gather(*(node.board.place(WISH, is_new=False) for _ in range(100 * SEATS)))
        rooms = Counter(seat.room for seat in seats if seat is not None)
        assert [SEATS] * 100 == list(rooms.values())
        await node.board.close()

    story(told)


def test_a_seat_stays_spoken_for_until_its_player_is_reported(server: RedisServer) -> None:
    """A report that was made before a player sat down, and comes after the ticket was redeemed, frees no seat."""

    async def told() -> None:
        node = Node(board(server, "a"))
        await node.report()
        rooms: list[str] = []
        for player in range(2 * SEATS):
            seat = await node.board.place(WISH, is_new=False)
            assert seat is not None
            before = node.state()
            assert seat.room == await node.board.redeem(seat.ticket)
            await node.tell(before)
            assert node.take(seat.room, player, seat.ticket)
            rooms.append(seat.room)
            if player % 3 == 0:
                await node.report()
        assert [SEATS, SEATS] == list(Counter(rooms).values())
        await node.board.close()

    story(told)


def test_a_ticket_is_good_once(server: RedisServer) -> None:
    """For the room it names, and never again; one that nobody gave is good for nothing."""

    async def told() -> None:
        one = board(server, "a")
        await Node(one).report()
        seat = await one.place(WISH, is_new=False)
        assert seat is not None
        assert ("a", "ws://a.example/ws") == (node_of(seat.room), seat.url)
        assert [seat.room, None, None] == [await one.redeem(ticket) for ticket in (seat.ticket, seat.ticket, "guess")]
        await one.close()

    story(told)


def test_a_room_of_ones_own_is_filled_by_nobody(server: RedisServer) -> None:
    """Who creates a room gets a new one, and quick matches are not sent there before it is listed."""

    async def told() -> None:
        one = board(server, "a")
        await Node(one).report()
        seats = [await one.place(WISH, is_new=is_new) for is_new in (True, True, False, False)]
        rooms = [seat.room for seat in seats if seat is not None]
        assert 3 == len(set(rooms))
        assert rooms[2] == rooms[3]
        await one.close()

    story(told)


def test_who_is_not_heard_of_is_delisted_and_comes_back(server: RedisServer) -> None:
    """An expired lease takes a node's rooms off the list, its next report puts them back; who leaves is off at once."""

    async def told() -> None:
        quick, slow = Node(board(server, "a", lease_s=0.8), {"a-1": {1}}), Node(board(server, "b"), {"b-1": {2, 3}})
        await quick.report()
        await asyncio.sleep(0.9)
        assert {"b"} == {node.node for node in (await overview(slow.board)).nodes}
        await slow.report()
        seats = [await slow.board.place(WISH, is_new=False) for _ in range(2)]
        assert {"b-1"} == {seat.room for seat in seats if seat}
        await quick.report()
        assert "ws://a.example/ws" == await slow.board.url_of("a")
        await quick.report()  # again, as it would: a busy machine takes its time between two commands
        seat = await slow.board.place(WISH, is_new=False)
        assert seat is not None
        assert "a-1" == seat.room
        await quick.report()
        assert {"a", "b"} == {node.node for node in (await overview(slow.board)).nodes}
        await quick.board.close()
        assert {"b"} == {node.node for node in (await overview(slow.board)).nodes}
        await slow.board.close()

    story(told)


def test_an_emptied_board_heals(server: RedisServer) -> None:
    """After a flush, and after a restart with nothing kept, the nodes' next reports restore rooms, codes and users."""

    async def told() -> None:
        one = board(server, "a")
        facts = (RoomFacts("a-1", "swarm", "{}", SEATS, 3, is_open=True),)

        async def report() -> None:
            report = Report(0.1, 3, rooms=facts)
            await one.report(NodeState(report, codes={"ABCDEF": "a-9"}, users={"ann": "a-1"}))

        await report()
        for disturb in (server.empty, server.restart):
            disturb()
            with pytest.raises(DirectoryDown, match="writing themselves in again"):
                await one.room_of_code("ABCDEF")
            await report()
            assert "a-9" == await one.room_of_code("ABCDEF")
            assert {"a": "a-1"} == await one.rooms_of_user("ann")
            seat = await one.place(WISH, is_new=False)
            assert seat is not None
            assert "a-1" == seat.room
        await one.close()

    story(told)


def test_a_board_that_does_not_answer_is_named(server: RedisServer) -> None:
    """Paused or gone, it is one clear error in bounded time, and good again afterwards."""

    async def told() -> None:
        one = board(server, "a")
        await Node(one).report()
        for disturb, mend in ((server.pause, server.go_on), (server.stop, server.start)):
            disturb()
            with pytest.raises(DirectoryDown):
                await one.place(WISH, is_new=False)
            assert not one.is_up
            mend()
            await Node(one).report()
            assert one.is_up
            assert await one.place(WISH, is_new=False) is not None
        await one.close()

    story(told)


def test_a_name_that_was_taken_over_may_not_write(server: RedisServer) -> None:
    """A process that slept while another took its name is fenced off, and begins anew behind it."""

    async def told() -> None:
        old, new = board(server, "a"), RedisDirectory(server.url, "a", "ws://new.example/ws", 10.0)
        await Node(old).report()
        await Node(new).report()
        await Node(old).report()
        assert "ws://new.example/ws" == await old.url_of("a")
        await Node(old).report()
        assert "ws://a.example/ws" == await old.url_of("a")
        for each in (old, new):
            await each.close()

    story(told)


def test_who_does_not_answer_is_sent_nobody_and_found_all_the_same(server: RedisServer) -> None:
    """Its rooms are off the list, its address is not: its players still have their seats. Who is gone has none."""

    async def told() -> None:
        one, other = Node(board(server, "a"), {"a-1": {1}}), Node(board(server, "b"))
        for node in (one, other):
            await node.report()
        await other.board.delist("a")
        for _ in range(2):
            seat = await other.board.place(WISH, is_new=True)
            assert seat is not None
            assert "b" == seat.node
        assert "ws://a.example/ws" == await other.board.url_of("a")
        await one.report()
        seat = await other.board.place(WISH, is_new=False)
        assert seat is not None
        assert "a-1" == seat.room
        await other.board.bury("a")
        with pytest.raises(DirectoryDown):  # it might be about to write itself in, the board being new
            await other.board.url_of("a")
        for node in (one, other):
            await node.board.close()

    story(told)


def test_what_is_told_to_all_reaches_all(server: RedisServer) -> None:
    """Also after Redis was away."""

    async def told() -> None:
        boards = [board(server, name) for name in "ab"]
        heard: list[tuple[str, Any]] = []

        def hear(name: str, message: dict[str, Any]) -> None:
            heard.append((name, message["text"]))

        for name, each in zip("ab", boards, strict=True):
            each.listen(partial(hear, name))
        for text in ("one", "two"):
            while ("a", text) not in heard or ("b", text) not in heard:
                await boards[0].tell_all({"text": text})
                await asyncio.sleep(0.05)
            server.restart()
        for each in boards:
            await each.close()

    story(told)


def test_a_user_has_one_seat(server: RedisServer) -> None:
    """The highest claim has it, whoever is heard first, also on a board that was emptied; a gone node's is free."""

    async def told() -> None:
        one, other = board(server, "a"), board(server, "b")
        seat = "swarm ann"
        for each in (one, other):
            await overview(each)
        first, second = (await one.seek(seat)).number, (await other.seek(seat)).number
        assert first < second
        assert (None, None) == (await one.take(seat, first), await other.take(seat, second))
        sought = await one.seek(seat)
        assert Sought(seat, sought.number, "b", "ws://b.example/ws") == sought
        for _ in range(2):
            assert {seat: Claim(second, "b")} == (await overview(one, seats={seat: first})).lost
            assert Claim(second, "b") == await one.take(seat, first)
            assert {} == (await overview(other, seats={seat: second})).lost
            server.empty()
            assert {} == (await overview(one, seats={seat: first})).lost
            assert {} == (await overview(other, seats={seat: second})).lost
        await overview(other, seats_ended={seat: first})
        assert "b" == (await one.seek(seat)).node
        await overview(other, seats_ended={seat: second})
        assert "" == (await one.seek(seat)).node
        assert await other.take(seat, second) is None
        await one.bury("b")
        assert {} == (await overview(one, seats={seat: first})).lost
        for each in (one, other):
            await each.close()

    story(told)


def test_players_of_an_address_are_counted_over_all(server: RedisServer) -> None:
    """As they come and go, and without those of a node that is not heard of or has left; rooms too."""

    async def told() -> None:
        one, two, brief = board(server, "a"), board(server, "b"), board(server, "c", lease_s=0.2)

        async def crowded(each: RedisDirectory, **addresses: int) -> tuple[set[str], int]:
            found = await overview(each, addresses=addresses, address_max=5, room_count=10)
            return set(found.crowded), found.rooms

        assert (set(), 10) == await crowded(one, x=3, y=4)
        assert ({"x"}, 20) == await crowded(two, x=2)
        assert ({"x"}, 20) == await crowded(two, x=2)
        assert (set(), 20) == await crowded(two, x=1)
        assert ({"y"}, 30) == await crowded(brief, y=1)
        await asyncio.sleep(0.3)
        assert (set(), 20) == await crowded(two, x=1)
        assert ({"x"}, 20) == await crowded(two, x=2)
        await one.close()
        assert (set(), 10) == await crowded(two, x=2)
        await two.close()
        await brief.close()

    story(told)


def test_bans_are_put_together(server: RedisServer) -> None:
    """What was decided last holds everywhere, a ban ends by itself, and an emptied board is filled again."""

    async def told() -> None:
        one, other = board(server, "a"), board(server, "b")
        now_s = round(time.time())

        def row(at_s: float, is_lifted: bool = False, until_s: float = 100.0) -> dict[str, Any]:
            times = {"until_unix_s": now_s + until_s, "at_unix_s": now_s + at_s}
            return {"by": "address", "who": "x", "name": "Ann", "is_lifted": is_lifted, **times}

        first, rows = await one.merge_bans([row(1)])
        assert [row(1)] == rows
        assert (first, [row(1)]) == await other.merge_bans([row(0, is_lifted=True)])
        assert first == (await overview(other)).bans_version
        second, rows = await other.merge_bans([row(2, is_lifted=True)])
        assert ([row(2, is_lifted=True)], True) == (rows, second != first)
        assert (second, rows) == await one.merge_bans([row(1)])
        server.empty()
        assert "" == (await overview(one)).bans_version
        third, rows = await one.merge_bans(rows)
        assert ([row(2, is_lifted=True)], True) == (rows, third not in (first, second))
        assert [row(2, is_lifted=True)] == (await other.merge_bans([row(9, until_s=-1)]))[1]
        for each in (one, other):
            await each.close()

    story(told)


def test_who_leaves_is_not_there_any_more(server: RedisServer) -> None:
    """A user who goes from one node to another is found at that one alone."""

    async def told() -> None:
        one, other = board(server, "a"), board(server, "b")
        await overview(one, users={"ann": "a-1"})
        await overview(other, users={"ann": "b-1"})
        assert {"a": "a-1", "b": "b-1"} == await one.rooms_of_user("ann")
        await overview(one, users={})
        assert {"b": "b-1"} == await one.rooms_of_user("ann")
        for each in (one, other):
            await each.close()

    story(told)


@pytest.mark.parametrize("seed", range(2))
def test_random_faults_lose_nothing(server: RedisServer, seed: int) -> None:
    """Joins, leaves, deaths and births of nodes, a board that is emptied and restarted, in random order: no room id
    twice, no seat taken twice, and afterwards every room that has a free seat is found again."""

    async def told() -> None:
        await asyncio.wait_for(run_faults(server, random.Random(seed), operations=250), 50)

    story(told)
