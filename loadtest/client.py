"""One bot: joins, goes where it is sent, plays, loses its connection and resumes, talks and leaves.

What it does once it is seated is in play.py; who says when it comes and goes, in life.py. Knows the protocol's
conversation; knows nothing of how many bots there are.
"""

import asyncio
import random
import time
from collections.abc import Callable, Mapping, Set
from typing import Any

import attrs
import ujson

from game_server.core.conditions import Conditions
from game_server.core.conditions import Link as Lines
from game_server.core.protocol import VERSION
from game_server.core.replica import Replica
from game_server.errors import CloseCode

from .link import ABNORMAL, HandshakeError, Link
from .network import Network
from .play import Group, Play
from .stats import Ledger

JOIN_TIMEOUT_S = 10.0
PING_EVERY_S = 1.0
#: pings of a bot whose clock is not set yet
FIRST_PINGS_EVERY_S = 0.1
#: machines that may send a bot on to each other before it gives up
MOVES_MAX = 4
#: a bot that is told that its seat is gone asks for a new one within so long, as the browser's client does
REJOIN_WITHIN_S = 0.25


@attrs.frozen(eq=False)
class Setting:
    """What all bots of a process share.

    Args:
        game: by its name.
        room_options: what rooms are made with.
        is_json: the codec.
        network: makes connections.
        ledger: where they count.
        on_seated, on_gone: told when a bot begins and ends to be stepped.
    """

    game: str
    room_options: Mapping[str, Any]
    is_json: bool
    network: Network
    ledger: Ledger
    on_seated: "Callable[[Bot], None]"
    on_gone: "Callable[[Bot], None]"


