"""The directory of several machines, in Redis: which node has which room, where a quick match goes, who is where.

Redis is a notice board and not the truth: a node alone decides who sits in its rooms, and plays on without Redis. Every
node writes its whole state about once a second under a lease; so a Redis that was emptied is filled again within a
second, one missed heartbeat loses nothing, and an expired lease only takes rooms off the list until the node is heard
again. Where two nodes could race, a script decides (redis_scripts.py).

A quick match gets a *ticket* for a room: a seat that is spoken for, for a few seconds. The owner redeems it, once; what
is never redeemed frees the seat. The room may be one that the owner has yet to make, under the id the ticket names.

Knows Redis; knows no connections and no rooms' insides.
"""

import asyncio
import secrets
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any

import redis.asyncio as redis
import ujson
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff

from ..core.directory import Wish
from ..core.one_seats import Claim
from ..web.logs import log
from . import redis_scripts
from .board import DirectoryDown, NodeState, Overview, SeatFound, Sought, claim_of

PREFIX = "{game-server}"
TICKET_MS = 5000
#: of one command; Redis on the same network answers in one
TIMEOUT_S = 1.0
RETRY_S = 0.5
HEALTH_CHECK_S = 5.0
#: to Redis, of a process
CONNECTIONS_MAX = 16
#: after so long every node that lives has written itself in again
WHOLE_AFTER_S = 3.0
#: above all fences
FENCE_MAX = 2**53
# What says that Redis did not answer. redis-py raises an AttributeError where a connection is lost while it is made.
_UNANSWERED = (redis.RedisError, OSError, TimeoutError, AttributeError)


