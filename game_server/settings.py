"""Every rate and limit of the server: its name, unit, default and what it is for. One frozen class.

Values come from flags (`--seat-hold-s 30`), the environment (`GAME_SERVER_SEAT_HOLD_S=30`), the file
`game-server.toml` in the working directory or those in `GAME_SERVER_SETTINGS` (table `[game_server]`), in this order
of precedence. Relations between settings are checked when it is built. Knows nothing of what the settings do: the
core gets its own small classes from here.
"""

import math
import os
import re
from pathlib import Path

import attrs
import typed_settings as ts

from .core.limits import LobbyLimits, RoomLimits
from .web.addresses import FORWARDED_HEADERS, parse_networks

#: settings for which 0 has a meaning of its own
MAY_BE_ZERO = frozenset(
    {
        "port",
        "seat_hold_s",
        "idle_timeout_s",
        "empty_room_s",
        "drain_s",
        "send_buffer_bytes",
        "notsent_lowat_bytes",
        "rewind_max_ms",
        "seat_bytes_per_s",
        "tick_budget_ms",
        "identity_leeway_s",
    }
)


#: of a process that cannot start with its settings
EXIT_USAGE = 2


class BadSettings(ValueError):
    """Two settings contradict each other, or one makes no sense."""


@ts.settings(frozen=True)
class Settings:
    """The server's settings."""

    host: str = ts.option(default="127.0.0.1", help="address to listen on; 0.0.0.0 for all")
    port: int = ts.option(default=8888, help="port to listen on; 0 picks a free one")
    games: list[str] = ts.option(
        factory=list, help="games, as game_server/games/NAME or a module; repeat for more; none: all"
    )
    workers: str = ts.option(default="1", help="processes behind the one port: a number, or auto for one a core")
    run_dir: Path | None = ts.option(
        default=None,
        help="folder of the sockets between workers; none: one of the port's own, in the system's folder",
    )
    redis: str = ts.option(default="", help="redis://host:port of the board that several machines share; empty: alone")
    announce_url: str = ts.option(
        default="", help="where clients of other machines find this one, such as wss://eu1.example.org/ws"
    )
    redis_lease_s: float = ts.option(default=10.0, help="a machine that is not heard of for so long is delisted")
    redis_down: str = ts.option(
        default="local", help="quick matches while Redis is away: local makes them here, refuse says to try again"
    )
    orphan_drain_s: float = ts.option(default=600.0, help="a worker whose supervisor is gone for so long drains")
    data_dir: Path = ts.option(default=Path("data"), help="folder for files that games keep, such as best scores")
    admin_secret: ts.SecretStr = ts.secret(
        default=ts.SecretStr(""), help="secret of the admin page; empty: a random one is printed at start"
    )
    admin_view_secret: ts.SecretStr = ts.secret(
        default=ts.SecretStr(""), help="secret of the admin page for those who may look but not act; empty: nobody"
    )
    allowed_origins: list[str] = ts.option(
        factory=list, help="origins (https://example.org) of other sites whose pages may connect"
    )
    connect_origins: list[str] = ts.option(
        factory=list, help="where pages of this server may connect to beside itself (wss://eu2.example.org)"
    )
    trusted_proxies: list[str] = ts.option(
        factory=list, help="addresses or networks (10.0.0.0/8) of proxies whose forwarded_header is believed"
    )
    forwarded_header: str = ts.option(
        default="X-Forwarded-For", help="where trusted proxies name the client: X-Forwarded-For, Forwarded or X-Real-Ip"
    )
    exempt_addresses: list[str] = ts.option(
        # Not a factory: the command line would take its list for one that was given, and empty.
        default=["127.0.0.0/8", "::1"],
        help="addresses or networks that limits by address do not concern",
    )
    identity_secret: ts.SecretStr = ts.secret(
        default=ts.SecretStr(""), help="secret of at least 32 bytes that players' tokens are signed with (HS256)"
    )
    identity_key_file: str = ts.option(
        default="", help="public key in PEM (RS256, ES256, EdDSA) or JSON Web Key Set that verifies players' tokens"
    )
    identity_issuer: str = ts.option(default="", help="who must have issued players' tokens (iss); empty: anybody")
    identity_audience: str = ts.option(default="", help="whom players' tokens must be for (aud); empty: anybody")
    identity_leeway_s: float = ts.option(default=10.0, help="how far clocks may differ when a token's times are read")
    transport: str = ts.option(
        default="lean",
        help="lean: take sockets over after the handshake; tornado: Tornado's own frames",
    )
    echo: bool = ts.option(default=False, help="serve /echo, for conformance suites")
    send_buffer_bytes: int = ts.option(default=65_536, help="the kernel's send buffer of a connection; 0: its default")
    notsent_lowat_bytes: int = ts.option(default=8192, help="unsent bytes that the kernel takes; 0: its default")
    read_bytes_max: int = ts.option(
        default=4096, help="bytes read from a connection at once: at a tick, no more than this"
    )
    close_timeout_s: float = ts.option(default=5.0, help="how long a closing handshake may take")
    control_frames_per_s_max: int = ts.option(default=50, help="pings and pongs a second a client may send")
    log_level: str = ts.option(default="info", help="debug, info, warning or error")
    log_json: bool = ts.option(default=False, help="log as JSON lines")
    healthy_lateness_ms: float = ts.option(default=500.0, help="a due tick later than this makes /healthz fail")

    tick_budget_ms: float = ts.option(
        default=0.0, help="a room whose tick takes longer is named in log and status; 0: half of its tick period"
    )

    seat_hold_s: float = ts.option(default=20.0, help="how long a dropped player's seat is kept")
    join_timeout_s: float = ts.option(default=10.0, help="how long a connection may take to join")
    dead_after_s: float = ts.option(default=10.0, help="a connection that says nothing for so long is dropped")
    idle_timeout_s: float = ts.option(default=900.0, help="the same input for so long closes a player; 0: never")
    drain_s: float = ts.option(default=3.0, help="how long SIGTERM lets rooms play on before players are closed")
    step_timeout_s: float = ts.option(
        default=5.0, help="a game's step that takes longer is interrupted, its room closed"
    )

    bans_max: int = ts.option(default=1000, help="most bans by admins that hold at once")
    connections_max: int = ts.option(default=5000, help="most players connected; one who resumes is always let in")
    connections_address_max: int = ts.option(
        default=200, help="most players connected from one address; one who resumes is always let in"
    )
    openings_max: int = ts.option(default=2000, help="most game connections that have not joined yet")
    handshakes_per_s: float = ts.option(default=1000.0, help="game connections a second, over time")
    handshake_burst: float = ts.option(default=5000.0, help="game connections at once, such as after an outage")
    handshakes_address_per_s: float = ts.option(default=20.0, help="the same from one address, over time")
    handshake_address_burst: float = ts.option(default=400.0, help="the same from one address, at once")
    http_connections_max: int = ts.option(
        default=2000, help="most connections that are not a game's; then the oldest gives way"
    )
    http_connections_address_max: int = ts.option(default=200, help="the same from one address; more are refused")
    header_timeout_s: float = ts.option(default=10.0, help="how long a request's header may take, or the next request")
    body_timeout_s: float = ts.option(default=10.0, help="how long a request's body may take")
    header_bytes_max: int = ts.option(default=16_384, help="longest header of a request")
    body_bytes_max: int = ts.option(default=65_536, help="longest body of a request")
    rooms_max: int = ts.option(default=1000, help="most rooms")
    service_rooms_max: int = ts.option(default=20_000, help="most rooms of all machines that share a Redis")
    service_address_max: int = ts.option(
        default=500, help="most players of one address on all machines that share a Redis"
    )
    rooms_per_s: float = ts.option(default=200.0, help="most new rooms a second")
    rooms_address_per_s: float = ts.option(default=1.0, help="new rooms a second for one address, over time")
    rooms_address_burst: int = ts.option(default=50, help="new rooms for one address at once")
    empty_room_s: float = ts.option(default=5.0, help="how long a room without seats taken is kept")
    tick_slot_ms: float = ts.option(
        default=10.0, help="rooms tick together in slots of so long, evenly over the period"
    )
    message_bytes_max: int = ts.option(default=4096, help="largest message a client may send")
    messages_per_s: float = ts.option(default=120.0, help="messages a second a client may send, over time")
    message_burst: float = ts.option(default=2400.0, help="messages a client may send at once, such as after a stall")
    bytes_per_s: float = ts.option(default=32_768.0, help="bytes a second a client may send, over time")
    bytes_burst: float = ts.option(default=655_360.0, help="bytes a client may send at once, such as after a stall")
    commands_per_s: float = ts.option(default=10.0, help="commands a second a player may send, over time")
    command_burst: int = ts.option(default=40, help="commands a player may send at once")
    pings_per_s: float = ts.option(default=10.0, help="ping messages a second that are answered, over time")
    ping_burst: int = ts.option(default=120, help="ping messages that are answered at once, such as after a stall")
    resyncs_per_s: float = ts.option(default=0.5, help="full states a second a client may ask for, over time")
    resync_burst: int = ts.option(default=4, help="full states a client may ask for at once")
    input_queue_len_max: int = ts.option(default=8, help="inputs of a seat that may wait")
    history_s: float = ts.option(default=10.0, help="how far back a resumed or skipped client can get a delta")
    event_log_len_max: int = ts.option(default=512, help="events a room keeps for clients that come back")
    chat_len_max: int = ts.option(default=200, help="longest chat text, in characters")
    chat_per_s: float = ts.option(default=1.0, help="chat messages a second a player may send, over time")
    chat_burst: int = ts.option(default=4, help="chat messages a player may send at once")
    name_len_max: int = ts.option(default=16, help="longest player name, in characters")
    checksum_s: float = ts.option(default=5.0, help="how often a state carries a checksum")
    catch_up_ticks_max: int = ts.option(default=4, help="owed ticks a room may run at once; more are dropped")
    spectators_max: int = ts.option(default=50, help="most who watch a room, public and unseen ones each")
    rewind_max_ms: float = ts.option(
        default=500.0, help="how old a picture games may judge a shot by, at most; 0: the newest state alone"
    )
    seat_bytes_per_s: int = ts.option(
        default=0, help="bytes of state a second and seat; what does not fit waits, the nearest goes first; 0: no bound"
    )
    late_ack_ms: float = ts.option(
        default=700.0, help="a state acked later than this, and than twice what the line takes, means a slow client"
    )
    slow_ack_ms: float = ts.option(default=2000.0, help="a state acked later than this means one in any case")
    backlog_hard_bytes: int = ts.option(default=262_144, help="unsent bytes at which a connection is closed")
    backlog_soft_s: float = ts.option(default=15.0, help="a connection that stays blocked for so long is closed")
    outside_calls_max: int = ts.option(default=16, help="outside calls of a room under way at once")
    outside_timeout_s: float = ts.option(default=10.0, help="outside work that takes longer fails")

    def __attrs_post_init__(self) -> None:
        for name in (attribute.name for attribute in attrs.fields(self.__class__)):  # type: ignore[arg-type]
            value = getattr(self, name)
            if type(value) is float and not math.isfinite(value):
                raise BadSettings(f"{name} must be a finite number, not {value}")
            if type(value) in (int, float) and not (value > 0 or (value == 0 and name in MAY_BE_ZERO)):
                least = "0 or more" if name in MAY_BE_ZERO else "above 0"
                raise BadSettings(f"{name} must be {least}, not {value}")
        if not 0 <= self.port <= 65_535:
            raise BadSettings(f"port must be from 0 to 65535, not {self.port}")
        if self.transport not in ("lean", "tornado"):
            raise BadSettings(f"transport must be lean or tornado, not {self.transport!r}")
        if self.log_level not in ("debug", "info", "warning", "error"):
            raise BadSettings(f"log_level must be debug, info, warning or error, not {self.log_level!r}")
        if self.late_ack_ms > self.slow_ack_ms:
            raise BadSettings("late_ack_ms must be at most slow_ack_ms")
        self._check_bursts()
        self._check_networks()
        self._check_service()
        if self.message_bytes_max < 4 * self.chat_len_max + 64:
            raise BadSettings("message_bytes_max must hold a chat message: at least 4 * chat_len_max + 64")

    def _check_bursts(self) -> None:
        """Refuse bursts that would punish an honest client, which sends all of a stall at once when it is over."""
        for rate, burst in (("messages_per_s", "message_burst"), ("bytes_per_s", "bytes_burst")):
            if getattr(self, burst) < getattr(self, rate) * self.dead_after_s:
                raise BadSettings(f"{burst} must be at least {rate} * dead_after_s: what comes at once after a stall")
        if self.handshake_address_burst < self.connections_address_max:
            raise BadSettings(
                "handshake_address_burst must be at least connections_address_max: all may come back at once"
            )

    def _check_networks(self) -> None:
        for name in ("trusted_proxies", "exempt_addresses"):
            try:
                parse_networks(getattr(self, name))
            except ValueError as error:
                raise BadSettings(f"{name}: {error}") from None
        for origin in self.allowed_origins:
            # As browsers send it, or it would never be found: in small letters, and with nothing behind the host.
            if not re.fullmatch(r"[a-z][a-z0-9+.-]*://[a-z0-9._:\[\]-]+|null", origin):
                raise BadSettings(f"allowed_origins are such as https://example.org, without a path, not {origin!r}")
        if self.forwarded_header not in FORWARDED_HEADERS:
            known = ", ".join(FORWARDED_HEADERS)
            raise BadSettings(f"forwarded_header must be one of {known}, not {self.forwarded_header!r}")

    def _check_service(self) -> None:
        """Refuse what several processes or machines cannot be made of."""
        if self.workers != "auto" and not (self.workers.isascii() and self.workers.isdigit() and int(self.workers)):
            raise BadSettings(f"workers must be a number from 1, or auto, not {self.workers!r}")
        if self.transport == "tornado" and self.is_service:
            raise BadSettings("several workers, or redis, hand sockets over, which needs transport lean")
        for origin in self.connect_origins:
            if not re.fullmatch(r"(wss?|https?)://[\w.*:\[\]-]+", origin):
                raise BadSettings(f"connect_origins are such as wss://eu2.example.org, without a path, not {origin!r}")
        if self.redis and not self.redis.startswith(("redis://", "rediss://", "unix://")):
            raise BadSettings(f"redis must be redis://host:port (or rediss:// or unix://), not {self.redis!r}")
        if self.redis and not self.announce_url.startswith(("ws://", "wss://")):
            raise BadSettings("with redis, announce_url says where clients of other machines find this one: wss://...")
        if self.redis_down not in ("local", "refuse"):
            raise BadSettings(f"redis_down must be local or refuse, not {self.redis_down!r}")

    @property
    def worker_count(self) -> int:
        """Processes that serve players."""
        if self.workers == "auto":
            return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
        return int(self.workers)

    @property
    def is_service(self) -> bool:
        """Whether a supervisor starts workers: there are several, or other machines."""
        return self.worker_count > 1 or bool(self.redis)

    def room_limits(self) -> RoomLimits:
        """Return what the core needs to bound a room."""
        return RoomLimits(**{name: getattr(self, name) for name in RoomLimits.__annotations__})

    def lobby_limits(self) -> LobbyLimits:
        """Return what the core needs to bound the rooms of a process."""
        return LobbyLimits(**{name: getattr(self, name) for name in LobbyLimits.__annotations__})
