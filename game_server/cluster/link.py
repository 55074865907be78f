"""A worker's line to its supervisor: reports and claims to one seats up, placements and lost seats down.

It mends itself, and play does not need it.

Lines of JSON, both ways. A worker without a supervisor goes on: its rooms, resumes and joins by id need none; a quick
match is then made among its own rooms. It reports to whichever supervisor comes next.
"""

import asyncio
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import attrs
import ujson

from ..core.directory import Placement, Report, Wish
from ..core.one_seats import Claim
from ..web.logs import log
from .board import Sought
from .claims import Claims

RECONNECT_S = 0.5
REPORT_EVERY_S = 0.25
#: a change is told after so long, with whatever else has changed by then
REPORT_SOON_S = 0.01
PLACE_TIMEOUT_S = 1.0
LINE_BYTES_MAX = 8 << 20


class SupervisorLink:
    """The line.

    Args:
        path: of the supervisor's socket.
        hello: what this worker says of itself first.
        report: makes a report.
        claims: the one seats that are held here, if the supervisor decides about them; a new one hears of all.
        unheard: called when a supervisor has gone, or does not answer, that may not have read what it was told.
        drain: called when the supervisor asks for it, or when there has been none for `orphan_drain_s`.
    """

    def __init__(
        self,
        path: Path,
        hello: dict[str, Any],
        report: Callable[[], Report],
        claims: Claims | None,
        unheard: Callable[[], None],
        drain: Callable[[], None],
        orphan_drain_s: float,
    ) -> None:
        self._path, self._hello, self._report, self._claims = path, hello, report, claims
        self._unheard, self._drain, self._orphan_drain_s = unheard, drain, orphan_drain_s
        #: whether the supervisor left a question unanswered, and has said nothing since
        self._is_silent = False
        self._writer: asyncio.StreamWriter | None = None
        self._waiting: dict[int, asyncio.Future[Any]] = {}
        self._newest = 0
        self._changed = asyncio.Event()
        self._task: asyncio.Task[None] | None = None

    @property
    def is_up(self) -> bool:
        return self._writer is not None

    def start(self) -> None:
        """Keep the line up from here on."""
        self._task = asyncio.create_task(self._run())

    async def stop(self) -> None:
        """Give the line up."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    def tell(self, values: dict[str, Any]) -> bool:
        """Tell the supervisor something; return whether there is one to hear it."""
        self._say(values)
        return self.is_up

    def note_change(self) -> None:
        """Report soon: a room has changed."""
        self._changed.set()

    async def place(self, wish: Wish, is_new: bool, but: list[str]) -> Placement | None:
        """Ask where a quick match (or a new room) goes; None when nobody can tell: then it is made here."""
        values = await self._ask({"wish": attrs.asdict(wish), "new": is_new, "but": but})
        return Placement(**values) if values else None

    async def seek(self, seat: str) -> Sought:
        """Return the number of a claim to a user's one seat, and who has it now, as far as anybody can tell.

        Without a supervisor this process numbers by the clock that all of a machine share.
        """
        values = await self._ask({"seek": seat})
        return Sought(seat, *values) if values else Sought(seat, time.monotonic_ns() // 1000)

    def take(self, seat: str, number: int) -> bool:
        """Claim a one seat that is given here; return False where no supervisor seems to hear it."""
        self._say({"seats": {seat: number}})
        return self.is_up and not self._is_silent

    async def _ask(self, question: dict[str, Any]) -> Any:
        if self._writer is None:
            return None
        self._newest += 1
        number = self._newest
        future: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
        self._waiting[number] = future
        self._say({"ask": number, **question})
        try:
            return await asyncio.wait_for(future, PLACE_TIMEOUT_S)
        except TimeoutError:
            if not self._is_silent:
                self._is_silent = True
                self._tell_unheard()
            return None
        finally:
            self._waiting.pop(number, None)

    def _say(self, values: dict[str, Any]) -> None:
        if self._writer is not None:
            self._writer.write(ujson.dumps(values, allow_nan=False).encode() + b"\n")

    async def _run(self) -> None:
        loop = asyncio.get_running_loop()
        alone_since_s = loop.time()
        while True:
            try:
                reader, writer = await asyncio.open_unix_connection(str(self._path), limit=LINE_BYTES_MAX)
            except OSError:
                if loop.time() - alone_since_s > self._orphan_drain_s:
                    log.error("no_supervisor", alone_s=self._orphan_drain_s)
                    self._drain()
                    return
                await asyncio.sleep(RECONNECT_S)
                continue
            self._writer, self._is_silent = writer, False
            self._say(self._hello)
            reporting = asyncio.create_task(self._keep_reporting())
            try:
                await self._listen(reader)
            finally:
                self._writer = None
                reporting.cancel()
                writer.close()
                for future in self._waiting.values():
                    if not future.done():
                        future.set_result(None)
            log.warning("supervisor_lost")
            self._tell_unheard()
            alone_since_s = loop.time()

    async def _keep_reporting(self) -> None:
        is_new = True
        while True:
            self._changed.clear()
            self._say({"report": attrs.asdict(self._report())})
            if self._claims is not None:
                self._tell_claims(self._claims, is_new)
            is_new = False
            try:
                await asyncio.wait_for(self._changed.wait(), REPORT_EVERY_S)
                await asyncio.sleep(REPORT_SOON_S)
            except TimeoutError:
                pass

    def _tell_unheard(self) -> None:
        if self._claims is not None:
            self._unheard()

    def _tell_claims(self, claims: Claims, is_new: bool) -> None:
        """Say which claims have ended, and to a supervisor that is new here which there are."""
        held = claims.numbers
        if is_new and held:
            self._say({"seats": held})
        if ended := dict(claims.ended):
            self._say({"ended": ended})
            claims.told(ended)

    async def _listen(self, reader: asyncio.StreamReader) -> None:
        try:
            while line := await reader.readline():
                self._is_silent = False
                values = ujson.loads(line)
                if "drain" in values:
                    self._drain()
                elif (future := self._waiting.get(values.get("answer"))) is not None and not future.done():
                    future.set_result(values["values"])
                elif "lost" in values and self._claims is not None:
                    for seat, winner in values["lost"].items():
                        self._claims.lose(seat, Claim(*winner))
        except (OSError, ValueError) as error:
            log.debug("supervisor_line_broken", error=repr(error))
