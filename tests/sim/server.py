"""The server's process: the real hub with its rooms, on the simulated event loop.

What is not real: the HTTP handshake (a connection is born upgraded), the system's entropy (tokens come from the seed)
and the log, which is kept as a list so that a checker can tell an expected line from a fault.
"""

import asyncio
import logging
import random
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import count
from typing import Any

import structlog

from game_server.core.matchmaking import Secrets
from game_server.core.room import Room
from game_server.core.session import Session
from game_server.settings import Settings
from game_server.web.connection import LeanConnection
from game_server.web.hub import Hub
from game_server.web.logs import log
from game_server.web.player import Player
from game_server.web.socket import connection_options
from game_server.web.takeover import unmask

from .clockwork import Clockwork, ServerLoop
from .games import games
from .network import Wire, server_socket


class SimulatedPlayer(Player):
    """A player whose hash is its number: sets of players have the same order in each run."""

    def __init__(self, hub: Hub, connection: Any, is_json: bool, client: Any, wire: Wire, number: int) -> None:
        self.client, self.wire, self.number = client, wire, number
        super().__init__(hub, connection, is_json)

    def __hash__(self) -> int:
        return self.number

    @property
    def session(self) -> Session | None:
        return self._session

    @session.setter
    def session(self, session: Session | None) -> None:
        self._session = session
        if session is not None:
            self.wire.session = session


class Process:
    """One server."""

    def __init__(
        self,
        clockwork: Clockwork,
        settings: Settings,
        seed: str,
        failed: Callable[[Any], None],
        after_tick: Callable[[Room], None],
    ) -> None:
        self.loop = ServerLoop(clockwork, failed)
        self.settings = settings
        chance = random.Random(f"{seed}/server")
        ids, self._numbers = count(1), count()
        sources = Secrets(lambda: f"{chance.getrandbits(128):032x}", lambda: f"sim-{next(ids)}", chance)
        asyncio._set_running_loop(self.loop.as_loop)
        self.hub = Hub(settings, games(), sources=sources)
        self.options = connection_options(settings, self.hub.note_limit)
        self._watch_ticks(after_tick)
        self.hub.start()

    def _watch_ticks(self, after_tick: Callable[[Room], None]) -> None:
        ticker: Any = self.hub.ticker
        run_tick = ticker._tick

        def watched(room: Room, *timing: Any) -> None:
            run_tick(room, *timing)
            after_tick(room)

        ticker._tick = watched

    def accept(self, wire: Wire, is_json: bool, client: Any) -> Player:
        """Take a new connection in, as `/ws` does after the upgrade."""
        connection = LeanConnection(
            server_socket(wire),
            self.loop.as_loop,
            unmask,
            self.options,
            remote_address=f"10.0.0.{client.number % 250}",
            subprotocol="game.v1.json" if is_json else "game.v1.binary",
            unread=b"",
            unsent=b"",
        )
        player = SimulatedPlayer(self.hub, connection, is_json, client, wire, next(self._numbers))
        self.hub.add(player)
        connection.watch(True)
        return player

    def end(self) -> None:
        """Give the thread its event loop back."""
        asyncio._set_running_loop(None)


@contextmanager
def log_kept(lines: list[dict[str, Any]]) -> Iterator[None]:
    """Put what the server would log from `warning` on into a list instead."""

    def keep(_: Any, level: str, line: Any) -> Any:
        if level not in ("debug", "info"):
            error = sys.exc_info()[1] if line.get("exc_info") is True else line.get("exc_info")
            lines.append({"level": level, **line, "exc_info": error})
        raise structlog.DropEvent

    class Handler(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            error = record.exc_info[1] if record.exc_info else None
            lines.append({"level": record.levelname.lower(), "event": record.getMessage(), "exc_info": error})

    vars(log).pop("bind", None)  # it may have been used, and has then kept how
    before = structlog.get_config()
    root, handler = logging.getLogger(), Handler(logging.WARNING)
    handlers, root.handlers[:] = list(root.handlers), [handler]
    structlog.configure(processors=[keep], cache_logger_on_first_use=False)
    try:
        yield
    finally:
        structlog.configure(**before)
        root.handlers[:] = handlers
