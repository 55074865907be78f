"""Start the server: read the settings, listen, print where to look, and stop in an orderly way.

SIGINT and SIGTERM drain (players are told, `drain_s` at most); a second one stops at once.
"""

import asyncio
import contextlib
import io
import os
import secrets
import signal
import socket
import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING

import typed_settings as ts
from tornado.netutil import bind_sockets

from .cluster.place import WorkerPlace
from .cluster.supervisor import Supervisor
from .cluster.worker import Worker
from .errors import DefinitionError
from .settings import EXIT_USAGE, BadSettings, Settings
from .web.app import make_app
from .web.bans import BadBans
from .web.descriptors import PatientListener, raise_descriptor_limit
from .web.event_loop import new_event_loop
from .web.front import Front
from .web.games import load_games
from .web.garbage import Collector
from .web.hub import Hub
from .web.logs import configure, log
from .web.memory import keep_freed_memory
from .web.wire import IS_NATIVE

if TYPE_CHECKING:
    from .cluster.redis_directory import RedisDirectory

#: for files, and connections that are being closed
DESCRIPTORS_SPARE = 500


async def serve(settings: Settings, place: WorkerPlace | None) -> None:
    """Run one process with rooms until it is told to stop: the whole server, or a worker at its place."""
    raise_descriptor_limit(
        settings.connections_max + settings.openings_max + settings.http_connections_max + DESCRIPTORS_SPARE
    )
    if not IS_NATIVE:
        log.info("wires_in_python", why="game_server/native is not installed: pip install ./game_server/native")
    hub = Hub(settings, load_games(settings.games), place.node if place else "")
    secret = admin_secret(settings)
    server = Front(make_app(hub, settings, secret), settings, hub.addresses, hub.note_limit)
    if place:
        sockets = [socket.socket(fileno=descriptor) for descriptor in place.descriptors]
    else:
        sockets = bind_sockets(settings.port, settings.host, backlog=1024)
    listeners = [PatientListener(sock) for sock in sockets]
    hub.listeners = listeners
    server.add_sockets(listeners)
    hub.start()
    _listen_for_signals(hub.stop_asked)
    worker = Worker(hub, place, hub.stop_asked.set, _board(settings, hub), secret) if place else None
    if worker:
        worker.start()
    keep_freed_memory()
    hub.collector = Collector()
    with hub.watchdog:
        if not place:
            _announce(settings.host, listeners[0].getsockname()[1], secret)
        await hub.stop_asked.wait()
        log.info("draining", players=hub.lobby.players)
        # Still listening: /healthz says that nobody new should come, and who lost its connection may come back.
        await hub.drain()
        if worker:
            await worker.stop()
        server.stop()
        await server.close_all_connections()
        for listener in listeners:
            listener.close()


def _board(settings: Settings, hub: Hub) -> "RedisDirectory | None":
    """Return the directory that this machine shares with others, if it does."""
    if not settings.redis:
        return None
    from .cluster.redis_directory import RedisDirectory  # most servers are alone, and start faster without it

    return RedisDirectory(settings.redis, hub.node, settings.announce_url, settings.redis_lease_s)


async def supervise(settings: Settings, arguments: Sequence[str]) -> None:
    """Run a service of several processes until it is told to stop."""
    secret = admin_secret(settings)
    stopped = asyncio.Event()
    _listen_for_signals(stopped)
    supervisor = Supervisor(settings, arguments, secret, stopped)
    starting = asyncio.create_task(supervisor.start())
    stopping = asyncio.create_task(stopped.wait())
    await asyncio.wait((starting, stopping), return_when=asyncio.FIRST_COMPLETED)
    if starting.done():
        starting.result()
        _announce(settings.host, supervisor.port, secret)
        await stopping
    starting.cancel()
    log.info("draining")
    await supervisor.drain()


def admin_secret(settings: Settings) -> str:
    """Return the operator's secret, or a new one."""
    return str(settings.admin_secret) or secrets.token_urlsafe(16)


def _announce(host: str, port: int, secret: str) -> None:
    everywhere = ("", "0.0.0.0", "::")  # noqa: S104 - compared with, not bound
    shown = "127.0.0.1" if host in everywhere else f"[{host}]" if ":" in host else host
    print(f"play   http://{shown}:{port}/")
    print(f"admin  http://{shown}:{port}/admin?secret={secret}", flush=True)


def _listen_for_signals(stop_asked: asyncio.Event) -> None:
    """Have the first SIGINT or SIGTERM set the event, and the second end the process at once."""

    def stop() -> None:
        if stop_asked.is_set():
            os._exit(1)
        stop_asked.set()

    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, stop)


def _complaint(error: Exception) -> str:
    """Return in one line what is wrong with the settings, without what the settings library wraps around it."""
    while isinstance(error, ExceptionGroup):
        error = error.exceptions[0]
    text = str(error).rpartition(f"{BadSettings.__name__}: ")[2]
    return text.partition(": ValueError")[0].replace("Invalid default", "invalid value")


def _read_settings() -> Settings:
    """Return the settings of the command line, environment and files; may exit, as argparse does."""
    read: list[Settings] = []
    command = ts.cli(
        Settings,
        ts.default_loaders(
            "game_server", ["game-server.toml"], config_file_section="game_server", env_prefix="GAME_SERVER_"
        ),
        prog="python -m game_server",
        description="A server for real-time multiplayer games. Every option can also be set in the environment "
        "(GAME_SERVER_PORT=9000) or in game-server.toml (table [game_server]).",
    )(read.append)
    complaint = io.StringIO()
    try:
        with contextlib.redirect_stderr(complaint):
            command()
    except SystemExit:
        # argparse puts the usage of all options, some seventy lines, before the one that says what is wrong.
        last = complaint.getvalue().strip().rpartition("\n")[2]
        if last:
            print(f"game_server: {last.partition('error: ')[2] or last}; --help lists the options", file=sys.stderr)
        raise
    return read[0]


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line; return the exit code."""
    if arguments is not None:
        sys.argv[1:] = arguments
    try:
        settings = _read_settings()
    except (ValueError, ts.exceptions.TsError) as error:
        print(f"game_server: {_complaint(error)}", file=sys.stderr)
        return EXIT_USAGE
    configure(settings.log_level, settings.log_json)
    try:
        place = WorkerPlace.from_environment()
        if place is None and settings.is_service:
            asyncio.run(supervise(settings, sys.argv[1:]))
        else:
            with asyncio.Runner(loop_factory=new_event_loop) as runner:
                runner.run(serve(settings, place))
    except (DefinitionError, BadSettings, BadBans) as error:
        print(f"game_server: {error}", file=sys.stderr)
        return EXIT_USAGE
    except OSError as error:
        where = f"{settings.host}:{settings.port}"
        print(f"game_server: cannot listen on {where}: {error.strerror or error}", file=sys.stderr)
        return EXIT_USAGE
    return 0


if __name__ == "__main__":
    sys.exit(main())
