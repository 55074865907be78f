"""Where connections meet rooms: joins, losses, crashes, outside work, and what is done once a second.

The hub owns the lobby (core) and the ticker, and all players of this process. Everything here runs on one event
loop, so nothing needs a lock. Knows nothing of HTTP or of how a connection moves its bytes.
"""

import asyncio
import math
import os
import random
import secrets
import time
from collections import Counter
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any

import attrs

from ..core.game import OutsideContext
from ..core.matchmaking import Lobby, Secrets
from ..core.metrics import Counts, Histogram
from ..core.protocol import Join, Resume
from ..core.room import OutsideCall, Room
from ..core.session import Event, Role, Session, State
from ..errors import CloseCode, GameServerError, ProtocolError
from ..settings import BadSettings, Settings
from .addresses import Addresses, group_of
from .admission import Admission
from .bans import BadBans, Ban, BanBy, Bans
from .crash_reports import CrashReports
from .descriptors import PatientListener
from .games import LoadedGame
from .garbage import Collector
from .logs import RateLimited, log, printable
from .others import Others
from .player import Player
from .room_rows import public_rooms, rooms_told
from .ticker import Ticker
from .timings import RoomTimings
from .transport import FrozenConnection
from .vitals import look_every_s
from .watchdog import StepTimeout, Watchdog

if TYPE_CHECKING:
    from .identity import Identity

#: players looked at before rooms may tick: 1 ms
LOOKS_A_TURN_MAX = 500
#: how long the last closing handshakes may take before the process ends
CLOSING_S = 1.0
#: how long before the end players are told again: each second at the very end, then less and less often
COUNTDOWN_S = frozenset((1, 2, 3, 5, 10, 15, 20, 25, 30, 45, *range(60, 3600, 30)))


@attrs.define(eq=False)
class Upkeep:
    """What the process does beside its rooms: how late timers fire (us), and the CPU of the status page."""

    loop_lag: Histogram = attrs.field(factory=Histogram)
    status_cpu_s: float = 0.0


def system_secrets(node: str) -> Secrets:
    """Return unguessable tokens and ids that no other process gives."""
    return Secrets(
        lambda: f"{node}.{secrets.token_urlsafe(24)}",
        lambda: f"{node}-{secrets.token_hex(6)}",
        random.SystemRandom(),
    )


