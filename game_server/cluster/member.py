"""This process among those of all machines that share a directory: it reports, and does what follows from the answers.

About once a second, and soon after a change, the whole state is written to the directory, which answers with what this
process should know: who else is there, how many rooms there are in all, which addresses have all the players they may,
which one seats of users are held elsewhere now, and whether the bans have changed. Nothing is lost with a message that
was missed: what is announced only makes others look sooner, but for notices, which are for those who are there.

Knows the hub and the directory; knows nothing of letters or of how a player is brought to a room.
"""

import asyncio
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from ..core.directory import Report
from ..web.hub import Hub
from ..web.logs import log
from ..web.others import Machines
from ..web.room_rows import rooms_told
from .board import DirectoryDown, NodeState, Overview, claim_of
from .claims import Claims

if TYPE_CHECKING:
    from .exchange import Exchange
    from .redis_directory import RedisDirectory

#: reports: at least so often, and so soon after a change
REPORT_EVERY_S = 1.0
REPORT_SOON_S = 0.1
#: what is told of rooms is written, and read, at most so often
LIST_EVERY_S = 1.0
ROOMS_LISTED_MAX = 2000


class Member:
    """This process' part in the directory of all machines.

    Args:
        hub: its rooms and players.
        board: the directory.
        claims: its users' one seats.
        report: gives what is to be told of load and rooms.
        tell_nearby: tells the processes of this machine something without Redis, and says in words whom that reaches.
        exchange: hears what is meant for this process alone.
    """

    def __init__(
        self,
        hub: Hub,
        board: "RedisDirectory",
        claims: Claims,
        report: Callable[[], Report],
        take_arrived: Callable[[], tuple[tuple[str, str], ...]],
        tell_nearby: Callable[[dict[str, Any]], str],
        exchange: "Exchange",
    ) -> None:
        self._hub, self._board, self._claims, self._exchange = hub, board, claims, exchange
        self._report, self._take_arrived, self._tell_nearby = report, take_arrived, tell_nearby
        #: when rooms were listed last; and rooms of other machines, as of when
        self._listed_at_s = self._known_at_s = -LIST_EVERY_S
        self._known: list[dict[str, Any]] = []
        self._is_stale = asyncio.Event()
        #: of the bans that this process and the directory agree upon
        self._bans_version, self._bans_agreed = "", -1
        self._task: asyncio.Task[None] | None = None
        self._telling: set[asyncio.Task[None]] = set()

    def start(self) -> None:
        """Report from now on, and take part in what the hub tells all."""
        hub = self._hub
        hub.others.machines = Machines()
        hub.others.announce = self.announce
        hub.others.rooms_elsewhere = self.rooms_elsewhere
        self._board.listen(self._hear)
        self._task = asyncio.create_task(self._run())

    async def stop(self) -> None:
        """Take this process off the directory."""
        for task in (self._task, *self._telling):
            if task is not None:
                task.cancel()
        await self._exchange.stop()
        await self._board.close()

    def note_change(self) -> None:
        """Report soon: a room has changed."""
        self._is_stale.set()

    def announce(self, message: dict[str, Any]) -> str:
        """Tell all other processes something; return in words whom it reaches."""
        if "bans" in message:
            self._is_stale.set()  # they are told once the directory has them
            return ""
        if not self._board.is_up:
            return f"{self._tell_nearby(message)} of this machine (Redis does not answer)"
        task = asyncio.create_task(self._tell(message))
        self._telling.add(task)
        task.add_done_callback(self._telling.discard)
        others = len(machines.nodes) - 1 if (machines := self._hub.others.machines) else 0
        return f"{others} other process{'' if others == 1 else 'es'}"

    async def _tell(self, message: dict[str, Any]) -> None:
        try:
            await self._board.tell_all(message)
        except DirectoryDown as error:
            log.warning("announcement_lost", what=", ".join(message), error=str(error))

    def _hear(self, message: dict[str, Any]) -> None:
        if message.get("from") == self._board.node:
            return
        if "ask" in message or "answer" in message:
            self._exchange.hear(message)
            return
        if "bans" in message:
            self._is_stale.set()
        elif "seat" in message:
            seat, winner = message["seat"]
            self._claims.lose(seat, claim_of(winner))
        self._hub.hear({key: value for key, value in message.items() if key != "bans"})

    async def _run(self) -> None:
        while True:
            try:
                await self._report_once()
            except DirectoryDown:
                self._hub.others.machines = Machines()  # it said so itself; play goes on, with this process' own limits
                self._hub.lobby.is_service_full = False
            except Exception:  # noqa: BLE001 - whatever it was, the next report may do better
                log.exception("report_failed")
            try:
                await asyncio.wait_for(self._is_stale.wait(), REPORT_EVERY_S)
                await asyncio.sleep(REPORT_SOON_S)
            except TimeoutError:
                pass

    async def _report_once(self) -> None:
        self._is_stale.clear()
        state = self._state()
        overview = await self._board.report(state)
        if overview is None:
            self._is_stale.set()
            return
        self._claims.told(state.seats_ended)
        self._take(overview)
        await self._agree_on_bans(overview)
        await self._list_rooms()

    def _state(self) -> NodeState:
        hub, lobby, claims = self._hub, self._hub.lobby, self._claims
        return NodeState(
            report=self._report(),
            room_count=len(lobby.rooms),
            codes={code: lobby.room_of_code(code) for code in lobby.codes},
            users=lobby.users,
            seats=claims.numbers,
            seats_ended=dict(claims.ended),
            addresses=hub.admission.limited_addresses,
            address_max=hub.settings.service_address_max,
            arrived=self._take_arrived(),
        )

    def _take(self, overview: Overview) -> None:
        hub = self._hub
        hub.others.machines = Machines(True, overview.nodes, overview.rooms, overview.crowded)
        hub.lobby.is_service_full = overview.rooms >= hub.settings.service_rooms_max
        for seat, winner in overview.lost.items():
            self._claims.lose(seat, winner)  # unless it was taken anew while that was on its way

    async def _list_rooms(self) -> None:
        now_s = self._hub.now_s()
        if now_s - self._listed_at_s >= LIST_EVERY_S:
            self._listed_at_s = now_s
            await self._board.list_rooms(rooms_told(self._hub.lobby, self._hub.now_s())[:ROOMS_LISTED_MAX], time.time())

    async def rooms_elsewhere(self) -> list[dict[str, Any]]:
        """Return the rooms of other machines as of about a second ago; none while Redis does not answer."""
        machines, now_s = self._hub.others.machines, self._hub.now_s()
        if machines is None or not machines.is_up:
            return []
        if now_s - self._known_at_s >= LIST_EVERY_S:
            self._known_at_s = now_s  # whoever asks while the answer is on its way has the older one
            urls = {facts.node: facts.url for facts in machines.nodes if facts.url != self._board.announce_url}
            try:
                told = await self._board.rooms_listed(list(urls))
            except DirectoryDown:
                return []
            self._known = [
                {**row, "age_s": round(row["age_s"] + max(time.time() - each["at_unix_s"], 0.0), 1), "url": urls[node]}
                for node, each in told.items()
                for row in each["rooms"]
            ]
        return self._known

    async def _agree_on_bans(self, overview: Overview) -> None:
        bans, now_s = self._hub.bans, time.time()
        changes = bans.changes
        if overview.bans_version == self._bans_version and changes == self._bans_agreed:
            return
        version, rows = await self._board.merge_bans(bans.all_rows(now_s))
        has_more = bans.changes != changes  # decided here meanwhile: for the next report
        for ban in bans.absorb(rows, now_s):
            self._hub.put_out(ban)
        self._bans_agreed = -1 if has_more else bans.changes
        if version not in (overview.bans_version, self._bans_version):
            await self._board.tell_all({"bans": True})
        self._bans_version = version
