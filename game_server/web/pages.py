"""Pages, static files and the small HTTP API: lobby, play pages, rooms, games, health, metrics.

Every answer carries the same strict headers: nothing inline, nothing from other hosts, no framing. Knows HTTP; asks
the hub for figures.
"""

import asyncio
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import attrs
import ujson
from prometheus_client.exposition import CONTENT_TYPE_LATEST
from tornado import web

from ..core.game import Game
from .hub import Hub
from .libraries import LIBRARIES, find_library
from .logs import log
from .room_rows import public_rooms
from .together import health_of, metrics_of, rooms_of

STATIC_DIR = Path(__file__).resolve().parents[2] / "static"
LOBBY_CACHE_S = 3.0
#: in a policy
NOBODY, SAME_ORIGIN = "'none'", "'self'"


def security_headers(
    host: str, frame_ancestors: str = NOBODY, frames: str = NOBODY, origins: Sequence[str] = ()
) -> dict[str, str]:
    """Return the headers of every answer.

    Args:
        host: this server's; named because older browsers do not count WebSockets as 'self'.
        frame_ancestors: whose pages may show the answer in a frame.
        frames: whose pages it may show in one.
        origins: where else it may connect to.
    """
    reached = " ".join(("'self'", f"ws://{host}", f"wss://{host}", *origins))
    policy = (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; font-src 'self'; "
        f"connect-src {reached}; manifest-src 'self'; base-uri 'none'; form-action 'self'; "
        f"frame-src {frames}; frame-ancestors {frame_ancestors}"
    )
    return {
        "Content-Security-Policy": policy,
        "X-Content-Type-Options": "nosniff",
        "Referrer-Policy": "same-origin",
        "Cross-Origin-Opener-Policy": "same-origin",
        "Server": "game_server",
    }


class Page(web.RequestHandler):
    """What all answers share."""

    #: whose pages may show this one in a frame, and whose this one may
    frame_ancestors = NOBODY
    frames = NOBODY

    def initialize(self, hub: Hub) -> None:
        self.hub = hub

    def set_default_headers(self) -> None:
        # A Host header ends up in a header of ours: only the characters of a host may.
        host = "".join(c for c in self.request.host if c.isalnum() or c in ".-:[]")
        for name, value in security_headers(
            host, str(self.frame_ancestors), self.frames, self.application.settings.get("connect_origins", ())
        ).items():
            self.set_header(name, value)
        self.set_header("Cache-Control", "no-cache")

    def write_json(self, value: Any, status: int = 200) -> None:
        self.set_status(status)
        self.set_header("Content-Type", "application/json; charset=utf-8")
        self.finish(ujson.dumps(value, allow_nan=False, ensure_ascii=False, escape_forward_slashes=False))

    def write_error(self, status_code: int, **kwargs: Any) -> None:
        self.write_json({"error": self._reason}, status_code)


class Static(web.StaticFileHandler):
    """Files under /static: always revalidated by ETag, so that a new version is seen at once."""

    def set_default_headers(self) -> None:
        for name, value in security_headers(self.request.host).items():
            self.set_header(name, value)

    def set_extra_headers(self, path: str) -> None:
        self.set_header("Cache-Control", "no-cache")


class BrowserLibrary(Static):
    """`/static/library/<file>`: a file of a library that a package carries; see `libraries`."""

    async def get(self, path: str, include_body: bool = True) -> None:
        found = find_library(path)
        if found is None:
            raise web.HTTPError(404, reason=f"Not installed: {LIBRARIES[path].distribution}, see requirements.txt")
        self.root = str(found.parent)
        await super().get(found.name, include_body)


class LobbyPage(Page):
    """`/`: choose a name, a game and a room."""

    def get(self) -> None:
        self.render(str(STATIC_DIR / "lobby" / "index.html"))


