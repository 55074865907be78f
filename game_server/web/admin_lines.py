"""Lines between the status pages' processes: what each tells of itself flows to where a page is open.

    figures   a follower: the process's own figures each second (admin_mirror), for one that puts all together
    room      a looker: one room, as a page that looks into it is told (admin_watch), passed on to that page unread

The asker makes a pair of sockets and sends one of them in a letter; lines of JSON go over it until either side closes
it. Lines to all siblings are up while a page is open here, and no longer. A room's owner on another machine has no
line: it is asked again and again. Nobody waits for a line: a sibling that cannot be reached, or says nothing, is taken
note of, and tried again.

Knows letters; knows nothing of what is made of the messages.
"""

import asyncio
import os
import socket
from collections.abc import AsyncIterator, Coroutine, Sequence
from contextlib import asynccontextmanager
from typing import Any, Protocol

import ujson

from ..core.directory import node_of
from ..errors import NoAnswer
from .admin_fleet import Fleet
from .admin_lookers import Looker, Lookers, Screen, dump
from .hub import Hub
from .logs import log
from .others import Letter

LINE_BYTES_MAX = 8 << 20
#: twice what 15 minutes take
UNSENT_BYTES_MAX = 4 << 20
#: before a room's owner that was not reached is tried again, and how often one on another machine is asked
RETRY_S = 1.0


class Followed(Protocol):
    """Who tells other processes of this one."""

    def follow(self, screen: Screen) -> object:
        """Begin to tell; return what to give to `unfollow`."""

    def unfollow(self, follower: Any) -> None:
        """Tell no more."""


class Lines:
    """Both ends of the lines of one process.

    Args:
        fleet: takes what the others tell.
        lookers: show rooms of this process to pages of others.
    """

    def __init__(self, hub: Hub, fleet: Fleet, lookers: Lookers, followed: Followed) -> None:
        self._hub, self._fleet, self._lookers, self._followed = hub, fleet, lookers, followed
        self._lines: dict[str, asyncio.Task[None]] = {}
        self._relays: dict[Looker, asyncio.Task[None]] = {}
        self._served: set[asyncio.Task[None]] = set()
        hub.others.answerers["feed"] = self._answer

    # ---- asking --------------------------------------------------------------------------------------------------

    def keep(self) -> None:
        """See to it that lines to all siblings are up."""
        self._lines = {node: line for node, line in self._lines.items() if not line.done()}
        for node in self._hub.others.siblings():
            if node not in self._lines:
                self._lines[node] = _spawn(self._follow(node))

    def drop(self) -> None:
        """Let go of all lines: no page is open."""
        for task in (*self._lines.values(), *self._relays.values()):
            task.cancel()
        self._lines.clear()
        self._relays.clear()
        self._fleet.clear()

    def look_into(self, page: Looker, room_id: str | None, wants_state: bool) -> None:
        """Show a page a room of whichever process, or none any more."""
        relay = self._relays.pop(page, None)
        if relay is not None:
            relay.cancel()
        owner = node_of(room_id) if room_id is not None else ""
        is_elsewhere = self._hub.is_worker and owner not in ("", self._hub.node)
        self._lookers.look_into(page, None if is_elsewhere else room_id, wants_state)
        if is_elsewhere:
            self._relays[page] = _spawn(self._relay(page, owner, {"room": room_id, "state": wants_state}))

    async def _follow(self, node: str) -> None:
        try:
            async with self._line(node, "figures") as (reader, _):
                mirror = self._fleet.mirror(node, self._hub.now_s())
                async for line in reader:
                    mirror.take(ujson.loads(line), self._hub.now_s())
        except NoAnswer:
            pass
        self._fleet.note_silent(node)

    async def _relay(self, page: Looker, node: str, wanted: Letter) -> None:
        """Pass on what the owner of a room tells, for as long as the page looks into it."""
        while True:
            try:
                if node in self._hub.others.siblings():
                    await self._pass_on(page, node, wanted)
                else:
                    answer = await self._hub.others.ask(node, {"look": wanted["room"], "state": wanted["state"]})
                    if answer.get("told"):
                        page.screen.show(dump(answer["told"]))
            except NoAnswer:
                pass
            await asyncio.sleep(RETRY_S)

    async def _pass_on(self, page: Looker, node: str, wanted: Letter) -> None:
        text = dump(wanted).encode() + b"\n"
        async with self._line(node, "room") as (reader, writer):
            writer.write(text)
            async for line in reader:
                if not page.screen.show(line.decode().rstrip()):
                    writer.write(text)  # it missed this: the next must be whole

    @asynccontextmanager
    async def _line(self, node: str, kind: str) -> AsyncIterator[tuple[asyncio.StreamReader, asyncio.StreamWriter]]:
        mine, theirs = socket.socketpair()
        try:
            with theirs:
                await self._hub.others.ask(node, {"feed": kind}, [theirs.fileno()])
        except BaseException:
            mine.close()
            raise
        reader, writer = await asyncio.open_unix_connection(sock=mine, limit=LINE_BYTES_MAX)
        try:
            yield reader, writer
        except (OSError, ValueError) as error:
            log.debug("admin_line_broken", node=node, error=repr(error))
        finally:
            writer.close()

    # ---- answering -----------------------------------------------------------------------------------------------

    async def _answer(self, letter: Letter, descriptors: Sequence[int]) -> Letter:
        if len(descriptors) != 1:
            for descriptor in descriptors:
                os.close(descriptor)
            return {"error": "a line needs one socket"}
        sock = socket.socket(fileno=descriptors[0])
        reader, writer = await asyncio.open_unix_connection(sock=sock, limit=LINE_BYTES_MAX)
        serve = self._serve_room if letter["feed"] == "room" else self._serve_figures
        task = _spawn(serve(reader, _LineScreen(writer)))
        self._served.add(task)
        task.add_done_callback(self._served.discard)
        return {}

    async def _serve_figures(self, reader: asyncio.StreamReader, screen: "_LineScreen") -> None:
        follower = self._followed.follow(screen)
        try:
            await _until_closed(reader)
        finally:
            self._followed.unfollow(follower)
            screen.end()

    async def _serve_room(self, reader: asyncio.StreamReader, screen: "_LineScreen") -> None:
        looker = Looker(screen=screen)
        try:
            async for line in reader:
                wanted = ujson.loads(line)
                self._lookers.look_into(looker, wanted["room"], wanted["state"])
        except (OSError, ValueError) as error:
            log.debug("admin_line_broken", error=repr(error))
        finally:
            self._lookers.leave(looker)
            screen.end()


class _LineScreen:
    """A line as a screen."""

    def __init__(self, writer: asyncio.StreamWriter) -> None:
        self._writer = writer

    def show(self, text: str) -> bool:
        if self._writer.transport.get_write_buffer_size() > UNSENT_BYTES_MAX:
            return False
        self._writer.write(text.encode() + b"\n")
        return True

    def end(self) -> None:
        self._writer.close()


async def _until_closed(reader: asyncio.StreamReader) -> None:
    try:
        while await reader.read(1024):
            pass
    except OSError:
        pass


def _spawn(work: Coroutine[Any, Any, None]) -> "asyncio.Task[None]":
    task = asyncio.get_running_loop().create_task(work)
    task.add_done_callback(_finished)
    return task


def _finished(task: "asyncio.Task[None]") -> None:
    if not task.cancelled() and task.exception() is not None:
        log.error("admin_line_failed", exc_info=task.exception())