class Hub:
    """All players and rooms of one process.

    Args:
        settings: the server's.
        games: what is served, by name.
        node: names this process among others; made up when empty.
        sources: of tokens, ids and seeds; None takes the system's.
    """

    def __init__(
        self, settings: Settings, games: dict[str, LoadedGame], node: str = "", sources: Secrets | None = None
    ) -> None:
        self.settings = settings
        self.games = games
        #: in front of every token and room id: what they belong to is found without asking anybody
        self.node = node = node or secrets.token_hex(3)
        sources = sources or system_secrets(node)
        #: what the processes of a service may ask each other: name -> gives plain JSON values
        self.questions: dict[str, Callable[[], Any]] = {
            "health": self.health,
            "rooms": lambda: public_rooms(rooms_told(self.lobby, self.now_s())),
            "codes": lambda: self.lobby.codes,
        }
        #: whether this is one of several processes behind a port
        self.is_worker = False
        #: asks all processes one of them; answers by node, None of one that did not answer in time
        self.gather: Callable[[str], Awaitable[dict[str, Any]]] = self._ask_myself
        #: connections handed to another process, and those that could not be; taken from one, not taken from one, and
        #: left to one that did not commit its offer
        self.hand_overs = Counter(handed=0, failed=0, taken=0, refused=0, left=0)
        self.others = Others(hearers={"notice": self._hear_notice, "bans": lambda _: self._refresh_bans()})
        #: brings a player whose room is in another process there; False: it belongs here
        self.route: Callable[[Player, Join | Resume, str], bool] = lambda *_: False
        definitions = {name: game.definition for name, game in games.items()}
        self.lobby = Lobby(definitions, settings.room_limits(), settings.lobby_limits(), sources)
        self.watchdog = Watchdog(settings.step_timeout_s)
        told = self.crash, self.end_room, self._start_outside, self._over_budget
        self.ticker = Ticker(*told, settings.tick_budget_ms, self.watchdog, settings.read_bytes_max)
        self.players: set[Player] = set()
        self.closes: Counter[str] = Counter()
        self.crashes = CrashReports()
        self.rate_limited = RateLimited(self.now_s)
        self.started_at_s = self.now_s()
        self.context = OutsideContext(data_dir=settings.data_dir)
        self.connection_bytes = Counts()
        self.bans = Bans(settings.data_dir / "bans.json", settings.bans_max)
        self.bans.load(time.time())
        #: where connections are accepted; they count whom they turned away
        self.listeners: list[PatientListener] = []
        self.identity = _load_identity(settings)
        self._check_identities()
        self.addresses = Addresses(settings.trusted_proxies, settings.forwarded_header, settings.exempt_addresses)
        #: how often a limit was reached, by the name of its setting
        self.limited: Counter[str] = Counter()
        self.admission = Admission(settings, self.addresses, self.bans, self.note_limit)
        self._outside_tasks: set[asyncio.Task[None]] = set()
        self.is_stopped = False
        self.upkeep = Upkeep()
        self._housekeeping: asyncio.TimerHandle | None = None
        #: None where the process is not this server's alone
        self.collector: Collector | None = None
        #: set by whoever wants the server to shut down in an orderly way: a signal, an operator
        self.stop_asked = asyncio.Event()
        self._look_every_s = look_every_s(settings)
        #: time of this process' own, in which its stalls do not pass
        self._house_s = self._kept_house_at_s = self.started_at_s

    def _check_identities(self) -> None:
        wanting = [name for name, game in self.games.items() if game.definition.cls.requires_identity]
        if wanting and self.identity is None:
            raise BadSettings(f"{', '.join(wanting)} wants signed tokens: set identity_secret or identity_key_file")

    async def _ask_myself(self, question: str) -> dict[str, Any]:
        return {self.node: self.questions[question]()}

    def now_s(self) -> float:
        """Return the loop's monotonic time."""
        return asyncio.get_running_loop().time()

    @property
    def house_s(self) -> float:
        """Time in which stalls of this process do not pass; on by about a second a second."""
        return self._house_s

    def start(self) -> None:
        """Begin the work that is done all the time, about once a second."""
        self._housekeeping = asyncio.get_running_loop().call_later(self._look_every_s, self._keep_house)

    # ---- connections -------------------------------------------------------------------------------------------

    def add(self, player: Player) -> str | None:
        """Take a new connection in; return why it is refused, or None.

        Whether it counts against the limits of players is known with its first message: a player who comes back to a
        seat that is held is let in always.
        """
        self.players.add(player)
        return self.admission.open()

    def note_limit(self, name: str) -> None:
        """Count that a limit was reached, by the name of its setting."""
        self.limited[name] += 1

    def seat(self, player: Player, message: Join | Resume) -> Session:
        """Join or resume, as the first message asks."""
        now_s = self.now_s()
        if isinstance(message, Join):
            session, old_link = self._join(player, message, now_s)
        else:
            self.admission.refuse_banned(player.connection.remote_address, None)
            session, old_link = self.lobby.resume(message, player, player.is_json, now_s)
        if old_link is not None:
            old_link.session = None
            old_link.close(CloseCode.TAKEN_OVER, "another connection resumed this seat")
        if not player.has_joined:
            player.has_joined = True
            self.admission.join(player.connection.remote_address)
        room: Room = session.room
        log.debug("seated", room=room.room_id, seat=session.seat.number, resumed=isinstance(message, Resume))
        if session.role is Role.PLAYER:
            self.ticker.wake(room)
            player.connection.watch(False)
        return session

    def _verify(self, token: str) -> str:
        if self.identity is None:
            raise ProtocolError(CloseCode.BAD_IDENTITY, "this server checks no identities; join without one")
        return self.identity.verify(token)

    def _join(self, player: Player, message: Join, now_s: float) -> tuple[Session, Player | None]:
        """Seat a player; return its session and the connection of the same user that had the seat, if any."""
        user_id = self._verify(message.identity) if message.identity is not None else None
        address = player.connection.remote_address
        self.admission.refuse_banned(address, user_id)
        held = self.lobby.seat_of_user(message, user_id)
        if held is not None:
            old_link: Player | None = held.link
            if self.lobby.move(message, held, player, player.is_json, now_s):
                return held, old_link
        machines = self.others.machines
        self.admission.refuse_surplus(address, machines.crowded if machines is not None else frozenset())
        maker = None if self.addresses.is_exempt(address) else group_of(address)
        session = self._seat_new(message, player, now_s, maker, user_id)
        if held is not None:
            self.remove(held, CloseCode.TAKEN_OVER, "you joined another room")
        return session, None

    def hear(self, message: dict[str, Any]) -> None:
        """Take what another process has announced."""
        for name, hear in self.others.hearers.items():
            if name in message:
                hear(message[name])

    def _hear_notice(self, text: object) -> None:
        if isinstance(text, str):
            for room in list(self.lobby.rooms.values()):
                room.notice(text)

    def put_out(self, ban: Ban) -> int:
        """Remove the players whom a ban concerns; return how many they were."""
        meant = [session for room in self.lobby.rooms.values() for session in room.sessions.values()]
        meant = [session for session in meant if self._is_meant(session, ban)]
        for session in meant:
            self.kick(session, ban.reason)
        return len(meant)

    @staticmethod
    def _is_meant(session: Session, ban: Ban) -> bool:
        if ban.by is BanBy.USER:
            return session.seat.user_id == ban.who
        link: Player | None = session.link
        return link is not None and group_of(link.connection.remote_address) == ban.who

    def _seat_new(self, message: Join, player: Player, now_s: float, maker: str | None, user_id: str | None) -> Session:
        try:
            with self.watchdog.game():  # a new room's `start` is a game's code
                return self.lobby.join(message, player, player.is_json, now_s, maker, user_id, player.placed_in)
        except GameServerError:
            raise
        except (Exception, StepTimeout) as error:
            log.error("room_not_started", game=message.game, exc_info=error)
            self.crashes.add(message.game, error)
            raise ProtocolError(CloseCode.ROOM_CRASHED, "the game failed to start a room") from error

    def detach(self, player: Player) -> None:
        """Take a player off its session; a seat that it held is now waiting for it."""
        session, player.session = player.session, None
        if session is None or session.link is not player:
            return
        room: Room = session.room
        if session.state is State.SEATED:
            room.drop(session, self.now_s())
        session.link = None
        self.lobby.forget_ended(room)

    def gone(self, player: Player) -> None:
        """Forget a connection that is closed on both sides."""
        if player not in self.players:
            return
        self.players.discard(player)
        self.admission.leave(player.connection.remote_address, player.has_joined)
        self._tally(player)

    def let_go(self, player: Player) -> FrozenConnection:
        """Freeze the connection of a player who has not joined, and forget it: it goes on elsewhere."""
        player.is_closing = True
        self.players.discard(player)
        self.admission.leave(player.connection.remote_address, player.has_joined)
        return player.connection.freeze()

    def _tally(self, player: Player) -> None:
        connection, mine = player.connection, self.connection_bytes
        mine.bytes_in += connection.bytes_in
        mine.bytes_out += connection.bytes_out
        mine.messages_out += connection.messages_out

    def count_close(self, code: int) -> None:
        """Count a close by the name of its code."""
        try:
            self.closes[CloseCode(code).name.lower()] += 1
        except ValueError:
            self.closes["lost" if code in (1005, 1006) else "other"] += 1

    # ---- rooms -------------------------------------------------------------------------------------------------

    def kick(self, session: Session, reason: str) -> None:
        """Remove a player from its room."""
        self.remove(session, CloseCode.KICKED, reason)

    def remove(self, session: Session, code: CloseCode, reason: str) -> None:
        """End a session and close its connection, if it has one."""
        link: Player | None = session.link
        session.room.remove(session, Event.REMOVED, code, reason, self.now_s())
        if link is not None:
            link.flush()
        self.lobby.forget_ended(session.room)

    def end_room(self, room: Room) -> None:
        """Close a room that is over; `room.closing` says why."""
        code, reason = room.closing or (CloseCode.ROOM_CLOSED, "the room was closed")
        if self.lobby.is_draining:
            code = CloseCode.DRAINING  # its players are to join elsewhere
        log.info("room_ended", room=room.room_id, reason=reason, tick=room.tick)
        self._discard(room, code, reason)

    def crash(self, room: Room, error: BaseException) -> None:
        """Close a room whose game raised, and keep a report."""
        log.error("room_crashed", room=room.room_id, game=room.definition.name, tick=room.tick, exc_info=error)
        self.crashes.add(room.definition.name, error, room)
        self._discard(room, CloseCode.ROOM_CRASHED, f"the game failed at tick {room.tick}")

    def _discard(self, room: Room, code: CloseCode, reason: str) -> None:
        self.ticker.forget(room)
        if self.collector:
            self.collector.note_room_closed()
        sessions = [*room.sessions.values(), *room.spectators]
        self.lobby.discard(room)
        for session in sessions:
            session.handle(Event.REMOVED)
            link: Player | None = session.link
            if link is not None:
                link.close(code, reason)

    def _over_budget(self, room: Room, timings: RoomTimings) -> None:
        log.warning(
            "tick_over_budget",
            room=room.room_id,
            game=room.definition.name,
            tick=room.tick,
            took_ms=round(timings.over_us / 1000, 2),
            budget_ms=round(timings.budget_us / 1000, 2),
            phase=timings.over_phase,
            ticks_over=timings.over_budget,
        )

    def _start_outside(self, room: Room, call: OutsideCall) -> None:
        task = asyncio.create_task(self._outside(room, call))
        self._outside_tasks.add(task)
        task.add_done_callback(self._outside_tasks.discard)

    async def _outside(self, room: Room, call: OutsideCall) -> None:
        function = room.definition.cls.outside[call.name]
        result, error = None, None
        try:
            result = await asyncio.wait_for(function(self.context, *call.arguments), self.settings.outside_timeout_s)
        except TimeoutError:
            self.note_limit("outside_timeout_s")
            error = f"no result within {self.settings.outside_timeout_s:g} s"
        except Exception as raised:  # noqa: BLE001 - a game's own code; the game is told
            error = repr(raised)
        if error is not None:
            self.rate_limited.warning("outside_failed", room=room.room_id, name=call.name, error=error)
        room.outside_done(call.name, result, error)
        self.lobby.disturb(room)

    # ---- about once a second -----------------------------------------------------------------------------------------

    def _refresh_bans(self) -> None:
        try:
            for ban in self.bans.refresh(time.time()):
                self.put_out(ban)
        except (BadBans, OSError) as error:
            self.rate_limited.warning("bans_unreadable", error=str(error))

    def _keep_house(self) -> None:
        now_s = self.now_s()
        # A stall of this process (a game's long step, a suspended machine) is nobody's silence.
        self._house_s += min(now_s - self._kept_house_at_s, 2 * self._look_every_s)
        self._kept_house_at_s = now_s
        self.watchdog.tell_alive()
        self._refresh_bans()
        self._look_at(list(self.players))
        for room in self.lobby.look(now_s):
            try:
                self._log_refusals(room)
                if self.lobby.keep_room(room, now_s):
                    self._discard(room, CloseCode.ROOM_CLOSED, "nobody plays here any more")
            except Exception:  # noqa: BLE001 - one room's trouble must not end housekeeping for all
                log.exception("housekeeping_failed", room=room.room_id)
        if self.collector:
            self.collector.look(bool(self.players))
        self.start()

    def _log_refusals(self, room: Room) -> None:
        for code, (seat, reason) in room.refused.items():
            values = {"room": room.room_id, "seat": seat, "tick": room.tick}
            self.rate_limited.warning(f"refused_{code.value}", reason=printable(reason), **values)
        room.refused.clear()

    def _look_at(self, players: list[Player]) -> None:
        """Close connections that are dead, too slow, too talkative or never joined; a slice of them a turn."""
        for player in players[:LOOKS_A_TURN_MAX]:
            try:
                if not player.is_closing:
                    player.check(self._house_s)
            except Exception:  # noqa: BLE001 - one player's trouble must not end housekeeping for all
                log.exception("look_failed", **player.names())
        if len(players) > LOOKS_A_TURN_MAX:
            asyncio.get_running_loop().call_soon(self._look_at, players[LOOKS_A_TURN_MAX:])

    # ---- the end -----------------------------------------------------------------------------------------------

    async def drain(self) -> None:
        """Take no more players, count down to those who are here, wait until they left or `drain_s` is over; close."""
        self.lobby.is_draining = True
        deadline_s = self.now_s() + self.settings.drain_s
        for room in self.lobby.rooms.values():
            room.draining(self.settings.drain_s)
        self._count_down(self.settings.drain_s)
        told_s = math.ceil(self.settings.drain_s)
        while any(player.has_joined for player in self.players):  # ASYNC110: they leave in many places
            left_s = math.ceil(deadline_s - self.now_s())
            if left_s <= 0:
                break
            if left_s < told_s and left_s in COUNTDOWN_S:
                self._count_down(left_s)
            told_s = left_s
            await asyncio.sleep(0.05)
        await self._close_all()
        self.stop()

    def _count_down(self, left_s: float) -> None:
        for room in self.lobby.rooms.values():
            room.notice(f"The server shuts down in {left_s:g} s.", left_s=left_s)

    async def _close_all(self) -> None:
        connections = [player.connection for player in self.players]
        for player in list(self.players):
            # Who has not said yet what for may have a seat elsewhere, which it is to come back to.
            player.close(CloseCode.DRAINING if player.has_joined else CloseCode.GOING_AWAY, "the server shuts down")
        deadline_s = self.now_s() + CLOSING_S
        while not all(connection.is_closed for connection in connections) and self.now_s() < deadline_s:  # noqa: ASYNC110
            await asyncio.sleep(0.02)

    def stop(self) -> None:
        """Stop ticking and housekeeping, and drop what is still connected."""
        self.is_stopped = True
        self.ticker.stop()
        if self._housekeeping:
            self._housekeeping.cancel()
        for task in self._outside_tasks:
            task.cancel()
        for player in list(self.players):
            player.connection.abort()

    # ---- figures -----------------------------------------------------------------------------------------------

    def counts(self) -> Counts:
        """Return the tally of this process so far."""
        tally = self.lobby.counts()
        tally.add(self.connection_bytes)
        for player in self.players:
            tally.bytes_in += player.connection.bytes_in
            tally.bytes_out += player.connection.bytes_out
            tally.messages_out += player.connection.messages_out
        return tally

    def health(self) -> dict[str, Any]:
        """Return what /healthz answers: `ok` only while no due tick is later than `healthy_lateness_ms`."""
        late_ms = self.ticker.latest_s(self.now_s()) * 1000
        ok = late_ms <= self.settings.healthy_lateness_ms and not self.lobby.is_draining
        return {
            "ok": ok,
            "draining": self.lobby.is_draining,
            "lateness_ms": round(late_ms, 1),
            "rooms": len(self.lobby.rooms),
            "players": self.lobby.players,
            "uptime_s": round(self.now_s() - self.started_at_s, 1),
            "pid": os.getpid(),
        }


def _load_identity(settings: Settings) -> "Identity | None":
    """Return what verifies tokens, or None where no key is set: then cryptography's 10 MiB and 35 ms are spared."""
    if not str(settings.identity_secret) and not settings.identity_key_file:
        return None
    from .identity import Identity

    return Identity(settings)