class PlayPage(Page):
    """`/play/<game>`: the game's own page, or the one that shows any game by its schema."""

    @property
    def frame_ancestors(self) -> str:  # type: ignore[override]
        """The status page shows a room that it holds a ticket for in a frame."""
        return SAME_ORIGIN if "ticket" in self.request.arguments else NOBODY

    def get(self, name: str) -> None:
        game = self.hub.games.get(name)
        if game is None:
            raise web.HTTPError(404, reason=f"No such game; there are {', '.join(self.hub.games)}")
        definition = game.definition
        title = title_of(definition.cls, name)
        self.render(str(page_of(name)), schema_hash=definition.schema_hash, game=name, title=title)


def page_of(name: str) -> Path:
    """Return the file of a game's page; a game that brings none gets the page for all."""
    own = STATIC_DIR / "games" / name / "index.html"
    return own if own.is_file() else STATIC_DIR / "play" / "index.html"


def title_of(cls: type[Game], name: str) -> str:
    """Return what a game is called."""
    return cls.title or name.capitalize()


class Games(Page):
    """`/api/games`: what can be played, and what each game tells the lobby."""

    _cache: dict[str, tuple[float, dict[str, Any]]]

    def initialize(self, hub: Hub, cache: dict[str, tuple[float, dict[str, Any]]]) -> None:  # type: ignore[override]
        super().initialize(hub)
        self._cache = cache

    async def get(self) -> None:
        self.write_json([await self._describe(name) for name in self.hub.games])

    async def _describe(self, name: str) -> dict[str, Any]:
        game = self.hub.games[name]
        cls = game.definition.cls
        return {
            "name": name,
            "title": title_of(cls, name),
            "seats": cls.seats,
            "tick_rate": cls.tick_rate,
            "schema_hash": game.definition.schema_hash,
            "options": attrs.asdict(cls.Options()) if cls.Options is not None else {},
            "has_page": page_of(name).is_file(),
            "lobby": await self._lobby(name),
        }

    async def _lobby(self, name: str) -> dict[str, Any]:
        ask = self.hub.games[name].lobby
        if ask is None:
            return {}
        now_s = self.hub.now_s()
        known_s, known = self._cache.get(name, (-LOBBY_CACHE_S, {}))
        if now_s - known_s >= LOBBY_CACHE_S:
            # Noted before asking, so that a slow answer is asked for once and not by every visitor.
            self._cache[name] = (now_s, known)
            try:
                known = await asyncio.wait_for(ask(self.hub.context), self.hub.settings.outside_timeout_s)
            except Exception:  # noqa: BLE001 - a game's own code; the lobby shows without it
                log.exception("lobby_failed", game=name)
            self._cache[name] = (now_s, known)
        return known


class Rooms(Page):
    """`/api/rooms`: the public rooms of all machines, of one game with `?game=`; those of others have a `url`."""

    async def get(self) -> None:
        game = self.get_query_argument("game", None)
        if game is not None and game not in self.hub.games:
            self.write_json({"error": f"no such game; there are {', '.join(self.hub.games)}"}, 404)
            return
        answers, elsewhere = await asyncio.gather(self.hub.gather("rooms"), self.hub.others.rooms_elsewhere())
        # Of games that are not served here the lobby could show nothing.
        far = [room for room in public_rooms(elsewhere) if room["game"] in self.hub.games]
        rooms = rooms_of({**answers, "elsewhere": far})
        self.write_json({"rooms": [room for room in rooms if game in (None, room["game"])]})


class Health(Page):
    """`/healthz`: 200 while ticks are on time in all processes, 503 otherwise."""

    async def get(self) -> None:
        health = health_of(await self.hub.gather("health"))
        self.write_json(health, 200 if health["ok"] else 503)


class Alive(Page):
    """`/livez`: 200 while the event loop turns at all, draining or late though it may be."""

    def get(self) -> None:
        self.write_json({"ok": True})


class Metrics(Page):
    """`/metrics`: Prometheus text."""

    async def get(self) -> None:
        self.set_header("Content-Type", CONTENT_TYPE_LATEST)
        self.finish(metrics_of(await self.hub.gather("metrics"), self.hub.is_worker))


class NotFound(Page):
    """Everything else."""

    def prepare(self) -> None:
        raise web.HTTPError(404)
