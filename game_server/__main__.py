"""Start the server: read the settings, listen, print where to look, and stop in an orderly way.

SIGINT and SIGTERM drain (players are told, `drain_s` at most); a second one stops at once.
"""

import asyncio
import gc
import os
import secrets
import signal
import sys
from collections.abc import Sequence

import typed_settings as ts
from tornado.netutil import bind_sockets

from .errors import DefinitionError
from .settings import BadSettings, Settings
from .web.app import make_app
from .web.descriptors import PatientListener, raise_descriptor_limit
from .web.front import Front
from .web.games import load_games
from .web.hub import Hub
from .web.logs import configure, log

EXIT_USAGE = 2

#: objects made and not freed before a young collection; the default of 700 would come several times a tick
GC_THRESHOLD = 50_000

#: for files, and connections that are being closed
DESCRIPTORS_SPARE = 500


async def serve(settings: Settings) -> None:
    """Run the server until it is told to stop."""
    raise_descriptor_limit(
        settings.connections_max + settings.openings_max + settings.http_connections_max + DESCRIPTORS_SPARE
    )
    hub = Hub(settings, load_games(settings.games))
    secret = str(settings.admin_secret) or secrets.token_urlsafe(16)
    server = Front(make_app(hub, settings, secret), settings, hub.addresses, hub.note_limit)
    listeners = [PatientListener(sock) for sock in bind_sockets(settings.port, settings.host, backlog=1024)]
    hub.listeners = listeners
    server.add_sockets(listeners)
    port = listeners[0].getsockname()[1]
    hub.start()
    _quieten_garbage_collection()
    _listen_for_signals(hub.stop_asked)
    with hub.watchdog:
        _announce(settings.host, port, secret)
        await hub.stop_asked.wait()
        log.info("draining", players=hub.lobby.players)
        # Still listening: /healthz says that nobody new should come, and who lost its connection may come back.
        await hub.drain()
        server.stop()
        await server.close_all_connections()
        for listener in listeners:
            listener.close()


def _announce(host: str, port: int, secret: str) -> None:
    everywhere = ("", "0.0.0.0", "::")  # noqa: S104 - compared with, not bound
    shown = "127.0.0.1" if host in everywhere else f"[{host}]" if ":" in host else host
    print(f"play   http://{shown}:{port}/")
    print(f"admin  http://{shown}:{port}/admin?secret={secret}", flush=True)


def _quieten_garbage_collection() -> None:
    """Keep the collector from looking at what never goes, and from looking often: ticks make no cycles."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(GC_THRESHOLD, 20, 100)


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
    command()
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
        asyncio.run(serve(settings))
    except (DefinitionError, BadSettings) as error:
        print(f"game_server: {error}", file=sys.stderr)
        return EXIT_USAGE
    except OSError as error:
        where = f"{settings.host}:{settings.port}"
        print(f"game_server: cannot listen on {where}: {error.strerror or error}", file=sys.stderr)
        return EXIT_USAGE
    return 0


if __name__ == "__main__":
    sys.exit(main())