class RedisDirectory:
    """This node's side of the board.

    Args:
        url: of the Redis server, `redis://...`.
        node: this node's name.
        announce_url: where clients of other nodes find it.
        lease_s: how long the others believe in a node that they do not hear of.
    """

    def __init__(self, url: str, node: str, announce_url: str, lease_s: float) -> None:
        self.node, self.announce_url = node, announce_url
        self._lease_ms = int(lease_s * 1000)
        self._fence = 0
        #: users in the last report that was heard
        self._users_told: frozenset[str] = frozenset()
        # A server that was started anew has closed its old connections: the first command on one is tried once more. A
        # placement made twice by that speaks for a seat too many until the owner's next report.
        pool = redis.BlockingConnectionPool.from_url(
            url,
            # In a crowd commands wait for one of them. The other pool raises at once, as if Redis did not answer.
            max_connections=CONNECTIONS_MAX,
            timeout=TIMEOUT_S,
            decode_responses=True,
            socket_timeout=TIMEOUT_S,
            socket_connect_timeout=TIMEOUT_S,
            retry=Retry(NoBackoff(), 1),
            retry_on_error=[redis.ConnectionError],
            # A channel on which nothing is said finds out by asking that the other side is gone.
            health_check_interval=HEALTH_CHECK_S,
        )
        self._redis = redis.Redis.from_pool(pool)
        scripts = ("REPORT", "PLACE", "REDEEM", "LEAVE", "MERGE_BANS", "SEEK", "TAKE", "LOOK_UP")
        self._scripts = {name: self._redis.register_script(getattr(redis_scripts, name)) for name in scripts}
        self._listening: asyncio.Task[None] | None = None
        self._is_closed = False
        #: what Redis' clock is ahead of this process' monotonic one; before it was heard, this machine's is believed
        self._ahead_us = time.time_ns() // 1000 - _own_us()
        #: whether the last command was answered, and when that began after a time in which they were not
        self.is_up = False
        self._back_at_s = -WHOLE_AFTER_S
        self._was_down = False

    async def _run(self, script: str, *arguments: Any) -> Any:
        return await self._do(self._scripts[script](keys=[PREFIX], args=list(arguments)))

    async def _do(self, command: Awaitable[Any]) -> Any:
        """Return what a command gives; raise DirectoryDown when it gives nothing in time."""
        try:
            async with asyncio.timeout(2 * TIMEOUT_S):
                result = await command
        except _UNANSWERED as error:
            if self.is_up:
                log.warning("redis_down", error=repr(error))
            self.is_up, self._was_down = False, True
            raise DirectoryDown(str(error) or "Redis does not answer") from error
        if not self.is_up:
            log.info("redis_up")
            if self._was_down:
                self._back_at_s = time.monotonic()
        self.is_up = True
        return result

    async def report(self, state: NodeState) -> Overview | None:
        """Write this node's state under its lease; return what it should know, or None where another took its name."""
        if not self._fence:
            self._fence = await self._do(self._redis.incr(f"{PREFIX}:fence"))
        report = state.report
        rooms = [] if report.is_draining else [room for room in report.rooms if room.is_open]
        told = {
            "node": self.node,
            "fence": self._fence,
            "lease_ms": self._lease_ms,
            "url": self.announce_url,
            "load": report.load,
            "players": report.players,
            "rooms": state.room_count,
            "codes": dict(state.codes),
            "users": dict(state.users),
            "gone": [user for user in self._users_told if user not in state.users],
            "seats": {seat: str(number) for seat, number in state.seats.items()},
            "seats_ended": {seat: str(number) for seat, number in state.seats_ended.items()},
            "open": [[room.room, key_of(room.game, room.options), room.free] for room in rooms],
            "addresses": dict(state.addresses),
            "address_max": state.address_max,
            "arrived": list(state.arrived),
        }
        asked_us = _own_us()
        values = ujson.loads(await self._run("REPORT", ujson.dumps(told, ensure_ascii=False, allow_nan=False)))
        if "fenced" in values:
            log.error("lease_fenced_off", node=self.node, fence=self._fence)
            self._fence = 0  # another took the name: begin anew behind it
            return None
        self._users_told = frozenset(state.users)
        overview = Overview.parse(values)
        self._ahead_us = overview.now_us - asked_us
        return overview

    def now_us(self) -> int:
        """Return what the directory's clock shows, as of its last answer, or this machine's before there was one."""
        return _own_us() + self._ahead_us

    async def seek(self, seat: str) -> Sought:
        """Return the number of a claim to a user's one seat, and who has it now."""
        number, *holder = await self._run("SEEK", seat)
        return Sought(seat, int(number), *holder)

    async def take(self, seat: str, number: int) -> Claim | None:
        """Claim a one seat that is given here; return the claim that is higher, if another has it."""
        higher = await self._run("TAKE", seat, number, self.node, self._fence, self._lease_ms)
        return claim_of(higher) if higher else None

    async def merge_bans(self, rows: Sequence[Mapping[str, Any]]) -> tuple[str, list[dict[str, Any]]]:
        """Put this node's bans together with those of all; return the version that this makes, and all of them."""
        text = ujson.dumps(list(rows), ensure_ascii=False, allow_nan=False)
        version, merged = await self._run("MERGE_BANS", text, secrets.token_hex(8))
        return version, [ujson.loads(row) for row in merged]

    async def bury(self, node: str) -> None:
        """Take a node off the board that is gone."""
        await self._run("LEAVE", node, FENCE_MAX, 0)

    async def delist(self, node: str) -> None:
        """Send no more quick matches to a node that does not answer. If it lives, it lists itself again."""
        await self._run("LEAVE", node, FENCE_MAX, 1)

    async def place(self, wish: Wish, is_new: bool) -> SeatFound | None:
        """Return a seat for a quick match (or in a new room); None when no node is there."""
        ticket, fresh = secrets.token_urlsafe(12), secrets.token_hex(6)
        key = key_of(wish.game, wish.options)
        found = await self._run("PLACE", key, wish.seats, ticket, TICKET_MS, fresh, int(is_new))
        return SeatFound(found[0], found[1], found[2], ticket) if found else None

    async def redeem(self, ticket: str) -> str | None:
        """Return the room that a ticket is for, once."""
        room: str | None = await self._run("REDEEM", ticket)
        return room

    async def url_of(self, node: str) -> str | None:
        """Return where a node is found; None when it is not there. Raise DirectoryDown when nobody can tell yet."""
        return await self._look_up("node", node)

    async def room_of_code(self, code: str) -> str | None:
        """Return the room of a code, on whichever node. Raise DirectoryDown when nobody can tell yet."""
        return await self._look_up("code", code)

    async def _look_up(self, kind: str, name: str) -> str | None:
        found, age_ms = await self._run("LOOK_UP", kind, name)
        # To say "not here" of what has only not been written again would cost a player the seat.
        if not found and min(age_ms / 1000, time.monotonic() - self._back_at_s) < WHOLE_AFTER_S:
            raise DirectoryDown("the nodes are writing themselves in again")
        return found or None

    async def rooms_of_user(self, user_id: str) -> dict[str, str]:
        """Return where a user is: node -> room id."""
        found = await self._do(self._redis.hgetall(f"{PREFIX}:user:{user_id}"))
        return {node: room for node, room in found.items() if await self.url_of(node)}

    async def tell_all(self, message: Mapping[str, Any]) -> None:
        """Tell all nodes something, this one included."""
        await self._do(self._redis.publish(f"{PREFIX}:all", ujson.dumps({"from": self.node, **message})))

    async def tell(self, node: str, message: Mapping[str, Any]) -> bool:
        """Tell one node something, which hears it as it hears what is told to all; return whether it listens."""
        text = ujson.dumps(message, ensure_ascii=False, allow_nan=False)
        return bool(await self._do(self._redis.publish(f"{PREFIX}:to:{node}", text)))

    async def list_rooms(self, rows: Sequence[Mapping[str, Any]], at_unix_s: float) -> None:
        """Write what is told of this node's rooms, for as long as its lease."""
        text = ujson.dumps({"at_unix_s": at_unix_s, "rooms": list(rows)}, ensure_ascii=False, allow_nan=False)
        await self._do(self._redis.set(f"{PREFIX}:rooms:{self.node}", text, px=self._lease_ms))

    async def rooms_listed(self, nodes: Sequence[str]) -> dict[str, dict[str, Any]]:
        """Return what nodes have told of their rooms: `rooms`, and when, `at_unix_s`."""
        texts = await self._do(self._redis.mget([f"{PREFIX}:rooms:{node}" for node in nodes])) if nodes else []
        return {node: ujson.loads(text) for node, text in zip(nodes, texts, strict=True) if text}

    def listen(self, hear: Callable[[dict[str, Any]], None]) -> None:
        """Have what is told to all brought here from now on, however often Redis goes and comes."""
        self._listening = asyncio.create_task(self._listen(hear))

    async def _listen(self, hear: Callable[[dict[str, Any]], None]) -> None:
        # redis-py may swallow that this task is cancelled (asyncio.wait_for does in Python 3.11).
        while not self._is_closed:
            try:
                async with self._redis.pubsub() as channel:
                    await channel.subscribe(f"{PREFIX}:all", f"{PREFIX}:to:{self.node}")
                    while not self._is_closed:
                        message = await channel.get_message(ignore_subscribe_messages=True, timeout=TIMEOUT_S / 2)
                        if message is not None:
                            _bring(message["data"], hear)
            except _UNANSWERED as error:
                log.debug("redis_channel_lost", error=repr(error))
                await asyncio.sleep(RETRY_S)

    async def close(self) -> None:
        """Take this node off the board, as far as Redis answers, and let go of Redis."""
        self._is_closed = True
        if self._listening is not None:
            self._listening.cancel()
            await asyncio.gather(self._listening, return_exceptions=True)
        if self._fence:
            try:
                await self._run("LEAVE", self.node, self._fence, 0)
            except DirectoryDown:
                pass  # the lease ends by itself
        await self._redis.aclose()


def key_of(game: str, options: str) -> str:
    """Return what rooms have in common that a quick match may choose between."""
    return f"{game}:{options}"


def _own_us() -> int:
    return time.monotonic_ns() // 1000


def _bring(text: str, hear: Callable[[dict[str, Any]], None]) -> None:
    try:
        message = ujson.loads(text)
        if isinstance(message, dict):
            hear(message)
    except Exception:  # noqa: BLE001 - whatever stands on the board, listening goes on
        log.exception("announcement_failed")
