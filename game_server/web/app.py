"""The wiring: which route is served by what. The one place where all parts meet.

Knows every part; each part knows only what it is given here.
"""

import re
from typing import Any

from prometheus_client import generate_latest
from tornado import web

from ..settings import Settings
from .admin import admin_routes
from .echo import EchoHandler
from .hub import Hub
from .libraries import LIBRARIES
from .logs import log
from .metrics import make_registry
from .pages import (
    STATIC_DIR,
    Alive,
    BrowserLibrary,
    Games,
    Health,
    LobbyPage,
    Metrics,
    NotFound,
    PlayPage,
    Rooms,
    Static,
)
from .socket import GameSocket, connection_options


def make_app(hub: Hub, settings: Settings, secret: str) -> web.Application:
    """Return the Tornado application of a hub; `secret` opens its admin page."""
    registry = make_registry(hub)
    hub.questions["metrics"] = lambda: generate_latest(registry).decode()
    only_hub: dict[str, Any] = {"hub": hub}
    options = connection_options(settings, hub.note_limit)
    routes: list[Any] = [
        (r"/", LobbyPage, only_hub),
        (r"/play/([A-Za-z0-9_]+)", PlayPage, only_hub),
        (r"/ws", GameSocket, {"hub": hub, "settings": settings, "options": options}),
        (r"/api/games", Games, {"hub": hub, "cache": {}}),
        (r"/api/rooms", Rooms, only_hub),
        (r"/healthz", Health, only_hub),
        (r"/livez", Alive, only_hub),
        (r"/metrics", Metrics, only_hub),
        *admin_routes(hub, settings, secret),
        (rf"/static/library/({'|'.join(map(re.escape, LIBRARIES))})", BrowserLibrary, {"path": str(STATIC_DIR)}),
        (r"/static/(.*)", Static, {"path": str(STATIC_DIR)}),
    ]
    if settings.echo:
        routes.append((r"/echo", EchoHandler))
    return web.Application(
        routes,
        default_handler_class=NotFound,
        default_handler_args=only_hub,
        websocket_max_message_size=settings.message_bytes_max,
        connect_origins=settings.connect_origins,  # asked for by the pages before they know the hub
        log_function=_log_request,
    )


def _log_request(handler: web.RequestHandler) -> None:
    if handler.get_status() >= 500 and handler.get_status() != 503:
        log.error("request_failed", path=handler.request.path, status=handler.get_status())