class Bot:
    """A client. A scenario's script may use what has no underscore.

    Args:
        number: of its place in the population.
        setting: what it shares with all others.
        group: who it plays with.
        chance: of its choices.
        brain: with `think(view, own)`.
        is_decoding: whether it takes bodies apart and thinks.
        conditions: of its network.
    """

    def __init__(
        self,
        number: int,
        setting: Setting,
        group: Group,
        chance: random.Random,
        brain: Any,
        is_decoding: bool,
        conditions: Conditions | None = None,
    ) -> None:
        self.number, self.random = number, chance
        #: what the network does to it, over all its connections; None: nothing
        self.lines: Lines[bytes] | None = None
        if conditions is not None:
            self.lines = Lines(conditions, time.monotonic() * 1000, seed=chance.getrandbits(32))
        self._setting, self._group, self._ledger = setting, group, setting.ledger
        self.play = Play(group, setting.ledger, brain, is_decoding, setting.is_json)
        self._loop = asyncio.get_running_loop()
        self._link: Link | None = None
        self._welcome: asyncio.Future[Mapping[str, Any]] = self._loop.create_future()
        #: there is an answer to the first message, or there will be none
        self._answered = asyncio.Event()
        self._ping_timer: asyncio.TimerHandle | None = None
        #: for a resume: the newest welcome's token, and the number of the newest event
        self._token, self._event = "", 0
        #: what it has just been told about where its room is
        self._moved: Mapping[str, Any] | None = None
        self._is_member = self._is_resuming = False
        #: the answer to a resume was that there is no such seat any more
        self._is_seat_gone = False
        self.seat, self.tick_rate = -1, 0
        self.is_seated = self.is_leaving = False
        #: it has left, or was closed and did not resume
        self.closed: asyncio.Future[None] = self._loop.create_future()

    # ---- for scripts -----------------------------------------------------------------------------------------

    @property
    def view(self) -> Replica:
        """The world as it sees it; empty in a bot that does not decode."""
        return self.play.replica

    @property
    def own(self) -> Set[int]:
        """Ids of the entities that belong to it."""
        return self.play.replica.own

    def chat(self, text: str) -> None:
        """Say something; how long it takes to come back is measured."""
        self.play.meter.said[text] = time.monotonic()
        self._send({"type": "chat", "text": text})

    def command(self, name: str, data: Any = None) -> None:
        """Send a one-off act that the game defines."""
        self._send({"type": "command", "name": name, "data": data})

    def drop(self) -> None:
        """Lose the connection without a word; `resume` takes the seat again."""
        if self._link is None or not self.is_seated:
            return
        self._ledger.samples.drops += 1
        self._stop()
        link, self._link = self._link, None
        link.abandon()

    async def resume(self) -> None:
        """Come back after a drop, to a new seat if the old one is gone; what fails is counted and ends the bot."""
        if self._link is not None or self.is_leaving or self._is_resuming:
            return
        self._is_resuming = True
        try:
            await self._resume()
        finally:
            self._is_resuming = False

    async def _resume(self) -> None:
        message = {
            "type": "resume",
            "version": VERSION,
            "token": self._token,
            "tick": self.play.tick,
            "event": self._event,
        }
        if await self._enter("resume", message):
            self._ledger.samples.resumes += 1
        elif self._is_seat_gone:
            self._leave_group()
            await asyncio.sleep(self.random.uniform(0, REJOIN_WITHIN_S))
            if not self.is_leaving:
                await self.join()

    def leave(self) -> None:
        """Give the seat up; `closed` follows."""
        if self.is_seated:
            self._ledger.samples.leaves += 1
        self.is_leaving = True
        self._send({"type": "leave"})
        self._stop()
        if self._link is None:
            self._end()

    def count_error(self, error: str) -> None:
        """Count an error of this kind."""
        self._ledger.errors[error[:80]] += 1

    # ---- coming and going ------------------------------------------------------------------------------------

    async def join(self) -> None:
        """Connect and take a seat; what fails is counted. `is_seated` tells how it went."""
        group = self._group
        if not group.has_room:
            await self._join()
            return
        async with group.lock:  # one makes the room, the others wait for it; if that fails, the next tries
            if not group.members:
                group.room = None
                await self._join()
                return
        await self._join()

    async def _join(self) -> None:
        group = self._group
        message: dict[str, Any] = {"type": "join", "version": VERSION, "game": self._setting.game}
        message["name"] = f"load-{self.number}"
        if group.has_room and group.room is not None:
            message["room"] = group.room
        else:
            message.update(options=self._setting.room_options, create=group.has_room)
        if await self._enter("join", message):
            self._ledger.samples.joins += 1

    async def _enter(self, what: str, message: dict[str, Any]) -> bool:
        """Get the answer to a first message, wherever it is sent for it; return whether there is a seat."""
        self.play.meter.connecting(time.monotonic(), is_resuming=what == "resume")
        url: str | None = None  # each time anew from where all begin: a machine may be gone
        for _ in range(1 + MOVES_MAX):
            moved = await self._ask(what, message, url)
            if self._welcome.done():
                return True
            if self._is_seat_gone:
                return False
            if moved is None:
                break
            self._ledger.samples.moves += 1
            url = str(moved["url"])
            if moved["placement"] is not None:
                message["placement"] = moved["placement"]
        else:
            self._ledger.errors[f"{what}: sent in a circle"] += 1
        if self._link is not None and self.closed.done():
            self._ledger.errors[f"{what}: closed"] += 1
        self.abort()
        return False

    async def _ask(self, what: str, message: Mapping[str, Any], url: str | None) -> Mapping[str, Any] | None:
        """Connect, send the first message and wait for its answer; return where the bot is sent, if it is."""
        self._expect_answer()
        try:
            self._link = await self._setting.network.connect(self, JOIN_TIMEOUT_S, self.lines, url)
            self._send(message)
            async with asyncio.timeout(JOIN_TIMEOUT_S):
                await self._answered.wait()
        except HandshakeError as error:
            self._ledger.errors[str(error)] += 1
        except TimeoutError:
            self._ledger.errors[f"{what}: timeout"] += 1
        if (self._moved is not None or self._is_seat_gone) and self._link is not None:
            self._link.abandon()
            self._link = None
        return self._moved

    def _expect_answer(self) -> None:
        self._moved, self._is_seat_gone = None, False
        self._welcome = self._loop.create_future()
        self._answered = asyncio.Event()

    def _seat(self, welcome: Mapping[str, Any]) -> None:
        # At once, not when `_enter` wakes up: a state may follow in the same read.
        group = self._group
        if not welcome["resumed"]:
            group.room, self._is_member = welcome["room"], True
            group.members += 1
            self._ledger.rooms.add(welcome["room"])
            self._event = 0
        self._event = max(self._event, welcome["event"])
        self.seat, self._token = welcome["seat"], welcome["token"]
        self.tick_rate = welcome["tick_rate"]
        assert self._link is not None
        self.play.begin(welcome, self._link, time.monotonic())
        self.is_seated = True
        self._plan_ping()
        self._setting.on_seated(self)
        self._welcome.set_result(welcome)
        self._answered.set()

    def abort(self) -> None:
        """Drop the connection for good, at once."""
        self._stop()
        if self._link is not None:
            self._link.abandon()
        self._end()

    def on_close(self, code: int, reason: str) -> None:
        if self._moved is not None and not self.is_seated:
            return  # it goes on elsewhere
        self._stop()
        if not self.is_leaving:
            self._ledger.closes[close_name(code)] += 1
        if code == CloseCode.SEAT_GONE and not self.is_leaving and not self._welcome.done():
            self._is_seat_gone = True
            self._answered.set()
        else:
            self._end()

    def _stop(self) -> None:
        """Stop playing; a drop may be followed by a resume."""
        if self._ping_timer is not None:
            self._ping_timer.cancel()
        if self.is_seated:
            now_s = time.monotonic()
            self.settle(now_s)
            if not self.is_leaving:
                self.play.meter.count_unanswered(now_s)
            self.play.stop()
            self.is_seated = False
            self._setting.on_gone(self)

    def settle(self, now_s: float, is_measured: bool = False) -> None:
        """Add to the ledger what was counted since the last time."""
        if self._link is not None:
            self.play.meter.settle(now_s, (self._link.bytes_in, self._link.bytes_out), is_measured)

    def _leave_group(self) -> None:
        if self._is_member:
            self._is_member = False
            self._group.members -= 1

    def _end(self) -> None:
        self._leave_group()
        if not self.closed.done():
            self.closed.set_result(None)
        self._answered.set()

    # ---- messages --------------------------------------------------------------------------------------------

    def on_binary(self, data: bytes) -> None:
        self.play.take_binary(data, time.monotonic())

    def on_text(self, text: str) -> None:
        now_s = time.monotonic()
        message = ujson.loads(text)
        kind = message["type"]
        if kind == "events":
            self._take_events(message["list"], now_s)
        elif kind == "error":
            self._ledger.errors[f"error: {message['code']}"] += 1
        elif kind == "welcome":
            self._seat(message)
        elif kind == "moved":
            self._moved = message
            self._answered.set()
        else:
            self.play.take_json(message, now_s, len(text))

    def _take_events(self, events: list[Mapping[str, Any]], now_s: float) -> None:
        self._ledger.samples.events += len(events)
        if events:  # none, where what was lost is all that there is to say
            self._event = events[-1]["number"]
        said = self.play.meter.said
        for event in events if said else ():
            if event["name"] == "chat" and event["data"]["seat"] == self.seat:
                self.play.meter.heard(event["data"]["text"], now_s)

    def _send(self, message: Mapping[str, Any]) -> None:
        if self._link is not None and self._link.is_open:
            self._link.send_text(ujson.dumps(message))

    def _plan_ping(self) -> None:
        every_s = PING_EVERY_S if self.play.clock.is_set else FIRST_PINGS_EVERY_S
        self._ping_timer = self._loop.call_later(every_s * self.random.uniform(0.5, 1.5), self._ping)

    def _ping(self) -> None:
        self.play.ping(time.monotonic())
        self._plan_ping()


def close_name(code: int) -> str:
    """Return what a close code is called."""
    if code == ABNORMAL:
        return "1006 abnormal"
    try:
        return f"{code} {CloseCode(code).name.lower()}"
    except ValueError:
        return f"{code} unknown"
